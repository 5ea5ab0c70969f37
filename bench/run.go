package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/offpeak/offpeak/internal/pgtest"
)

type options struct {
	out      io.Writer
	jobs     int // of a night
	many     int // of the large one
	books    int // of the ledger alone
	times    int
	commit   string
	postgres bool
	only     []string // names of the card; all when empty
}

// card is what can be chosen, in the order in which it is measured.
func card() []string {
	names := []string{"ledger", "lanes", "jobs", "many"}
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

// choose takes names of the card; "nights" stands for all without a limit,
// "limits" for those with one.
func (o *options) choose(names string) error {
	for name := range strings.SplitSeq(names, ",") {
		switch all := card(); {
		case name == "":
		case name == "nights":
			o.only = append(o.only, "lanes", "jobs", "many")
		case name == "limits":
			o.only = append(o.only, all[4:]...)
		case !slices.Contains(all, name):
			return fmt.Errorf("only %q: there is no such part; write some of %s, nights, limits", name, strings.Join(all, ", "))
		default:
			o.only = append(o.only, name)
		}
	}
	return nil
}

func (o *options) wants(name string) bool { return len(o.only) == 0 || slices.Contains(o.only, name) }

// row is one line of the table: a figure, measured in some rounds.
type row struct {
	what   string
	jobs   int
	rounds []round
}

// round is one measurement.
type round struct {
	took     time.Duration
	thousand int64 // the ratio to what it is compared with, in thousandths; 0 for none
	note     string
}

// bench is one run with what it borrows.
type bench struct {
	options
	dir     string
	cluster *pgtest.Cluster // nil without PostgreSQL
	dbs     int
	rows    []*row
}

// add notes a measurement of a row.
func (b *bench) add(what string, jobs int, r round) {
	for _, row := range b.rows {
		if row.what == what {
			row.rounds = append(row.rounds, r)
			return
		}
	}
	b.rows = append(b.rows, &row{what: what, jobs: jobs, rounds: []round{r}})
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
	for range max(b.times, 1) {
		if b.wants("ledger") {
			err = b.ledgers(ctx)
		}
		if err == nil {
			err = b.nights(ctx)
		}
		if err == nil {
			err = b.limits(ctx, scenarios())
		}
		if err != nil {
			return err
		}
	}
	return b.print()
}

// print writes the table. Of several rounds each column is its own median.
func (b *bench) print() error {
	rounds := "one round"
	if b.times > 1 {
		rounds = fmt.Sprintf("medians of %d rounds", b.times)
	}
	fmt.Fprintf(b.out, "commit %s, %s/%s, %d cores, %s, %s\n", b.commit, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), rounds)
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "measured\tjobs\tseconds\tjobs/s\tus/job\tratio\t  \t")
	for _, r := range b.rows {
		slices.SortFunc(r.rounds, func(a, b round) int { return cmp.Compare(a.took, b.took) })
		mid := r.rounds[len(r.rounds)/2]
		ratios := make([]int64, len(r.rounds))
		for i, one := range r.rounds {
			ratios[i] = one.thousand
		}
		slices.Sort(ratios)
		ratio := ""
		if t := ratios[len(ratios)/2]; t > 0 {
			ratio = fmt.Sprintf("%d.%03d", t/1000, t%1000)
		}
		each := mid.took / time.Duration(r.jobs)
		fmt.Fprintf(w, "%s\t%d\t%.2f\t%d\t%d\t%s\t  %s\t\n", r.what, r.jobs, mid.took.Seconds(),
			int64(r.jobs)*int64(time.Second)/int64(mid.took), each.Microseconds(), ratio, mid.note)
	}
	return w.Flush()
}
