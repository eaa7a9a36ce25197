// The handlers of Examples/HTTPServer with net/http: server PORT
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
)

type greeting struct {
	Message string `json:"message"`
}

// The number of primes below limit, by trial division.
func primes(limit int) int {
	count := 0
candidates:
	for candidate := 2; candidate < limit; candidate++ {
		for divisor := 2; divisor*divisor <= candidate; divisor++ {
			if candidate%divisor == 0 {
				continue candidates
			}
		}
		count++
	}
	return count
}

func main() {
	http.HandleFunc("/plaintext", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, "Hello, World!")
	})
	http.HandleFunc("/json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(greeting{"Hello, World!"})
	})
	http.HandleFunc("/blocking", func(w http.ResponseWriter, _ *http.Request) {
		// Blocks its thread, which time.Sleep would not.
		syscall.Nanosleep(&syscall.Timespec{Nsec: 50_000_000}, nil)
		fmt.Fprintln(w, "waited")
	})
	http.HandleFunc("/computing", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, primes(20_000), "primes")
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, nil))
}
