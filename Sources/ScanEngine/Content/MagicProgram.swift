import CLinux
import Glibc
import LinuxKernel

/// The program that runs libmagic in a separate process, which can do nothing else: `Sources/fsscan-magic`.
package struct MagicProgram: Sendable {
    let path: [UInt8]
    /// Seconds of processor time for one file. The slowest of the files made to be slow takes less than one.
    var processorSeconds = 30
    /// Milliseconds for one file, including waiting: a helper that was taken over may just wait. A file system may need
    /// minutes for 7 MiB.
    var milliseconds: Int32 = 600_000

    package init(path: [UInt8]) { self.path = path }

    package enum Finding: Sendable {
        case found(MagicProgram)
        /// libmagic runs in this process instead.
        case missing(reason: String)
    }

    /// Installed relative to this program: `libexec/fsscan/fsscan-magic` for `bin/fsscan`, else in the same directory,
    /// as in a build. Searched once.
    package static let installed: Finding = find()

    private static func find() -> Finding {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let length = buffer.withUnsafeMutableBytes {
            clinux_program_path($0.baseAddress!.assumingMemoryBound(to: CChar.self), UInt($0.count))
        }
        let slash = UInt8(ascii: "/")
        guard length > 0, let end = buffer[..<length].lastIndex(of: slash) else {
            return .missing(reason: "the location of this program is unknown")
        }
        let program = Array(buffer[..<length])
        let directory = Array(program[..<end])
        let name = Array("fsscan-magic".utf8)
        var places = [directory + [slash] + name]
        if let parent = directory.lastIndex(of: slash), directory[(parent + 1)...].elementsEqual("bin".utf8) {
            places.insert(directory[...parent] + Array("libexec/fsscan/".utf8) + name, at: 0)
        }
        for place in places where isFile(place) {
            guard geteuid() != 0 || isTrusted(place, besides: program) else {
                return .missing(reason: "users other than root and the owner of fsscan may change fsscan-magic")
            }
            return .found(MagicProgram(path: place))
        }
        return .missing(reason: "fsscan-magic is not installed")
    }

    private static func isFile(_ path: [UInt8]) -> Bool {
        guard let status = status(path) else { return false }
        return status.kind == .file && status.mode & 0o111 != 0
    }

    /// For root: a copy of fsscan in a directory that others can write to (/tmp) must not start a program that somebody
    /// put beside it.
    private static func isTrusted(_ path: [UInt8], besides program: [UInt8]) -> Bool {
        guard let owner = status(program)?.uid, let end = path.lastIndex(of: UInt8(ascii: "/")) else { return false }
        return [path, Array(path[..<end])].allSatisfy { place in
            guard let status = status(place) else { return false }
            return (status.uid == 0 || status.uid == owner) && status.mode & 0o022 == 0
        }
    }

    private static func status(_ path: [UInt8]) -> FileStatus? {
        var status = FileStatus()
        let isKnown = (path + [0]).withUnsafeBytes { bytes in
            let name = bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
            return (try? Kernel.status(of: name, in: Kernel.workingDirectory, into: &status)) != nil
        }
        return isKnown ? status : nil
    }
}

/// How libmagic is confined, in case a file takes it over.
package enum MIMEConfinement: Equatable, Sendable {
    /// A separate process runs it, which can only read the files that it receives.
    case confined
    /// A separate process runs it, with all rights of its user.
    case unconfined(reason: String)
    /// This process runs it.
    case inProcess(reason: String)

    /// Nil if it is confined.
    package var reason: String? {
        switch self {
        case .confined: nil
        case .unconfined(let reason): reason
        case .inProcess(let reason): "libmagic runs in fsscan's own process: \(reason)"
        }
    }

    /// The confinement on this machine, determined by starting the helper.
    ///
    /// - Throws: if libmagic is unusable.
    package static func ofThisMachine() throws(MIMEUnavailable) -> MIMEConfinement {
        let detectors = MIMEDetectors(count: 1)
        try detectors.prepare()
        return detectors.confinement ?? .inProcess(reason: "not prepared")
    }
}
