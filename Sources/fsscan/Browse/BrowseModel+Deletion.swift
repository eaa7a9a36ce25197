import LinuxKernel
import ScanEngine

/// What is asked before something is deleted, and what came of it.
struct BrowseDeletion {
    let target: DeletionTarget
    /// The sentence that says how much and how many.
    let question: [UInt8]
    var task: BackgroundTask<DeletionOutcome>?
    var outcome: DeletionOutcome?
}

extension BrowseModel {
    /// Asks whether the selected line is to be deleted.
    func askToDelete() {
        guard let live = source as? LiveBrowse, live.allowsDeleting else {
            message = "deleting needs --delete"
            return
        }
        guard !isScanning else {
            message = "the scan is not over yet"
            return
        }
        guard let line = selected else { return }
        let facts = facts(of: line)
        guard facts.marks.isEmpty || facts.marks.allSatisfy({ $0 == .linked || $0 == .special }) else {
            message = "only what was counted as a whole, without errors, is deleted"
            return
        }
        do throws(Errno) {
            let target = try DeletionTarget(live.options, names: tree.namesFromRoot(to: place), name: facts.name)
            guard target.isDirectory == facts.isDirectory else {
                message = "it is not what was seen: r scans again"
                return
            }
            let count = facts.entries.map { HumanUnits.count($0, "entry", "entries") } ?? "1 file"
            let size = HumanUnits.bytes(facts.diskBytes)
            deletion = BrowseDeletion(
                target: target,
                question: Array("Delete ".utf8) + text.printable(facts.name)
                    + Array("? It is \(count), \(size) on disk. y deletes it.".utf8))
            panel = BrowsePanel(.question)
        } catch {
            message = error.message
        }
    }

    /// A key under the question.
    func answer(_ key: BrowseKey) {
        guard deletion?.task == nil else {
            if key == .escape { deletion?.task?.cancel() }
            return
        }
        panel = nil
        guard key == .character(UInt8(ascii: "y")), let target = deletion?.target else {
            deletion = nil
            message = "nothing was deleted"
            return
        }
        panel = BrowsePanel(.question)
        deletion?.task = BackgroundTask { [target] task in
            Deletion(target) { task.isCancelled }.run()
        }
    }

    /// Takes in what a deletion that is over has come to: the directory is scanned again, so that all sums are right.
    func updateDeletion() {
        guard let outcome = deletion?.task?.result else { return }
        deletion?.task = nil
        deletion?.outcome = outcome
        panel = outcome.failures.isEmpty ? nil : BrowsePanel(.stayed)
        scanAgain()
        message = "\(HumanUnits.count(outcome.deleted, "entry was", "entries were")) deleted"
    }

    var deletionRows: [[UInt8]] {
        guard let deletion else { return [] }
        if let outcome = deletion.outcome {
            let stayed = HumanUnits.count(outcome.failureCount, "entry was", "entries were")
            return [Array("\(stayed) not deleted:".utf8), []]
                + outcome.failures.map { text.printable($0.path) + Array(": \($0.message)".utf8) }
        }
        if deletion.task != nil { return [Array("deleting; Esc stops it".utf8)] }
        return [deletion.question, Array("Any other key leaves everything as it is.".utf8)]
    }
}
