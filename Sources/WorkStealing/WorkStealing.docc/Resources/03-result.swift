// An actor, a fan-out, a result: counts the files in a directory tree, and their bytes.
//
//     TreeSize DIRECTORY [THREADS]
//
// Each directory is an actor. Its `scan` message makes an actor for every subdirectory, and totals flow back up.

import Foundation
import WorkStealing

/// The contents of a directory. Two of them add up, in any order.
struct Totals {
    var files = 0
    var bytes = 0

    static func += (left: inout Totals, right: Totals) {
        left.files += right.files
        left.bytes += right.bytes
    }
}

actor Directory: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private let path: String
    private let parent: Directory?
    private var totals = Totals()
    /// Subdirectories that have not reported yet.
    private var pending = 0

    init(_ path: String, on scheduler: Scheduler) {
        (self.path, parent) = (path, nil)
        mailbox = Mailbox(scheduler)
    }

    private init(_ name: String, in parent: Directory) {
        (path, self.parent) = ("\(parent.path)/\(name)", parent)
        mailbox = Mailbox(beside: parent.mailbox)
    }

    /// Reads the directory, and starts the scans of its subdirectories: `send` returns at once.
    func scan() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
            switch attributes[.type] as? FileAttributeType {
            case .typeDirectory:
                pending += 1
                Directory(name, in: self).send { try $0.scan() }
            case .typeRegular:
                totals += Totals(files: 1, bytes: attributes[.size] as? Int ?? 0)
            default: break
            }
        }
        reportIfComplete()
    }

    private func childCompleted(_ child: Totals) {
        totals += child
        pending -= 1
        reportIfComplete()
    }

    private func reportIfComplete() {
        guard pending == 0 else { return }
        let totals = totals
        parent?.send { $0.childCompleted(totals) }
    }

    /// The result, complete after the run.
    func result() -> Totals { totals }
}

let arguments = CommandLine.arguments
guard arguments.count >= 2 else { fatalError("usage: TreeSize DIRECTORY [THREADS]") }
let scheduler = Scheduler(threads: arguments.count > 2 ? Int(arguments[2]) ?? 2 : 2)
let root = Directory(arguments[1], on: scheduler)
root.send { try $0.scan() }
// The calling thread works too. `run` returns when no message is pending, and throws the error of a message.
try scheduler.run()

scheduler.spawn {
    let totals = try await root.ask { $0.result() }
    print("\(totals.files) files, \(totals.bytes) bytes")
}
try scheduler.run()
