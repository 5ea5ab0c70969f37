package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/offpeak/offpeak/internal/pgtest"
)

type options struct {
	out      io.Writer
	jobs     int // of a night
	books    int // of the ledger alone
	commit   string
	postgres bool
}

// row is one line of the table.
type row struct {
	what  string
	jobs  int
	took  time.Duration
	ratio string // to the raw loop
}

// bench is one run with what it borrows.
type bench struct {
	options
	dir     string
	cluster *pgtest.Cluster // nil without PostgreSQL
	dbs     int
	rows    []row
}

func run(ctx context.Context, o options) (err error) {
	b := &bench{options: o}
	if b.dir, err = os.MkdirTemp("", "offpeak-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if o.postgres {
		if _, missing := pgtest.Binaries(); missing != nil {
			fmt.Fprintln(os.Stderr, "bench: without PostgreSQL:", missing)
		} else if b.cluster, err = pgtest.New(); err != nil {
			return err
		} else {
			defer func() { err = errors.Join(err, b.cluster.Close()) }()
		}
	}
	if err := b.ledgers(ctx); err != nil {
		return err
	}
	if err := b.nights(ctx); err != nil {
		return err
	}
	return b.print()
}

func (b *bench) print() error {
	fmt.Fprintf(b.out, "commit %s, %s/%s, %d cores, %s\n", b.commit, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "measured\tjobs\tseconds\tjobs/s\tus/job\tratio\t")
	for _, r := range b.rows {
		each := r.took / time.Duration(r.jobs)
		fmt.Fprintf(w, "%s\t%d\t%.2f\t%d\t%d\t%s\t\n", r.what, r.jobs, r.took.Seconds(),
			int64(r.jobs)*int64(time.Second)/int64(r.took), each.Microseconds(), r.ratio)
	}
	return w.Flush()
}
