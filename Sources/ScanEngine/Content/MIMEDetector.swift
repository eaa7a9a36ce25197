import CLinux
import CMagic
import LinuxKernel
import Synchronization

/// libmagic or its database cannot be used on this machine.
package struct MIMEUnavailable: Error, Equatable, Sendable {
    /// A sentence for people, with libmagic's own reason.
    package let message: String
}

/// Determines the content type of a regular file: the answers of `file --mime-type`, from the same library. In this
/// process, for machines where no helper can run (`MagicHelper`).
///
/// One libmagic handle, for one worker at a time (`MIMEDetectors`); creating it takes 0.2 ms warm. Answers do not
/// depend on the files that were examined before.
///
/// **Always `magic_descriptor`, never `magic_buffer`.** `magic_buffer` differs from `file`: without a descriptor it
/// takes position-independent programs for libraries, does not look into OLE documents larger than the buffer, and
/// skips every rule that counts from the end of the file (Gentoo's binary packages, zip archives behind a program). Any
/// release may add cases of the first kind, and `/etc/magic` rules of the last. So it is impossible to know which
/// answers could be given from the first bytes. The price is that libmagic copies the beginning of the file (up to 7
/// MiB in release 5.44, 1 MiB in older ones) out of the page cache once more: over 6,000 files of /usr/share 319 µs a
/// file with the descriptor and 324 µs with the buffer, so none.
///
/// `file` adds to the library `inode/x-empty` for empty files, for which libmagic says `application/x-empty`
/// (`MIMEDetectors`). Otherwise it sets only the flag `MAGIC_MIME_TYPE` and leaves every limit at the library's own
/// default (recursion, ELF headers and notes, bytes of a regular expression's input, bytes of the file); so does this
/// type, in any release. A file that exceeds one in a way that leaves no answer is an error, in `file` too. The limits
/// bound the time: the slowest of 34 files of 7 MiB made to be slow (newlines only) took 0.32 s, a file of 17 KB on
/// average 0.3 ms.
///
/// **Where the time goes** (release 5.44, files of /usr/share, sampled): 90 % in the database's 20,000 rules, of which
/// regexec(3) 27 %, comparing strings 17 %, taking one byte or word of the file 10 %, setting up a buffer description
/// for each rule 10 %; reading the file 3 %, encodings 2 %, malloc under 1 %. None of this can be reduced from outside:
/// regular expressions are compiled once for each handle and run in the C locale whatever the caller's (setting
/// LC_CTYPE changed neither time nor answers), mallopt changed nothing, and omitting tests (`MAGIC_NO_CHECK_*`) changes
/// answers. The remaining options are to use all workers, and to ask once for equal bytes.
package struct MIMEDetector: ~Copyable {
    /// `magic_t`. Owned: closed in `deinit`.
    private let handle: magic_t

    /// Opens a handle and loads the database: the one that `file` would use (`$MAGIC`, `~/.magic`, the system's).
    ///
    /// - Throws: `MIMEUnavailable` if there is no database, or none of this release. The first worker's detector is
    ///   created before the scan, so that this ends the program instead of failing for each file.
    package init() throws(MIMEUnavailable) {
        let result = Self.creation.withLock { _ in Self.open() }
        handle = try result.get()
    }

    deinit { magic_close(handle) }

    /// Creating handles at the same time was a race inside libmagic until 2026.
    private static let creation = Mutex(())

    private static func open() -> Result<magic_t, MIMEUnavailable> {
        guard let handle = magic_open(MAGIC_MIME_TYPE) else {
            return .failure(MIMEUnavailable(message: "libmagic cannot be initialised: out of memory"))
        }
        // It prints remarks about each file that it tries: relevant only if none is valid.
        clinux_hold_standard_error()
        let status = magic_load(handle, nil)
        let printed = String(cString: clinux_release_standard_error())
        guard status == 0 else {
            let reason = errorText(handle) + (printed.isEmpty ? "" : " (\(printed))")
            magic_close(handle)
            return .failure(MIMEUnavailable(message: "libmagic cannot load its database: \(reason)"))
        }
        return .success(handle)
    }

    /// The MIME type of an open regular file that is not empty.
    ///
    /// - Parameter descriptor: only its position is used, and restored.
    package func type(ofDescriptor descriptor: Int32) throws(ContentFailure) -> String {
        do {
            // magic_descriptor reads from the current position, and restores it.
            try Kernel.rewind(descriptor)
        } catch {
            throw .call("lseek", error)
        }
        guard let answer = magic_descriptor(handle, descriptor) else {
            let code = magic_errno(handle)
            throw .type(message: Self.errorText(handle), error: code > 0 ? Errno(code) : nil)
        }
        // The answer is the handle's own memory, valid until its next use.
        return String(cString: answer)
    }

    private static func errorText(_ handle: magic_t) -> String {
        magic_error(handle).map { String(cString: $0) } ?? "no reason given"
    }
}

/// A handle is not tied to a thread, and the detector is not copyable, so its holder is its only user.
extension MIMEDetector: @unchecked Sendable {}

/// A MIME type from an untrusted source.
package enum MIMEType {
    /// Whether it has only the characters of libmagic's types.
    package static func isOne(_ text: some Sequence<UInt8>) -> Bool {
        text.allSatisfy { (0x20...0x7e).contains($0) }
    }
}
