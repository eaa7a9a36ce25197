import CLinux
import Glibc
import LinuxKernel

/// The way to an `OutputPlace`, name by name.
struct OutputResolution {
    private let rules = OutputRules()
    private var directory: HeldFile
    /// The names that are still to be looked up.
    private var rest: ArraySlice<UInt8>
    /// The names so far: directories, from the root, or from the working directory.
    private var isAbsolute: Bool
    private var names: [[UInt8]] = []
    private var links = 0
    /// The owner of a link that was followed in a directory open to others; nil: none, or only root's.
    private var linkOwner: UInt32?

    /// The kernel's limit for one path.
    private static let linkLimit = 40
    private static let slash = UInt8(ascii: "/")
    private static let here = Array(".".utf8)
    private static let up = Array("..".utf8)
    /// Of linux/magic.h.
    private static let procFileSystem: UInt64 = 0x9fa0

    init(_ path: [UInt8]) throws(PlaceError) {
        let isRoots = rules.areRoots
        directory = try PlaceError.converting { () throws(Errno) in
            if path.isEmpty { throw .noSuchEntry }
            // An open descriptor is not subject to the kernel's rules for links: /proc may be unreadable.
            if !isRoots, Self.descriptorNumber(path[...]) == nil { try Self.askKernel(path) }
            return try Self.start(of: path)
        }
        rest = path[...]
        isAbsolute = path.first == Self.slash
    }

    private static func start(of path: [UInt8]) throws(Errno) -> HeldFile {
        try HeldFile(path.first == slash ? [slash] : here, in: Kernel.workingDirectory, O_DIRECTORY)
    }

    /// Lets the kernel check the links on the way. A missing file is not a problem.
    private static func askKernel(_ path: [UInt8]) throws(Errno) {
        do throws(Errno) {
            _ = try HeldFile(path, in: Kernel.workingDirectory, 0)
        } catch {
            if error != .noSuchEntry { throw error }
        }
    }

    /// Looks up the next name. Returns the target, if it is the last one.
    mutating func step() throws(PlaceError) -> OutputDestination? {
        if isAbsolute, names.isEmpty, let number = Self.descriptorNumber(rest) {
            if let linkOwner { throw Self.misleading(linkOwner) }
            return .openDescriptor(number)
        }
        rest = rest.drop { $0 == Self.slash }
        let name = Array(rest.prefix { $0 != Self.slash })
        rest = rest.dropFirst(name.count)
        let isLast = !rest.contains { $0 != Self.slash }
        // The path ends in a directory.
        if name.isEmpty || (isLast && name == Self.here) { throw PlaceError(.isDirectory) }
        if try enter(name) {
            if isLast { throw PlaceError(.isDirectory) }
            return nil
        }
        guard let entry = try look(up: name, isLast) else { return try target(name, nil) }
        try rules.check(entry.status, in: directory.status)
        if entry.status.kind == .symlink {
            if isLast, let special = special(name, of: entry) { return try target(name, special) }
            try follow(entry)
            return nil
        }
        // It was not a directory when it was to be entered.
        if entry.status.kind == .directory { throw PlaceError(.isDirectory) }
        if !isLast || !rest.isEmpty { throw PlaceError(.notDirectory) }
        return try target(name, entry)
    }

    /// - Returns: false if it is not a directory.
    private mutating func enter(_ name: [UInt8]) throws(PlaceError) -> Bool {
        do throws(Errno) {
            // O_DIRECTORY triggers an automount, where there may be nothing to stat before.
            directory = try HeldFile(name, in: directory.descriptor.number, O_DIRECTORY | O_NOFOLLOW)
        } catch {
            if [.notDirectory, .isLoop, .noSuchEntry].contains(error) { return false }
            throw PlaceError(error)
        }
        switch name {
        case Self.here: break
        case Self.up where isAbsolute || (names.last ?? Self.up) != Self.up: _ = names.popLast()
        default: names.append(name)
        }
        return true
    }

    /// Nil: nothing exists, and it can be created.
    private func look(up name: [UInt8], _ isLast: Bool) throws(PlaceError) -> HeldFile? {
        do throws(Errno) {
            return try HeldFile(name, in: directory.descriptor.number, O_NOFOLLOW)
        } catch {
            guard error == .noSuchEntry, isLast else { throw PlaceError(error) }
            // A trailing slash requires a directory.
            if !rest.isEmpty { throw PlaceError(.isDirectory) }
            return nil
        }
    }

    private func target(_ name: [UInt8], _ entry: HeldFile?) throws(PlaceError) -> OutputDestination {
        if let linkOwner, directory.status.uid != linkOwner { throw Self.misleading(linkOwner) }
        let path = (names + [name]).reduce(into: isAbsolute ? [] : Self.here) { $0 += [Self.slash] + $1 }
        return .place(OutputPlace(directory: directory, name: name, path: path, existing: entry, rules: rules))
    }

    // MARK: Links

    private mutating func follow(_ link: HeldFile) throws(PlaceError) {
        links += 1
        if links > Self.linkLimit { throw PlaceError(.isLoop) }
        let owner = link.status.uid
        if rules.areRoots, owner != 0, OutputRules.isOpenToOthers(directory.status) {
            if let linkOwner, linkOwner != owner { throw Self.misleading(linkOwner) }
            linkOwner = owner
        }
        let target = try PlaceError.converting { () throws(Errno) in try Self.read(link.descriptor.number) }
        rest = (target + rest)[...]
        guard rest.first == Self.slash else { return }
        directory = try PlaceError.converting { () throws(Errno) in try Self.start(of: target) }
        isAbsolute = true
        names = []
    }

    private static func misleading(_ owner: UInt32) -> PlaceError {
        PlaceError(.access, "a symbolic link of uid \(owner) leads out of that user's directories")
    }

    /// The link itself is what the descriptor refers to.
    private static func read(_ link: Int32) throws(Errno) -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { (buffer, count) throws(Errno) in
            let start = UnsafeMutableRawPointer(buffer.baseAddress!)
            count = Int(try Kernel.check { clinux_readlinkat(link, "", start, UInt(PATH_MAX)) })
        }
    }

    /// The target of a link in /proc, if that is a pipe or a device: its text is not a path.
    private func special(_ name: [UInt8], of link: HeldFile) -> HeldFile? {
        var type: UInt64 = 0
        guard clinux_file_system_type(link.descriptor.number, &type) == 0, type == Self.procFileSystem,
            let target = try? HeldFile(name, in: directory.descriptor.number, 0)
        else { return nil }
        return [.directory, .file].contains(target.status.kind) ? nil : target
    }

    private static func descriptorNumber(_ path: ArraySlice<UInt8>) -> CInt? {
        let text = String(decoding: path, as: UTF8.self)
        if text == "/dev/stdout" { return 1 }
        if text == "/dev/stderr" { return 2 }
        for prefix in ["/dev/fd/", "/proc/self/fd/"] where text.hasPrefix(prefix) {
            return CInt(text.dropFirst(prefix.count))
        }
        return nil
    }
}
