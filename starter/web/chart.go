package web

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/tariff"
)

// chart is a night's timeline as the script draws it and the table beside it
// shows it. Times are seconds since 1970-01-01 UTC.
type chart struct {
	Zone  string  `json:"zone"`
	Step  int64   `json:"step"` // seconds of a stretch
	From  int64   `json:"from"`
	To    int64   `json:"to"`
	Marks []mark  `json:"marks"`
	X     []int64 `json:"x"`
	Done  []int   `json:"done"`
	Doubt []int   `json:"doubt"`
	Bad   []int   `json:"bad"`  // rejected
	Back  []int   `json:"back"` // refused by a limit, or never left
	Offs  []off   `json:"offs"` // the zone's offsets from UTC in it
	Rows  []row   `json:"-"`
}

// mark is an instant that matters.
type mark struct {
	At   int64  `json:"at"`
	Name string `json:"name"`
	Kind string `json:"kind"` // "edge", "limit", "dst", "now"
	Text string `json:"-"`
}

// off is the zone's offset from an instant on.
type off struct {
	At     int64 `json:"at"`
	Offset int   `json:"offset"` // seconds
}

// row is a stretch in the table.
type row struct {
	books.Bin
	At time.Time
}

// bins is how many stretches a night is drawn in: as many as a phone has
// columns to show.
const bins = 150

// chart is drawn from half an hour before the opening to half an hour after the
// close: what ran outside of the window is what a person looks for.
func (s *site) chart(ctx context.Context, v nightView) (*chart, error) {
	span := v.Night.Span
	from, to := span.Opens.Add(-30*time.Minute), span.Closes.Add(30*time.Minute)
	if long := span.Closes.Sub(span.Opens); long < 4*time.Hour { // a window of minutes, in a demonstration
		from, to = span.Opens.Add(-long/10), span.Closes.Add(long/10)
	}
	step := max(to.Sub(from)/bins, time.Second).Truncate(time.Second)
	age := still
	if v.Live {
		age = fresh
	}
	list, err := s.counts.get(string(v.Batch)+from.String()+step.String(), age, func() ([]books.Bin, error) {
		return s.Books.Timeline(context.WithoutCancel(ctx), v.Batch, from, to, step) // for all who wait, whoever of them leaves
	})
	if err != nil {
		return nil, err
	}
	zone := span.Location()
	c := &chart{Zone: zone.String(), Step: int64(step / time.Second), From: from.Unix(), To: to.Unix(), Offs: offsets(zone, from, to)}
	for _, b := range list {
		at := b.From.In(zone)
		c.X = append(c.X, at.Unix())
		c.Done, c.Doubt, c.Bad, c.Back = append(c.Done, b.Answered), append(c.Doubt, b.Unknown), append(c.Bad, b.Rejected), append(c.Back, b.Returned)
		c.Rows = append(c.Rows, row{b, at})
	}
	c.Marks = marks(span, zone, s.Now(), v.Live)
	return c, nil
}

// marks are the edges of the window and what lies between them.
func marks(span tariff.Span, zone *time.Location, now time.Time, live bool) []mark {
	at := func(t time.Time, name, kind, text string) mark {
		return mark{t.Unix(), t.In(zone).Format("15:04") + " " + name, kind, text}
	}
	var out []mark
	parts := span.Parts()
	for i, p := range parts {
		out = append(out, at(p.Opens, "opens", "edge", "the window opens: tokens cost less of what ends from here on"))
		if i == len(parts)-1 {
			out = append(out, at(span.Deadline, "last end", "limit", "the last job must have ended"))
		}
		out = append(out, at(p.Closes, "closes", "edge", "the window closes: what ends later pays the day price"))
	}
	for _, o := range offsets(zone, span.Opens, span.Closes)[1:] {
		t := time.Unix(o.At, 0)
		out = append(out, at(t, "clocks change", "dst", "the clocks change: this night lasts "+lasting(span.Length())))
	}
	if live && now.After(span.Opens.Add(-time.Hour)) && now.Before(span.Closes.Add(time.Hour)) {
		out = append(out, at(now, "now", "now", "now"))
	}
	return out
}

// offsets are the zone's offsets from UTC between two instants, to the second.
func offsets(zone *time.Location, from, to time.Time) []off {
	_, o := from.In(zone).Zone()
	out := []off{{from.Unix(), o}}
	for t := from; ; {
		_, end := t.In(zone).ZoneBounds()
		if end.IsZero() || !end.Before(to) {
			return out
		}
		_, o := end.In(zone).Zone()
		out = append(out, off{end.Unix(), o})
		t = end
	}
}
