package lake

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider/swarms"
)

// Order is an export to be done.
type Order struct {
	// Logs reads the provider's log once, as swarms.Client.LogLines does. An error
	// means that it wasn't read to its end: nothing is written then.
	Logs func(ctx context.Context, yield func(swarms.LogLine) error) error
	// Key is the id of the key with which it is read: that of rows that name none.
	Key   string
	Days  Days
	Today bool // days that aren't over, too
	Books Books
	Now   func() time.Time
	// Program is the version that the manifests name.
	Program string
	// Temp is the folder for the log while it is sorted, "" for the system's. It
	// needs as much room as the log is long.
	Temp string
	// Far is told how far it is, often.
	Far func(batch.Beat)
}

// export is one run of Export.
type export struct {
	*Lake
	Order
	calendar
	spool  *spool
	chains map[string]chain
	have   contents
	out    batch.LogExport
}

// Export takes what is new in the provider's log into the lake. It may be
// killed at any point and run again, and two may run at once: what is in the
// lake in the end is the same, every row once.
//
// The error of a log that can't be read, a lake that can't be written or books
// that can't be asked is theirs; what was complete by then counts already.
func (l *Lake) Export(ctx context.Context, o Order) (batch.LogExport, error) {
	if err := o.Days.Check(); err != nil {
		return batch.LogExport{}, err
	}
	cal, err := newCalendar()
	if err != nil {
		return batch.LogExport{}, err
	}
	if o.Far == nil {
		o.Far = func(batch.Beat) {}
	}
	x := &export{Lake: l, Order: o, calendar: cal, chains: map[string]chain{}}
	now := o.Now().UTC().Truncate(time.Microsecond)
	today := cal.day(now)
	x.out = batch.LogExport{URL: l.URL(""), At: now, From: o.Days.From, To: o.Days.To, Days: []batch.ExportedDay{}}
	last := beside(today)[0]
	if o.Today || o.Days.From == today { // whoever names it means it
		last = today
	}
	if x.Days.To == "" || x.Days.To > last {
		x.out.To, x.Days.To = last, last
	}
	if x.Days.From > last {
		return batch.LogExport{}, &batch.Fault{
			Kind: batch.BadInput, Op: "export the log", Thing: x.Days.From, Moved: batch.MovedNo,
			Detail: "this day isn't over in Los Angeles, where it is " + now.In(cal.zone).Format("2006-01-02 15:04"), Hint: "the last day that is over is " + beside(today)[0],
		}
	}
	if x.spool, err = newSpool(o.Temp); err != nil {
		return batch.LogExport{}, noRoom(err)
	}
	defer x.spool.close()
	for _, step := range []func(context.Context) error{x.look, x.read, x.write} {
		if err := step(ctx); err != nil {
			return x.out, err
		}
	}
	return x.out, nil
}

// noRoom is a machine on which the log can't be sorted.
func noRoom(err error) error {
	if f := (*batch.Fault)(nil); errors.As(err, &f) {
		return err
	}
	return &batch.Fault{
		Kind: batch.OutOfReach, Op: "sort the provider's log", Thing: os.TempDir(), Detail: err.Error(), Err: err, Moved: batch.MovedNo,
		Hint: "it needs room for the whole log there: make some, or set TMPDIR to a folder that has it",
	}
}

// look lists the lake. It comes before the log is read, so that a lake that is
// out of reach costs nobody a gigabyte.
func (x *export) look(ctx context.Context) (err error) {
	x.Far(batch.Beat{Doing: "listing the lake"})
	x.have, err = x.contents(ctx)
	return err
}

// read spools the log.
func (x *export) read(ctx context.Context) error {
	today := x.day(x.out.At)
	err := x.Logs(ctx, func(row swarms.LogLine) error {
		if x.out.Read++; x.out.Read%256 == 0 {
			x.Far(batch.Beat{Doing: "reading the provider's log", Count: x.out.Read})
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		g := group{cmp.Or(row.KeyID, x.Key, NoKey), x.day(Time(row.CreatedAt))}
		keep := x.Days.has(g.day)
		if !keep && g.day != Unknown && g.day >= today {
			x.out.Waiting++
		}
		if err := x.spool.add(g, row, keep); err != nil {
			return noRoom(err)
		}
		return nil
	})
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// write goes through the days in order, those with rows in the log and those
// with a part that was left without a manifest.
func (x *export) write(ctx context.Context) error {
	all := map[group]bool{}
	for g := range x.spool.groups {
		all[g] = true
	}
	for key, days := range x.have.parts {
		for day := range days {
			all[group{key, day}] = true
		}
	}
	todo := slices.SortedFunc(maps.Keys(all), func(a, b group) int { return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.key, b.key)) })
	todo = slices.DeleteFunc(todo, func(g group) bool { return !x.Days.has(g.day) })
	for i, g := range todo {
		x.Far(batch.Beat{Doing: "writing day " + g.day, Count: i})
		if err := x.group(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// rivals is how often an export gives way to another one on the same day.
const rivals = 100

// group brings a day of a key up to date.
func (x *export) group(ctx context.Context, g group) error {
	rows, err := x.spool.load(g)
	if err != nil {
		return noRoom(err)
	}
	for range rivals {
		done, err := x.attempt(ctx, g, rows)
		if done || err != nil {
			return err
		}
		delete(x.chains, g.key) // somebody else was quicker: look again
	}
	return &batch.Fault{
		Kind: batch.OutOfReach, Op: "export the log", Thing: g.day, Detail: "other exports keep writing the same day",
		Hint: "let one of them end: each takes the whole log",
	}
}

// attempt writes the next part of a day. False: there may be another to write,
// or somebody else was quicker.
func (x *export) attempt(ctx context.Context, g group, rows []entry) (done bool, err error) {
	c, known := x.chains[g.key]
	if !known {
		if c, err = x.chain(ctx, g.key, x.have.chains[g.key]); err != nil {
			return false, err
		}
		x.chains[g.key] = c
	}
	if c.purged()[g.day] != nil {
		return true, nil // its rows were deleted for their age: they don't come back
	}
	parts := c.of(g.day)
	next := len(parts) + 1
	orphan := x.have.parts[g.key][g.day] >= next
	if n := len(parts); n > 0 && !orphan && parts[n-1].SoFar.Rows == len(rows) && parts[n-1].SoFar.SHA256 == digestOf(rows) {
		return true, nil // what the log has of this day is what the lake has
	}
	t := newTally()
	for _, m := range parts {
		s, err := x.scan(ctx, m.JSONL.Name, func(line []byte, row swarms.LogRow) error { t.add(line, row); return nil })
		if err != nil {
			return false, err
		}
		if why := differs(m.JSONL, s.file.sum()); why != "" {
			return false, broken(m.JSONL.Name, "%s", why)
		}
	}
	if !orphan {
		fresh := slices.DeleteFunc(slices.Clone(rows), func(e entry) bool { return t.known[e.Hash] })
		if len(fresh) == 0 {
			return true, nil
		}
		err := x.jsonl(ctx, partName(g.key, g.day, next)+endJSONL, fresh)
		if err != nil && !errors.Is(err, archive.ErrDiffers) {
			return false, err
		}
		// Where the name is taken by another export's rows, those are made
		// complete, and what of ours isn't among them goes into the next part.
	}
	return false, x.finish(ctx, g, next, t)
}

// jsonl writes rows of the spool.
func (x *export) jsonl(ctx context.Context, name string, rows []entry) error {
	return x.store.Create(ctx, name, func(w io.Writer) error {
		i := 0
		var line []byte
		return writeJSONL(w, func() (_ []byte, err error) {
			if i == len(rows) {
				return nil, io.EOF
			}
			if i%256 == 0 {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
			}
			if line, err = x.spool.line(rows[i], line); err != nil {
				return nil, noRoom(err)
			}
			i++
			return line, nil
		})
	})
}
