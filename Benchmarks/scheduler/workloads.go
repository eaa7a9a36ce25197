// The workloads of WorkloadBench as goroutines: workloads WORKLOAD SIZE THREADS. Prints `RESULT SECONDS PEAK_KIB`.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"time"
)

func main() {
	size, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	threads, err := strconv.Atoi(os.Args[3])
	if err != nil {
		panic(err)
	}
	runtime.GOMAXPROCS(threads)
	workloads := map[string]func(int) int{
		"fib": fib, "queens": queens, "uts": uts, "pingpong": pingpong, "fanin": fanin, "chain": chain,
	}
	started := time.Now()
	result := workloads[os.Args[1]](size)
	fmt.Println(result, time.Since(started).Seconds(), peakKiB())
}

func fib(number int) int {
	if number < 2 {
		return number
	}
	half := make(chan int, 1)
	go func() { half <- fib(number - 1) }()
	other := fib(number - 2)
	return other + <-half
}

type board struct{ size, columns, left, right uint32 }

func queens(size int) int { return place(board{size: uint32(size)}) }

func place(b board) int {
	all := uint32(1)<<b.size - 1
	if b.columns == all {
		return 1
	}
	children, sums := 0, make(chan int, b.size)
	for free := ^(b.columns | b.left | b.right) & all; free != 0; {
		place_ := free & -free
		free ^= place_
		next := board{b.size, b.columns | place_, (b.left | place_) << 1, (b.right | place_) >> 1}
		go func() { sums <- place(next) }()
		children++
	}
	sum := 0
	for ; children > 0; children-- {
		sum += <-sums
	}
	return sum
}

func uts(children int) int { return grow(19, children) }

func grow(hash uint64, children int) int {
	if children == 0 {
		return 1
	}
	sums := make(chan int, children)
	for number := 0; number < children; number++ {
		mixed := hash + uint64(number+1)*0x9E3779B97F4A7C15
		mixed = (mixed ^ mixed>>30) * 0xBF58476D1CE4E5B9
		mixed = (mixed ^ mixed>>27) * 0x94D049BB133111EB
		mixed ^= mixed >> 31
		of := 0
		if mixed < math.MaxUint64/1000*123 {
			of = 8
		}
		go func() { sums <- grow(mixed, of) }()
	}
	sum := 1
	for ; children > 0; children-- {
		sum += <-sums
	}
	return sum
}

func pingpong(count int) int {
	there, back, answers := make(chan int), make(chan int), make(chan int)
	go func() {
		answered := 0
		for value := range there {
			back <- value
			answered++
		}
		answers <- answered
	}()
	sent := 0
	for sent < count/2 {
		there <- sent
		sent++
		<-back
	}
	close(there)
	return sent + <-answers
}

func fanin(count int) int {
	const senders = 1000
	sink := make(chan int, 64)
	for sender := 0; sender < senders; sender++ {
		go func() {
			for number := 0; number < count/senders; number++ {
				sink <- 1
			}
		}()
	}
	sum := 0
	for number := 0; number < count; number++ {
		sum += <-sink
	}
	return sum
}

func chain(count int) int {
	end := make(chan int, 1)
	var link func(int)
	link = func(left int) {
		if left > 1 {
			go link(left - 1)
		} else {
			end <- count
		}
	}
	go link(count)
	return <-end
}
