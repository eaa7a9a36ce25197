// A fan-out: each directory makes an actor for every subdirectory.
//
//     FanOut DIRECTORY

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

    private init(_ name: String, in parent: Directory) {
        path = "\(parent.path)/\(name)"
        mailbox = Mailbox(beside: parent.mailbox)
    }

    func scan() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
            if attributes[.type] as? FileAttributeType == .typeDirectory {
                Directory(name, in: self).send { try $0.scan() }
            }
        }
    }
}

let scheduler = Scheduler(threads: 2)
let root = Directory(CommandLine.arguments[1], on: scheduler)
root.send { try $0.scan() }
try scheduler.run()
print("\(scheduler.statistics.messages) directories")
