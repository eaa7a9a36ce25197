import WorkStealing

/// The right to look into the files of a directory, or of a slice of one: where MIME types are wanted.
///
/// A file for which no detector is free becomes a `DeferredRead`, which waits for one, and its directory's message goes on with
/// the next. Nothing would keep workers that are more than there are detectors from going through the whole tree like that,
/// ahead of the detectors. So a directory begins when it has one of as many places as there are workers, and its place is
/// free again when all its files have been told: each of them has it, too.
final class DirectoryPlace: Sendable {
    private let token: Resource.Token

    init(_ token: consuming Resource.Token) { self.token = token }
}

extension MailboxActor {
    /// Does what looks into the files of a directory: now, or in a message when there is a place for it.
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
    /// Does a part of this message in `place`: what is still to be done when it ends has the place, too.
    func inPlace(_ place: DirectoryPlace?, _ body: () -> Void) {
        self.place = place
        body()
        self.place = nil
    }
}
