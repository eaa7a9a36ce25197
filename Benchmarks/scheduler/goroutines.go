// Empty goroutines, for comparison with empty actors: goroutines COUNT
//
// GOMAXPROCS says how many threads run them. With one, few run before main waits; with two, they run while main still
// spawns, so that spawn and run overlap and only the total means anything.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
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
