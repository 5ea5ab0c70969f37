package activities

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	spend "github.com/offpeak/offpeak/watch"
)

// journal is what one reading of the provider's log adds up to: its memory is
// bounded by days and names, however long the log.
type journal struct {
	first    string                 // the first day with a run
	ours     map[string]batch.Spend // by the ledger's day: runs that have a charge
	foreign  map[string]batch.Spend
	utc      map[string]money.USD // everything, by the row's UTC day
	who      spend.Who            // on the last day
	unbooked batch.Spend
	pending  []entry
}

// entry is a row with a tag, which the books have to be asked about.
type entry struct {
	id, job, day string
	name, models string
	judged       bool
	dollars      money.USD
}

// read streams the log, and tries again when it breaks off.
func (l *lookout) read(ctx context.Context) error {
	wait := readWait
	for try := 1; ; try++ {
		l.out.Rows = 0
		l.log = journal{ours: map[string]batch.Spend{}, foreign: map[string]batch.Spend{}, utc: map[string]money.USD{}}
		_, err := l.Swarms.Logs(swarms.WithTimeout(ctx, readTime), func(row swarms.LogRow) error { return l.row(ctx, row) })
		if err == nil {
			err = l.settle(ctx)
		}
		var books bookError
		switch {
		case err == nil:
			s := l.account(l.key)
			s.Logged, s.Foreign = true, l.log.foreign
			if l.log.first != "" {
				s.First = earlier(s.First, max(l.log.first, l.start))
			}
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &books):
			return books.error // ours, not the log's
		}
		l.Log.Warn("the provider's log can't be read", zap.String("day", l.day), zap.Int("try", try), zap.Error(err))
		if try == readTries {
			l.log, l.out.Rows, l.out.Log = journal{}, 0, reason(err)
			return nil
		}
		var f *batch.Fault
		if errors.As(err, &f) {
			wait = max(wait, min(f.After, time.Minute))
		}
		if err := l.Clock.Wait(ctx, wait); err != nil {
			return err
		}
		wait *= 3
	}
}

// row takes in one row of the log.
func (l *lookout) row(ctx context.Context, row swarms.LogRow) error {
	if l.out.Rows++; l.out.Rows%256 == 0 {
		l.pulse.now(Beat{Doing: "reading the provider's log", Count: l.out.Rows})
	}
	ended, undated := time.Parse(time.RFC3339Nano, row.CreatedAt)
	if undated != nil || !isRun(row.Run) || row.KeyID != "" && row.KeyID != l.key {
		return nil //nolint:nilerr // a row without a time is of no day
	}
	day := spend.DayOf(ended, l.zone)
	l.log.first = earlier(l.log.first, day)
	var dollars money.USD
	if row.Run.Usage != nil {
		dollars = row.Run.Usage.TotalCost.USD
	}
	if day < l.start || day > spend.Shift(l.day, 1) { // the day after: the ledger may give it the last one
		return nil
	}
	l.log.utc[spend.DayOf(ended, time.UTC)] += dollars
	id, tagged := swarms.TagOf(row.Run.SwarmName)
	e := entry{day: day, dollars: dollars, judged: day >= spend.Shift(l.from, -1)}
	if !tagged || day == l.day {
		e.name, e.models = row.Run.Who()
		e.name, e.models = clipped(e.name, maxID), clipped(e.models, maxID)
	}
	if !tagged {
		l.stranger(e)
		return nil
	}
	e.id, e.job = strings.Clone(id), clipped(row.Run.JobID, maxID)
	if l.log.pending = append(l.log.pending, e); len(l.log.pending) < lookups {
		return nil
	}
	return l.settle(ctx)
}

// stranger is a run that isn't from these books.
func (l *lookout) stranger(e entry) {
	if e.day > l.day {
		return
	}
	d := l.log.foreign[e.day]
	d.Runs++
	d.Dollars += e.dollars
	l.log.foreign[e.day] = d
	if e.day == l.day {
		l.log.who.Add(e.name, e.models, e.dollars)
	}
}

// settle asks the books about the rows with a tag. What has a charge counts on
// the charge's day; what these books know and never charged is named; a tag of
// other books is a stranger's.
func (l *lookout) settle(ctx context.Context) error {
	rows := l.log.pending
	l.log.pending = nil
	if len(rows) == 0 {
		return nil
	}
	var near, far []string
	for _, e := range rows {
		if e.judged {
			near = append(near, e.id)
		} else {
			far = append(far, e.id)
		}
	}
	charges, err := l.Ledger.ChargesFor(ctx, near)
	if err != nil {
		return bookError{err}
	}
	by := map[string][]ledger.Charge{}
	for _, c := range charges {
		by[c.RequestID] = append(by[c.RequestID], c)
	}
	for _, id := range near {
		if len(by[id]) == 0 {
			far = append(far, id)
		}
	}
	known, err := l.Ledger.Known(ctx, far)
	if err != nil {
		return bookError{err}
	}
	for _, e := range rows {
		_, ours := known[e.id]
		switch {
		case len(by[e.id]) > 0:
			l.booked(e, by[e.id])
		case !ours:
			l.stranger(e)
		case e.judged && e.day >= l.from && e.day <= l.day:
			l.log.unbooked.Runs++
			l.log.unbooked.Dollars += e.dollars
			d := l.log.ours[e.day]
			d.Runs++
			d.Dollars += e.dollars
			l.log.ours[e.day] = d
		}
	}
	return nil
}

// booked counts a row on the day of its charge.
func (l *lookout) booked(e entry, charges []ledger.Charge) {
	c := charges[0]
	if i := slices.IndexFunc(charges, func(c ledger.Charge) bool { return c.JobID != "" && c.JobID == e.job }); i >= 0 {
		c = charges[i]
	}
	day := spend.DayOf(c.EndedAt, l.zone)
	d := l.log.ours[day]
	d.Runs++
	d.Dollars += e.dollars
	l.log.ours[day] = d
}
