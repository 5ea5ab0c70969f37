// Starter hands nights over and shows how they stand: go run ./starter --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/offpeak/offpeak/starter/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Standard(stop))
	stop()
	os.Exit(code)
}
