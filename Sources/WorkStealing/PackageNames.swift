// Short names for the package itself. Outside they would collide with other people's.

package typealias Resource = LimitedResource
package typealias Trace = SchedulerTrace
package typealias Statistics = SchedulerStatistics
