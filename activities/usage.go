package activities

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	spend "github.com/offpeak/offpeak/watch"
)

// Usage is when the usage watch speaks.
type Usage struct {
	Floor      money.USD // a day that cost no more is never high
	CreditsLow money.USD // credits below it are low, whatever a night costs; zero: no such limit
}

// watchKind is how the ledger names the results of the usage watch.
const watchKind = "watch"

// Bounds of a watch.
const (
	watchDays  = 60 // calendar days that are added up: the rule looks back seven, and an incident may last
	watchNotes = 90 // results of earlier watches that are remembered
	nightsBack = 30 // nights of which the last seven that cost something are taken
)

// WatchUsage judges what was spent on the last calendar days, by key: from the
// ledger, the provider's log, and the usage report where the provider has one.
// It reads, and writes nothing but its own result. A log that can't be read is
// part of the answer: the books are then judged alone.
//
// An attempt that is made again, after its result was written, returns that:
// what it had to tell would be no news to itself.
func (h *Hands) WatchUsage(ctx context.Context, in batch.WatchRequest) (batch.UsageWatch, error) {
	p := beat(ctx, "reading the books")
	defer p.end()
	if err := h.needSwarms("watch the usage"); err != nil {
		return batch.UsageWatch{}, raise(err)
	}
	out, err := h.watchUsage(ctx, in, p)
	return out, raise(err)
}

// lookout is one run of it.
type lookout struct {
	*Hands
	in    batch.WatchRequest
	pulse *pulse
	zone  *time.Location

	day, from string // the last day, and the first one that is judged
	start     string // the first one that is added up
	began     time.Time
	memory    map[string]spend.Memory // by key
	last      string                  // the last day that any watch had
	advised   string                  // the last day on which advice was told
	sums      map[string]*spend.Sums  // by key
	log       journal
	out       batch.UsageWatch
}

func (h *Hands) watchUsage(ctx context.Context, in batch.WatchRequest, p *pulse) (batch.UsageWatch, error) {
	l := &lookout{Hands: h, in: in, pulse: p, zone: spend.Zone(), began: h.now(), memory: map[string]spend.Memory{}, sums: map[string]*spend.Sums{}}
	var err error
	if l.day, err = dayOf(in, l.zone); err != nil {
		return l.out, err
	}
	if done, err := l.recall(ctx); err != nil || done {
		return l.out, err
	}
	l.out = batch.UsageWatch{
		Day: l.day, Zone: l.zone.String(), At: l.began, RunID: in.RunID,
		Accounts: []batch.AccountWatch{}, Differences: []batch.Difference{}, Advice: []batch.Advice{}, Alerts: []batch.Alert{},
	}
	l.start, l.from = spend.Shift(l.day, 1-watchDays), spend.Range(l.day, l.last)
	if l.out.Back = l.last > l.day; l.out.Back {
		l.from = l.day
	}
	for _, step := range []func(context.Context) error{l.books, l.read, l.judge, l.report, l.credits, l.advise} {
		if err := step(ctx); err != nil {
			return batch.UsageWatch{}, err
		}
	}
	if l.out.Back {
		l.out.Alerts = []batch.Alert{} // whoever looks back is told on the spot
	}
	result, err := json.Marshal(l.out)
	if err != nil {
		return l.out, err
	}
	h.Log.Info("watched usage", zap.String("day", l.day), zap.String("from", l.from), zap.Int("accounts", len(l.out.Accounts)),
		zap.Int("rows", l.out.Rows), zap.Int("alerts", len(l.out.Alerts)), zap.Int("differences", len(l.out.Differences)))
	return l.out, h.Ledger.NoteDaily(ctx, watchKind, l.day, l.began, result)
}

// dayOf is the day that is meant: it has to be over.
func dayOf(in batch.WatchRequest, zone *time.Location) (string, error) {
	today := spend.DayOf(in.Asked, zone)
	fault := &batch.Fault{Kind: batch.BadInput, Op: "watch usage", Thing: in.Day, Moved: batch.MovedNo, Hint: "write a date such as 2026-11-21, or yesterday"}
	switch _, _, ok := spend.Bounds(in.Day, zone); {
	case in.Day == "" || in.Day == batch.Yesterday:
		return spend.Shift(today, -1), nil
	case !ok:
		fault.Detail = "it is no date"
		return "", fault
	case in.Day >= today:
		fault.Detail = "it isn't over: days are those of " + zone.String() + ", where it is " + in.Asked.In(zone).Format("15:04 on 2006-01-02")
		return "", fault
	}
	return in.Day, nil
}

// recall reads what earlier watches said. done: this very run has written its
// result before, and that is the answer.
func (l *lookout) recall(ctx context.Context) (done bool, err error) {
	notes, err := l.Ledger.Dailies(ctx, watchKind, watchNotes)
	if err != nil {
		return false, err
	}
	slices.SortFunc(notes, func(a, b ledger.Daily) int { return a.At.Compare(b.At) })
	for _, n := range notes {
		var w batch.UsageWatch
		if err := json.Unmarshal(n.Result, &w); err != nil {
			l.Log.Warn("a result of the usage watch can't be read: its day counts as not watched", zap.String("day", n.Day), zap.Error(err))
			continue
		}
		if w.RunID == l.in.RunID && w.RunID != "" && n.Day == l.day {
			l.out = w
			return true, nil
		}
		l.last = max(l.last, n.Day)
		for _, a := range w.Alerts {
			if a.Kind == batch.AlertAdvice && !a.Over {
				l.advised = max(l.advised, n.Day)
			}
		}
		for _, a := range w.Accounts {
			m := l.memory[a.Account]
			if m.States == nil {
				m.States = map[string]batch.WatchedDay{}
			}
			for _, d := range a.Days {
				if d.Judged {
					m.States[d.Day] = d
				}
			}
			m.Last = max(m.Last, n.Day)
			if m.ForeignSince == "" || a.ForeignSince != "" && a.ForeignSince < m.ForeignSince {
				m.ForeignSince = a.ForeignSince
			}
			l.memory[a.Account] = m
		}
	}
	return false, nil
}

// books adds up the ledger's charges, by key and day.
func (l *lookout) books(ctx context.Context) error {
	from, _, _ := spend.Bounds(l.start, l.zone)
	_, to, _ := spend.Bounds(l.day, l.zone)
	hours, err := l.Ledger.Hours(ctx, from, to)
	if err != nil {
		return err
	}
	l.account(l.key)
	for _, h := range hours {
		s := l.account(h.Key)
		day := spend.DayOf(h.From, l.zone)
		d := s.Ours[day]
		d.Runs += h.Runs
		d.Dollars += h.Dollars
		s.Ours[day] = d
	}
	for key, s := range l.sums {
		first, err := l.Ledger.FirstEnd(ctx, key)
		if err != nil {
			return err
		}
		if !first.IsZero() {
			s.First = max(spend.DayOf(first, l.zone), l.start)
		}
		for day := range s.Ours { // a charge from the log has an end that no attempt has
			s.First = earlier(s.First, day)
		}
	}
	return nil
}

// account is a key's sums.
func (l *lookout) account(key string) *spend.Sums {
	s := l.sums[key]
	if s == nil {
		s = &spend.Sums{Account: key, Ours: map[string]batch.Spend{}, Foreign: map[string]batch.Spend{}}
		l.sums[key] = s
	}
	return s
}

// earlier is the first of two dates, of which "" is none.
func earlier(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}

// judge judges every key: the worker's own first.
func (l *lookout) judge(context.Context) error {
	rule := spend.Rule{Floor: l.Usage.Floor}
	keys := []string{}
	for key := range l.sums {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		switch l.key {
		case a:
			return -1
		case b:
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, key := range keys {
		s, m := l.sums[key], l.memory[key]
		a := rule.Account(*s, l.day, l.from, l.zone)
		if key == l.key {
			a.ForeignSince = earlier(a.ForeignSince, m.ForeignSince)
			a.Foreign, a.Rest = l.log.who.Top()
			a.Unbooked = l.log.unbooked
			l.compare(a)
		}
		l.out.Accounts = append(l.out.Accounts, a)
		l.out.Alerts = append(l.out.Alerts, spend.Alerts(a, m, l.began)...)
	}
	return nil
}
