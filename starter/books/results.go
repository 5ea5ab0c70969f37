package books

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/report"
)

// resultsPage is how many jobs are read from the ledger at a time.
const resultsPage = 500

// Wanted says which jobs' results are wanted, and where to.
type Wanted struct {
	Batch string   // NAME/NIGHT, or NAME for its latest night
	Jobs  []string // names; all when empty
	Out   string   // a file; the writer that is handed over when ""
	Force bool     // write over a file that is there
}

// Written is what was written.
type Written struct {
	Batch   batch.ID `json:"batch"`
	File    string   `json:"file,omitempty"`
	Bytes   int64    `json:"bytes"`
	Jobs    int      `json:"jobs"`
	Answers int      `json:"answers"` // how many of them have an output
	Missing int      `json:"missing"` // how many succeeded and have none
}

// Results writes a line for each job as JSON Lines, with its answer from the
// archive, in the manifest's order: the lines of results.jsonl, as of now,
// also while the night runs. A file gets its name when it is complete. far is
// told now and then how many jobs there are.
func (b *Books) Results(ctx context.Context, q Wanted, out io.Writer, far func(jobs int)) (Written, error) {
	o := Order{Out: q.Out, Force: q.Force, what: "results"}
	if q.Out != "" && !q.Force {
		if _, err := os.Lstat(q.Out); err == nil {
			return Written{}, there(o)
		}
	}
	id, err := b.Find(ctx, q.Batch)
	if err != nil {
		return Written{}, err
	}
	page, err := b.pages(ctx, id, q.Jobs)
	if err != nil {
		return Written{}, b.unknown(ctx, err)
	}
	store, err := archive.Reader(ctx, b.archive)
	if err != nil {
		return Written{}, err
	}
	defer func() { _ = store.Close() }() // it was only read
	deleted, err := b.deleted(ctx, id)
	if err != nil {
		return Written{}, err
	}
	output := swarms.Output
	if row, err := b.ledger.Batch(ctx, id); err != nil {
		return Written{}, err
	} else if row.Provider != batch.Swarms {
		output = dialect.Output
	}
	w := Written{Batch: id, File: q.Out}
	r := report.Results{Page: page, Answer: store.Get, Gone: Gone(deleted, batch.KeptAnswers), Output: output, Wrote: func(l report.ResultLine) {
		switch {
		case l.OutputMissing != "":
			w.Missing++
		case l.Output != nil:
			w.Answers++
		}
		w.Jobs++
		far(w.Jobs)
	}}
	fill := func(to io.Writer) error {
		c := &counted{to: to}
		buffer := bufio.NewWriterSize(c, 1<<16)
		err := errors.Join(b.unknown(ctx, r.Write(ctx, buffer)), buffer.Flush())
		w.Bytes = c.n
		return err
	}
	if q.Out == "" {
		return w, fill(out)
	}
	return w, whole(o, fill)
}

// WriteResults is Results of every job of one batch to a writer: what
// starter/nightly asks of its Books.
func (b *Books) WriteResults(ctx context.Context, id batch.ID, w io.Writer) error {
	_, err := b.Results(ctx, Wanted{Batch: string(id)}, w, func(int) {})
	return err
}

// pages are the jobs that are wanted, page by page.
func (b *Books) pages(ctx context.Context, id batch.ID, names []string) (func(context.Context, int) ([]ledger.Entry, bool, error), error) {
	if len(names) == 0 {
		_, err := b.ledger.Totals(ctx, id) // a batch that isn't there is found out before a file is made
		return func(ctx context.Context, after int) ([]ledger.Entry, bool, error) {
			jobs, _, more, err := b.ledger.List(ctx, id, after, resultsPage)
			return jobs, more, err
		}, err
	}
	var some []ledger.Entry
	for _, n := range names {
		t, err := b.ledger.Trail(ctx, id, n)
		if err != nil {
			return nil, err
		}
		some = append(some, t.Entry)
	}
	bySeq := func(x, y ledger.Entry) int { return cmp.Compare(x.Job.Seq, y.Job.Seq) }
	slices.SortFunc(some, bySeq)
	some = slices.CompactFunc(some, func(x, y ledger.Entry) bool { return bySeq(x, y) == 0 })
	return func(context.Context, int) ([]ledger.Entry, bool, error) { return some, false, nil }, nil
}

// whole writes a file that appears when it is complete, and none when
// something goes wrong.
func whole(o Order, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(o.Out), "."+filepath.Base(o.Out)+".*") // beside its place, so that the last step is only a name
	if err != nil {
		return refuse(o, "", err)
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		err = refuse(o, "", err)
	} else {
		err = name(f.Name(), o)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // what went wrong is said already
	}
	return err
}

// counted counts what is written.
type counted struct {
	to io.Writer
	n  int64
}

// Write passes bytes on.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	return n, err
}
