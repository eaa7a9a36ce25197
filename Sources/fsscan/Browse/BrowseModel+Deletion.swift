import LinuxKernel
import ScanEngine

/// The question before a deletion, and its outcome.
struct BrowseDeletion {
    let target: DeletionTarget
    /// Its name, and its size and count: a row each, so that a long name hides nothing.
    let question: [[UInt8]]
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
            message = "the scan is still running"
            return
        }
        guard let line = selected else { return }
        let facts = facts(of: line)
        guard facts.marks.isEmpty || facts.marks.allSatisfy({ $0 == .linked || $0 == .special }) else {
            message = "cannot delete it: its scan is not complete, or had errors"
            return
        }
        if case .directory(let number) = line, tree.has([.excludes, .mount], atOrBelow: number) {
            message = "cannot delete it: the scan left out some of its contents"
            return
        }
        guard visibleLines >= 3 else {
            message = "the terminal is too small to ask"
            return
        }
        do throws(Errno) {
            let target = try DeletionTarget(live.options, names: tree.namesFromRoot(to: place), name: facts.name)
            guard target.isDirectory == facts.isDirectory else {
                message = "it has changed since the scan: r scans again"
                return
            }
            let count = facts.entries.map { HumanUnits.count($0, "entry", "entries") } ?? "1 file"
            let size = HumanUnits.bytes(facts.diskBytes)
            let isLinked = facts.marks.contains(.linked)
            deletion = BrowseDeletion(
                target: target,
                question: [
                    Array("Delete ".utf8) + text.printable(facts.name) + Array("?".utf8),
                    Array("\(count), \(size) on disk\(isLinked ? ", which stay in use: it has other names" : "")".utf8),
                    Array("y deletes it, any other key leaves everything as it is.".utf8),
                ])
            panel = BrowsePanel(.question)
        } catch {
            message = error.message
        }
    }

    /// Whether a question waits for its answer.
    var isAsking: Bool { panel?.kind == .question && deletion?.task == nil }

    /// Withdraws the question: one that the user cannot read must not be answered.
    func withdrawQuestion() {
        guard isAsking else { return }
        (panel, deletion) = (nil, nil)
        message = "nothing was deleted"
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

    /// Handles the end of a deletion: the directory is scanned again, so that all sums are right.
    func updateDeletion() {
        guard let outcome = deletion?.task?.result else { return }
        deletion?.task = nil
        deletion?.outcome = outcome
        panel = outcome.failures.isEmpty ? nil : BrowsePanel(.stayed)
        message = nil
        scanAgain()
        // If it could not be scanned again, the sums are wrong.
        let refusal = message.map { "; not scanned again: \($0)" } ?? ""
        message = "\(HumanUnits.count(outcome.deleted, "entry was", "entries were")) deleted" + refusal
    }

    var deletionRows: [[UInt8]] {
        guard let deletion else { return [] }
        if let outcome = deletion.outcome {
            let stayed = HumanUnits.count(outcome.failureCount, "entry was", "entries were")
            return [Array("\(stayed) not deleted:".utf8), []]
                + outcome.failures.map { text.printable($0.path) + Array(": \($0.message)".utf8) }
        }
        if deletion.task != nil { return [Array("deleting; Esc stops it".utf8)] }
        return deletion.question
    }
}
