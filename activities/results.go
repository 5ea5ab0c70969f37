package activities

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/report"
)

// results writes results.jsonl, every job of the night with its answer, and
// returns its URL. As with reports, a night that is judged again with other
// results gets the next revision's name, and the same results are the same
// file.
func (n *night) results(ctx context.Context) (string, error) {
	r := report.Results{
		Page: func(ctx context.Context, after int) ([]ledger.Entry, bool, error) {
			jobs, _, more, err := n.Ledger.List(ctx, n.batch.ID, after, chunkJobs)
			return jobs, more, err
		},
		Answer: n.Archive.Get,
		Output: swarms.Output,
	}
	if n.batch.Provider != batch.Swarms {
		r.Output = dialect.Output
	}
	// A name under which results were deleted isn't used again.
	gone, deleted, err := n.purged(ctx, n.batch.ID, batch.KeptAnswers)
	if err != nil {
		return "", err
	}
	if deleted {
		r.Gone = gone.Said()
	}
	for revision := int(gone.Files) + 1; revision <= maxRevisions; revision++ {
		key := archive.ResultsKey(n.batch.ID, revision)
		count := 0
		r.Wrote = func(report.ResultLine) {
			count++
			n.pulse.now(Beat{Doing: "writing results", Count: count})
		}
		err := n.Archive.Create(ctx, key, func(w io.Writer) error { return r.Write(ctx, w) })
		if !errors.Is(err, archive.ErrDiffers) {
			return n.Archive.URL(key), err
		}
	}
	return "", &batch.Fault{Kind: batch.Internal, Op: "write results", Thing: string(n.batch.ID), Detail: fmt.Sprintf("there are %d revisions already", maxRevisions)}
}

// purged is the note that a kind of a batch's texts was deleted, if it was.
func (h *Hands) purged(ctx context.Context, id batch.ID, what batch.Kept) (ledger.Purge, bool, error) {
	notes, err := h.Ledger.Purges(ctx, id)
	for _, p := range notes {
		if p.What == what {
			return p, true, err
		}
	}
	return ledger.Purge{}, false, err
}
