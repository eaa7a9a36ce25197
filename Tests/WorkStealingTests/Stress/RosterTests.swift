import TestSupport
import Testing

@testable import WorkStealing

/// The movement of seats.
@Suite("Seats of the roster")
struct RosterTests {
    private let origin = Roster.Origin(file: "App/main.swift", line: 1)

    @Test
    func aWorkerOnWhichTasksOnlyEndGivesTheirSeatsBack() {
        let roster = Roster()
        let beginner = Roster.FreeSeats()
        let ender = Roster.FreeSeats()
        for task in 1...100_000 as ClosedRange<UInt> {
            let seat = roster.enter(task * 16, origin, beginner)
            roster.leave(task * 16, seat, ender)
        }
        #expect(roster.capacity <= 4 * 64)
    }

    @Test
    func tasksOutsideOfThePoolUseTheSameSeats() {
        let roster = Roster()
        let free = Roster.FreeSeats()
        for task in 1...10_000 as ClosedRange<UInt> {
            let seat = roster.enterOutside(task * 16, origin)
            roster.leave(task * 16, seat, free)
            let other = roster.enter(task * 16, origin, free)
            roster.leaveOutside(task * 16, other)
        }
        #expect(roster.capacity <= 4 * 64)
    }

    @Test
    func asManySeatsAsTasksAtOnceAreTakenAndNamed() {
        let roster = Roster()
        let free = Roster.FreeSeats()
        let seats = (1...1000 as ClosedRange<UInt>).map { roster.enter($0 * 16, origin, free) }
        #expect(roster.capacity == 1024)
        #expect(roster.origins.places.map(\.count) == [1000])
        #expect(roster.origins.identity == 16 * 1000 * 1001 / 2)
        for (task, seat) in zip(1...1000 as ClosedRange<UInt>, seats) { roster.leave(task * 16, seat, free) }
        #expect(roster.origins.places.isEmpty)
        #expect(roster.capacity == 1024)
    }
}
