// An HTTP server: SwiftNIO reads and writes the sockets, and the handlers of requests run on the scheduler's pool.
//
//     HTTPServer [PORT [pool | fixed | swift [THREADS]]]
//
//   event loop: accept, read, parse ──request──▶ the connection's task, on the pool: a handler
//               encode, write       ◀─response──
//
// A handler may compute, or block its thread. The pool keeps THREADS workers running: its monitor starts a spare worker
// for one that is blocked, so other requests do not wait for it. For comparison, `fixed` is a pool without a monitor, and
// `swift` runs the same tasks on Swift's own executor, which has one thread for each processor. SIGTERM ends the server:
// it accepts no more connections, cancels the tasks of those that it has, which closes them, and waits for handlers that
// have begun.

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import WorkStealing

typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

// MARK: Handlers

struct Answer {
    var status = HTTPResponseStatus.ok
    var type = "text/plain"
    let body: ByteBuffer
}

struct Greeting: Encodable {
    let message: String
}

/// A handler, chosen by the path. It may use its thread as long as it likes.
func answer(_ request: HTTPRequestHead) throws -> Answer {
    guard request.method == .GET || request.method == .HEAD else {
        return Answer(status: .methodNotAllowed, body: ByteBuffer(string: "GET or HEAD\n"))
    }
    switch request.uri {
    case "/plaintext": return Answer(body: ByteBuffer(string: "Hello, World!"))
    case "/json":
        let body = try JSONEncoder().encode(Greeting(message: "Hello, World!"))
        return Answer(type: "application/json", body: ByteBuffer(bytes: body))
    case "/blocking":
        // As a call of a database driver that is not asynchronous.
        usleep(50_000)
        return Answer(body: ByteBuffer(string: "waited\n"))
    case "/computing": return Answer(body: ByteBuffer(string: "\(primes(below: 20_000)) primes\n"))
    default: return Answer(status: .notFound, body: ByteBuffer(string: "not found\n"))
    }
}

/// Their number, by trial division.
func primes(below limit: Int) -> Int {
    (2..<limit).count { candidate in
        var divisor = 2
        while divisor * divisor <= candidate {
            if candidate % divisor == 0 { return false }
            divisor += 1
        }
        return true
    }
}

// MARK: Connections

/// Answers the requests of a connection, one after the other.
func serve(_ connection: Connection) async throws {
    try await connection.executeThenClose { requests, responses in
        var received: HTTPRequestHead?
        for try await part in requests {
            if case .head(let head) = part { received = head }
            guard case .end = part, let request = received else { continue }
            let answer = try answer(request)
            let headers: HTTPHeaders = ["Content-Type": answer.type, "Content-Length": "\(answer.body.readableBytes)"]
            let head = HTTPResponseHead(version: request.version, status: answer.status, headers: headers)
            let isWanted = request.method != .HEAD
            try await responses.write(
                contentsOf: [.head(head)] + (isWanted ? [.body(.byteBuffer(answer.body))] : []) + [.end(nil)])
            if !request.isKeepAlive { return }
        }
    }
}

// MARK: The program

let arguments = CommandLine.arguments.dropFirst()
let executor = arguments.dropFirst().first ?? "pool"
let threads = arguments.dropFirst(2).first.map { Int($0) } ?? Scheduler.defaultThreads
guard let port = Int(arguments.first ?? "8080"), let threads, threads >= 1,
    ["pool", "fixed", "swift"].contains(executor)
else {
    fatalError("usage: HTTPServer [PORT [pool | fixed | swift [THREADS]]]")
}

let scheduler = Scheduler(threads: threads, maximumThreads: executor == "pool" ? threads + 256 : threads)
try scheduler.start()

/// On Swift's own executor connections are child tasks of this one, so the end of the server can cancel and await them.
let (connections, accepted) = AsyncStream.makeStream(of: Connection.self)
let withoutPool = Task {
    await withDiscardingTaskGroup { tasks in
        for await connection in connections { tasks.addTask { await serveToTheEnd(connection) } }
    }
}

let isEnding = Mutex(false)

/// An error of one connection is no reason to end the server. It is reported, unless the client has gone or the server
/// ends.
@Sendable func serveToTheEnd(_ connection: Connection) async {
    do {
        try await serve(connection)
    } catch {
        if error is IOError || isEnding.withLock({ $0 }) { return }
        FileHandle.standardError.write(Data("HTTPServer: a connection ended: \(error)\n".utf8))
    }
}

/// A task for each connection.
@Sendable func begin(_ connection: Connection) {
    if executor == "swift" {
        accepted.yield(connection)
    } else {
        scheduler.spawn { await serveToTheEnd(connection) }
    }
}

let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let server = try await ServerBootstrap(group: loops)
    .serverChannelOption(.backlog, value: 1024)
    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.configureHTTPServerPipeline()
            begin(try Connection(wrappingChannelSynchronously: channel))
        }
    }
    .bind(host: "127.0.0.1", port: port).get()
signal(SIGTERM, SIG_IGN)
print("port \(server.localAddress?.port ?? port)")
fflush(nil)

let termination = DispatchSource.makeSignalSource(signal: SIGTERM)
await withCheckedContinuation { continuation in
    termination.setEventHandler { continuation.resume() }
    termination.activate()
}
isEnding.withLock { $0 = true }
try await server.close().get()
withoutPool.cancel()
await withoutPool.value
scheduler.cancel()
try await scheduler.stop()
try await loops.shutdownGracefully()
print("at most \(scheduler.statistics.mostThreads) threads")
