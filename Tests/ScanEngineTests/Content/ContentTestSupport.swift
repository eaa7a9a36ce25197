// Shared by the tests of the content stage: digests of a path through parts of the engine, without the engine.

import CLinux
import Entries
import Glibc
import LinuxKernel
import TestSupport

@testable import ScanEngine

/// A buffer that is freed at the end of a test.
func withBuffer<R>(_ byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    defer { buffer.deallocate() }
    return try body(buffer)
}

/// The digests of a file's content, in hex, read in pieces of `bufferBytes` and in messages of `budget` bytes.
func fileDigests(
    _ path: ByteString, _ algorithms: [DigestAlgorithm], bufferBytes: Int = 1 << 20, budget: Int64 = 16 << 20
) throws -> [String] {
    let methods = try DigestMethods(DigestSet(algorithms))
    var digest = MultiDigest(methods)
    var row: [UInt8] = []
    try appendFileRow(path, with: &digest, bufferBytes: bufferBytes, budget: budget, to: &row)
    return methods.set.named(row).map(\.hex)
}

func appendFileRow(
    _ path: ByteString, with digest: inout MultiDigest, bufferBytes: Int = 1 << 20, budget: Int64 = 16 << 20,
    to row: inout [UInt8]
) throws {
    try path.withCString { path in
        var reader = try FileReader(path, in: AT_FDCWD, expecting: nil)
        digest.begin(length: reader.status.size)
        try withBuffer(bufferBytes) { buffer in
            while try !reader.feed(&digest, budget: budget, through: buffer) {}
        }
    }
    digest.finish(appendingTo: &row)
}

/// The digests of the entry at `path`, as one row; nil if they are not known. Splits each directory into two builders
/// and merges them, as the engine does with large ones.
func row(of path: ByteString, with digest: inout MultiDigest) throws -> [UInt8]? {
    var status = stat()
    guard path.withCString({ lstat($0, &status) }) == 0 else { throw Failure(errnoOf: "lstat", path) }
    var out: [UInt8] = []
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
        var halves = [TreeDigest(digest.set), TreeDigest(digest.set)]
        let descriptor = path.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        defer { close(descriptor) }
        for (index, name) in try names(in: descriptor).enumerated() {
            let child = path.appending(name)
            var childStatus = stat()
            guard child.withCString({ lstat($0, &childStatus) }) == 0 else { throw Failure(errnoOf: "lstat", child) }
            if let childRow = try row(of: child, with: &digest) {
                name.bytes.withUnsafeBytes {
                    halves[index % 2].append(name: $0, mode: childStatus.st_mode, row: childRow)
                }
            } else {
                halves[index % 2].appendUnknown()
            }
        }
        var whole = halves[0]
        whole.merge(halves[1])
        return whole.finish(with: &digest, appendingTo: &out) ? out : nil
    case S_IFREG:
        try appendFileRow(path, with: &digest, to: &out)
    case S_IFLNK:
        let target = try path.withCString { try Kernel.symlinkTarget($0, in: AT_FDCWD) }
        target.withUnsafeBytes { digest.digest($0, appendingTo: &out) }
    default:
        digest.digest(UnsafeRawBufferPointer(start: nil, count: 0), appendingTo: &out)
    }
    return out
}

func directoryDigests(_ path: ByteString, _ algorithms: [DigestAlgorithm]) throws -> [DigestAlgorithm: String] {
    let methods = try DigestMethods(DigestSet(algorithms))
    var digest = MultiDigest(methods)
    guard let row = try row(of: path, with: &digest) else { return [:] }
    return Dictionary(uniqueKeysWithValues: zip(methods.set.algorithms, methods.set.named(row).map(\.hex)))
}

/// The first word of a program's output: every checksum program prints the digest first.
func firstWord(_ arguments: [ByteString], _ options: ProcessOptions = ProcessOptions()) throws -> String {
    // A leading backslash means that the name is escaped.
    let text = String(decoding: try output(of: arguments, options), as: UTF8.self)
    return String(text.drop { $0 == "\\" }.prefix { !$0.isWhitespace })
}

/// Bytes that look random and are the same in every run.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
    }
}
