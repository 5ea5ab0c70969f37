// Command bench measures what durability costs and prints one table: the books
// alone on both stores, and whole nights against a loop that keeps nothing, in
// the same run on the same machine. Ratios travel between machines, jobs a
// second don't.
//
//	make bench
//	make bench ARGS="-limits all"   how much of a rate limit is used, in a quarter of an hour
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	o := options{out: os.Stdout}
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.IntVar(&o.books, "books", 50_000, "jobs of the ledger alone")
	flags.IntVar(&o.jobs, "jobs", 5000, "jobs of a night")
	flags.StringVar(&o.commit, "commit", "unknown", "what is measured, for the headline")
	flags.BoolVar(&o.postgres, "postgres", true, "measure PostgreSQL, too")
	names := flags.String("limits", "", "nights against rate limits instead, in real time: all, or some of minute, hour, stranger, storm")
	_ = flags.Parse(os.Args[1:]) // it exits by itself
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var err error
	if *names != "" {
		var all []scenario
		if all, err = named(*names); err == nil {
			err = limits(ctx, o, all)
		}
	} else {
		err = run(ctx, o)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
