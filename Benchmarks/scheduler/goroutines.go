// Empty goroutines, for comparison with empty actors: goroutines COUNT
//
// GOMAXPROCS says how many threads run them. With one, few run before main waits; with two, they run while main still
// spawns, so that spawn and run overlap and only the total means anything.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	var pending sync.WaitGroup
	started := time.Now()
	pending.Add(count)
	for i := 0; i < count; i++ {
		go pending.Done()
	}
	spawned := time.Now()
	pending.Wait()
	ended := time.Now()
	fmt.Println("goroutines", runtime.GOMAXPROCS(0), spawned.Sub(started).Seconds(), ended.Sub(spawned).Seconds(),
		ended.Sub(started).Seconds(), peakKiB())
}

// peakKiB is the high-water mark of resident memory. VmHWM and not ru_maxrss: a new process takes over the latter from
// the one that started it.
func peakKiB() int {
	status, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer status.Close()
	lines := bufio.NewScanner(status)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); fields[0] == "VmHWM:" {
			peak, _ := strconv.Atoi(fields[1])
			return peak
		}
	}
	return 0
}
