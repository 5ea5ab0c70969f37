// Command bench measures the whole card and prints one table: the books alone
// on both stores, whole nights against a loop that keeps nothing, nights of
// two sizes, and nights against rate limits beside the least possible time.
// What is compared ran in the same round on the same machine: ratios travel
// between machines, jobs a second don't.
//
//	make bench                                  all of it, once: 25 minutes
//	make bench ARGS="-times 3 -only nights"     medians of three
//	make bench ARGS="-only minute,storm"
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	if code, is := part(os.Args[1:]); is {
		os.Exit(code)
	}
	o := options{out: os.Stdout}
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.IntVar(&o.books, "books", 50_000, "jobs of the ledger alone")
	flags.IntVar(&o.jobs, "jobs", 5000, "jobs of a night")
	flags.IntVar(&o.many, "many", 100_000, "jobs of the large night")
	flags.IntVar(&o.times, "times", 1, "rounds; a figure is the median of them")
	flags.StringVar(&o.commit, "commit", "unknown", "what is measured, for the headline")
	flags.BoolVar(&o.postgres, "postgres", true, "measure PostgreSQL, too")
	only := flags.String("only", "", "some of the card, with commas between: "+strings.Join(card(), ", "))
	_ = flags.Parse(os.Args[1:]) // it exits by itself
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := o.choose(*only)
	if err == nil {
		err = run(ctx, o)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
