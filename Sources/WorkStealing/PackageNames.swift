// Short names for the package itself. As public names they would collide with those of clients.

package typealias Resource = LimitedResource
package typealias Trace = SchedulerTrace
package typealias Statistics = SchedulerStatistics
