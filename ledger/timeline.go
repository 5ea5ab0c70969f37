package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Bin is what became of a batch's requests in a stretch of time that begins at
// From. A request counts where it was sent and once more where it ended; a
// charge counts where its run ended, which is what decides its price.
type Bin struct {
	From     time.Time `json:"from"`
	Sent     int       `json:"sent"`
	Answered int       `json:"answered"` // settled from its answer, or found in the provider's log
	Rejected int       `json:"rejected"`
	Returned int       `json:"returned"` // a 429, or never left, or proven not to have run
	Unknown  int       `json:"unknown"`  // in doubt still
	Charges  int       `json:"charges"`
	Billed   money.USD `json:"billed"`
	DayPrice money.USD `json:"day_price"`
}

// maxBins bounds a timeline: more points than a screen has columns say no more.
const maxBins = 4000

// Timeline is what happened to a batch's requests from an instant (taken in) to
// another (left out), in stretches of the length step. Stretches in which
// nothing happened are left out. NotFound when nobody claimed the batch,
// Internal when there would be more than 4,000 stretches.
func (l *Ledger) Timeline(ctx context.Context, id batch.ID, from, to time.Time, step time.Duration) ([]Bin, error) {
	if step < time.Microsecond || to.Sub(from) > maxBins*step {
		return nil, &batch.Fault{
			Kind: batch.Internal, Op: "read timeline", Thing: string(id),
			Detail: fmt.Sprintf("%s in stretches of %s are more than %d", to.Sub(from), step, maxBins),
		}
	}
	bins := map[time.Time]*Bin{}
	err := l.read(ctx, func(tx Tx) error {
		clear(bins)
		if _, found, err := tx.Tally(id); err != nil || !found {
			return cmp.Or(err, noBatch("read timeline of", id))
		}
		return tx.Timeline(id, from, to, step, func(at time.Time) *Bin {
			if bins[at] == nil {
				bins[at] = &Bin{From: at}
			}
			return bins[at]
		})
	})
	if err != nil {
		return nil, err
	}
	out := make([]Bin, 0, len(bins))
	for _, b := range bins {
		out = append(out, *b)
	}
	slices.SortFunc(out, func(a, b Bin) int { return a.From.Compare(b.From) })
	return out, nil
}

// Ended counts n requests that ended in some way.
func (b *Bin) Ended(how Ending, n int) {
	switch how {
	case EndedAnswered, EndedFound:
		b.Answered += n
	case EndedRejected:
		b.Rejected += n
	case EndedReturned, EndedAbsent:
		b.Returned += n
	case EndedUnknown, EndedOverdue:
		b.Unknown += n
	}
}
