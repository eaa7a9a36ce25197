// An actor: it reads one directory.
//
//     FirstActor DIRECTORY

import Foundation
import WorkStealing

actor Directory: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private let path: String

    init(_ path: String, on scheduler: Scheduler) {
        self.path = path
        mailbox = Mailbox(scheduler)
    }

    func scan() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        print("\(names.count) entries")
    }
}

let scheduler = Scheduler(threads: 2)
let root = Directory(CommandLine.arguments[1], on: scheduler)
root.send { try $0.scan() }
try scheduler.run()
