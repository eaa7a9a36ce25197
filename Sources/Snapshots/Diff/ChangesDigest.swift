// The changes that `verify` found, as 64 hex digits. A user who later accepts changes passes them, to accept only the
// changes shown.

import Bytes
import Entries
package import Formats
import ScanEngine

/// A SHA-256 over changes, in the order of the comparison.
///
/// It covers the kinds of each change, and for both sides the path and the fields of the entry that are compared, by
/// its rule if it has one. So an added entry is bound with all the fields that a later comparison would look at.
///
/// ```
/// changes = SHA-256("fsscan-changes/1" NUL  change…  count of changes)
/// change  = count of kinds, each kind counted  side(old)  side(new)  reason, counted
/// side    = 0 where there is none, else 1  root  counted path  (counted name  counted value)…  0
/// ```
package final class ChangesDigest {
    private var digest: MultiDigest
    private var part = ByteBuffer(capacity: 1024)
    private var count: UInt64 = 0
    private let ruled: RuledFields

    /// For the changes of this comparison.
    package init(_ comparison: Comparison) throws(SnapshotFailure) {
        ruled = comparison.ruled
        do throws(DigestUnavailable) {
            digest = MultiDigest(try DigestMethods(DigestSet([.sha256])))
        } catch {
            throw SnapshotFailure(path: nil, error.message)
        }
        digest.beginLane(0)
        part.append("fsscan-changes/1")
        part.append(0)
        add()
    }

    package func add(_ change: Change) {
        count += 1
        part.append(number: UInt64(change.kinds.count))
        for kind in change.kinds { part.append(counted: Array(kind.rawValue.utf8)) }
        append(change.old)
        append(change.new)
        part.append(counted: Array((change.reason?.rawValue ?? "").utf8))
        add()
    }

    /// In hex; call it once. Nil if there was no change.
    package func finish() -> String? {
        if count == 0 { return nil }
        part.append(number: count)
        add()
        var value: [UInt8] = []
        digest.finishLane(0, appendingTo: &value)
        var hex: [UInt8] = []
        hex.appendHex(value)
        return String(decoding: hex, as: UTF8.self)
    }

    private func add() {
        part.drain { digest.updateLane(0, $0) }
    }

    private func append(_ entry: SnapshotEntry?) {
        guard let entry else { return part.append(0) }
        part.append(1)
        part.append(number: UInt64(entry.key.root))
        part.append(counted: entry.key.path)
        for (name, value) in ruled.bound(entry) {
            part.append(counted: Array(name.utf8))
            part.append(counted: value)
        }
        part.append(0)
    }
}
