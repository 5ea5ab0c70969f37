package ledger

import (
	"cmp"
	"context"
	"slices"

	"github.com/offpeak/offpeak/batch"
)

// Entry is a job, without its request, and what it was charged, in the order
// of the charges. More than one charge is a job that was billed twice.
type Entry struct {
	Job     Job
	Charges []Charge
}

// Trail is all that the books know of one job.
type Trail struct {
	Entry
	Attempts []AttemptRow // in order
}

// listPage is how many jobs are read at a time: it bounds the memory of a
// reader, whatever the size of a batch.
const listPage = 1000

// Nights lists the batches of a name, or of all names for "", by id: of one
// name, the latest night is the last.
func (l *Ledger) Nights(ctx context.Context, name batch.Name) ([]batch.ID, error) {
	var out []batch.ID
	err := l.read(ctx, func(tx Tx) (err error) {
		out, err = tx.AllBatches()
		return err
	})
	if name != "" {
		out = slices.DeleteFunc(out, func(id batch.ID) bool { return id.Name() != name })
	}
	return out, err
}

// List is the first jobs with Seq > after whose state is one of states (any,
// when there are none), at most limit, with their charges, on one snapshot.
// more says that there are others behind. NotFound when nobody claimed the
// batch.
func (l *Ledger) List(ctx context.Context, id batch.ID, after, limit int, states ...batch.State) (out []Entry, t Totals, more bool, err error) {
	err = l.read(ctx, func(tx Tx) error {
		out, more = nil, false
		sums, found, err := tx.Tally(id)
		if err == nil && !found {
			err = noBatch("list", id)
		}
		if err != nil {
			return err
		}
		t = sums.totals()
		var rows []JobRow
		for from := after + 1; ; from += listPage {
			page, err := tx.Stretch(id, from, from+listPage)
			if err != nil {
				return err
			}
			for _, r := range page {
				if len(states) == 0 || slices.Contains(states, r.State) {
					rows = append(rows, r)
				}
			}
			if more = len(rows) > limit; more || from+listPage > sums.Ended.Total {
				break
			}
		}
		out, err = entries(tx, rows[:min(limit, len(rows))])
		return err
	})
	return out, t, more, err
}

// Trail is one job by its name in the manifest, with every attempt and charge,
// on one snapshot. NotFound when there is none.
func (l *Ledger) Trail(ctx context.Context, id batch.ID, name string) (Trail, error) {
	var out Trail
	err := l.read(ctx, func(tx Tx) error {
		row, found, err := first(tx.Named(id, []string{name}))
		if err == nil && !found {
			err = &batch.Fault{Kind: batch.NotFound, Op: "find job", Thing: name, Detail: "there is none of this name in " + string(id)}
		}
		if err != nil {
			return err
		}
		list, err := entries(tx, []JobRow{row})
		if err != nil {
			return err
		}
		out.Entry = list[0]
		out.Attempts, err = tx.Attempts([]JobRef{row.Ref()})
		slices.SortFunc(out.Attempts, func(a, b AttemptRow) int { return cmp.Compare(a.N, b.N) })
		return err
	})
	return out, err
}

// Entries hands every job of some batches to yield, in the order of ids and of
// the manifests, and returns what the running sums say that they add up to: all
// on one snapshot, so that the two can be compared while a night runs. An error
// of yield's ends it and is returned. NotFound when one isn't there.
func (l *Ledger) Entries(ctx context.Context, ids []batch.ID, yield func(Entry) error) (Totals, error) {
	var all Totals
	err := l.read(ctx, func(tx Tx) error {
		all = Totals{}
		for _, id := range ids {
			t, found, err := tx.Tally(id)
			if err == nil && !found {
				err = noBatch("read", id)
			}
			if err != nil {
				return err
			}
			all = all.plus(t.totals())
			for from := 0; ; from += listPage {
				rows, err := tx.Stretch(id, from, from+listPage)
				if err != nil {
					return err
				}
				page, err := entries(tx, rows)
				if err != nil {
					return err
				}
				for _, e := range page {
					if err := yield(e); err != nil {
						return err
					}
				}
				if from+listPage > t.Ended.Total {
					break
				}
			}
		}
		return nil
	})
	return all, err
}

func (t Totals) plus(u Totals) Totals {
	return Totals{
		Jobs: t.Jobs.Plus(u.Jobs), Planned: t.Planned + u.Planned, Reserved: t.Reserved + u.Reserved, Sending: t.Sending + u.Sending,
		Held: t.Held + u.Held, Charged: t.Charged + u.Charged, DayPrice: t.DayPrice + u.DayPrice, Ceiling: t.Ceiling + u.Ceiling,
		Charges: t.Charges + u.Charges,
	}
}

// entries adds their charges to jobs.
func entries(tx Tx, rows []JobRow) ([]Entry, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.RequestID
	}
	charges, err := tx.ChargesOf(ids)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(charges, func(a, b Charge) int { return cmp.Compare(a.N, b.N) })
	of := make(map[string][]Charge, len(charges))
	for _, c := range charges {
		of[c.RequestID] = append(of[c.RequestID], c)
	}
	out := make([]Entry, len(rows))
	for i, r := range rows {
		out[i] = Entry{r.Job, of[r.RequestID]}
	}
	return out, nil
}
