// Command worker runs offpeak's nights: go run ./worker.
package main

import (
	"os"

	"github.com/offpeak/offpeak/worker/host"
)

func main() {
	os.Exit(host.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
