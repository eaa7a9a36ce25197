import WorkStealing

/// The right to read the files of a directory, or of a slice of one, if MIME types are requested.
///
/// A file for which no detector is free becomes a `DeferredRead`, which waits for one, and its directory's message goes
/// on with the next file. If there are more workers than detectors, the workers would go through the whole tree like
/// that, ahead of the detectors. So a directory begins only when it has one of as many places as there are workers. Its
/// place becomes free when all its files are done: each of them holds it, too.
final class DirectoryPlace: Sendable {
    private let token: Resource.Token

    init(_ token: consuming Resource.Token) { self.token = token }
}

extension MailboxActor {
    /// Runs code that reads the files of a directory: now, or in a message when there is a place for it.
    func inPlace(_ body: @escaping @Sendable (isolated Self) -> Void) {
        let worker = WorkerLocals.current
        guard let directories = worker.context.content?.directories else { return body(self) }
        if let token = directories.tryTake() {
            worker.inPlace(DirectoryPlace(token)) { body(self) }
        } else {
            send(holding: directories) { actor, token in
                WorkerLocals.current.inPlace(DirectoryPlace(token)) { body(actor) }
            }
        }
    }
}

extension WorkerLocals {
    /// Runs a part of this message in `place`: work that is unfinished when it ends holds the place, too.
    func inPlace(_ place: DirectoryPlace?, _ body: () -> Void) {
        self.place = place
        body()
        self.place = nil
    }
}
