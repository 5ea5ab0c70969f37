package lake

import (
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

// finish makes a part count whose JSONL is in the lake: it is read back, its
// Parquet is made of it, and its manifest is written last. t is the day without
// it, and has it afterwards.
func (x *export) finish(ctx context.Context, g group, number int, t *tally) error {
	name := partName(g.key, g.day, number)
	m := Manifest{
		Key: g.key, Day: g.day, Part: number, Written: x.Now().UTC().Truncate(time.Microsecond), Program: x.Program,
		Category: map[string]int{}, JSONL: File{Name: name + endJSONL}, Parquet: File{Name: name + endParquet},
	}
	var own purse
	read := func(each func(line []byte, row swarms.LogRow) error) error {
		s, err := x.scan(ctx, m.JSONL.Name, each)
		m.Rows, m.Content, m.JSONL.Sum = s.rows, s.content.sum(), s.file.sum()
		return err
	}
	columns := newCounted()
	err := x.store.Create(ctx, m.Parquet.Name, func(w io.Writer) error {
		out := newTable(io.MultiWriter(w, &columns))
		err := read(func(line []byte, row swarms.LogRow) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			m.note(row)
			if t.add(line, row) {
				if m.Revised++; len(m.Revisions) < named {
					m.Revisions = append(m.Revisions, row.ID)
				}
			}
			amount, priced := price(row)
			own.add(tag(row.Run.SwarmName), amount, priced)
			r, err := recordOf(row, line, g.day)
			if err != nil {
				return broken(m.JSONL.Name, "%v", err)
			}
			return out.add(r, len(line))
		})
		if err != nil {
			return err
		}
		return out.end()
	})
	m.Parquet.Sum = columns.sum()
	if errors.Is(err, archive.ErrDiffers) {
		// Left behind by another version of the program, whose bytes may differ.
		m.Parquet.Sum, err = x.sameParquet(ctx, m)
	}
	if err != nil {
		return err
	}
	known, err := x.ask(ctx, g, t, &m)
	if err != nil {
		return err
	}
	m.Money = own.split(known)
	return x.commit(ctx, m)
}

// note takes a row's marks.
func (m *Manifest) note(row swarms.LogRow) {
	m.Category[row.Category]++
	mark := Mark{row.ID, row.CreatedAt}
	if m.First == nil {
		m.First = &mark
	}
	m.Last = &mark
}

// sameParquet says that a Parquet file has the rows of its JSONL, and what it
// is. It is compared with what m says of it first, where that says something.
func (l *Lake) sameParquet(ctx context.Context, m Manifest) (Sum, error) {
	f, err := os.CreateTemp("", "offpeak-parquet-*")
	if err != nil {
		return Sum{}, noRoom(err)
	}
	defer func() {
		_ = f.Close() // only ours
		_ = os.Remove(f.Name())
	}()
	sum := newCounted()
	r, err := l.store.Read(ctx, m.Parquet.Name)
	if err != nil {
		return Sum{}, err
	}
	_, err = io.Copy(io.MultiWriter(f, &sum), r)
	if err := errors.Join(err, r.Close()); err != nil {
		return Sum{}, noRoom(err)
	}
	if why := differs(m.Parquet, sum.sum()); m.Hash != "" && why != "" {
		return Sum{}, broken(m.Parquet.Name, "%s", why)
	}
	// The two are read side by side: whichever ends first ends both.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	records := make(chan record)
	ended := make(chan error, 1)
	go func() {
		defer close(records)
		_, err := l.scan(ctx, m.JSONL.Name, func(line []byte, row swarms.LogRow) error {
			r, err := recordOf(row, line, m.Day)
			if err != nil {
				return err
			}
			select {
			case records <- r:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		ended <- err
	}()
	err = same(f, func() (record, error) {
		if r, ok := <-records; ok {
			return r, nil
		}
		if err := <-ended; err != nil {
			return record{}, err
		}
		return record{}, io.EOF
	})
	if err != nil {
		return Sum{}, broken(m.Parquet.Name, "it isn't what %s makes: %v", m.JSONL.Name, err)
	}
	return sum.sum(), nil
}

// ask compares the day with the books, where there are some, and says which
// request ids they know.
func (x *export) ask(ctx context.Context, g group, t *tally, m *Manifest) (known map[string]bool, err error) {
	m.SoFar = DaySoFar{Rows: len(t.rows), SHA256: t.digest()}
	var day purse
	tagged := map[string]*pairs{}
	for _, c := range t.costs {
		day.add(c.request, c.logged, c.priced)
		if c.request == [16]byte{} {
			continue
		}
		id := uuid(c.request)
		if tagged[id] == nil {
			tagged[id] = &pairs{}
		}
		tagged[id].runs = append(tagged[id].runs, c.run)
	}
	defer func() { m.SoFar.Money = day.split(known) }()
	if x.Books == nil {
		return nil, nil
	}
	x.Far(batch.Beat{Doing: "comparing day " + g.day + " with the ledger", Count: len(tagged)})
	ids := slices.Sorted(maps.Keys(tagged))
	known, charges, err := x.Books.Charges(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, c := range charges {
		tagged[c.RequestID].charges = append(tagged[c.RequestID].charges, c)
	}
	l := &Ledger{At: m.Written}
	for _, id := range ids {
		if known[id] {
			l.compare(id, *tagged[id]) // a charge too many is of another day, or missed below
		}
	}
	if err := x.unlogged(ctx, g, tagged, l); err != nil {
		return nil, err
	}
	l.Equal = l.Different == 0
	m.Ledger = l
	return known, nil
}

// unlogged finds the day's charges that no row shows.
func (x *export) unlogged(ctx context.Context, g group, tagged map[string]*pairs, l *Ledger) error {
	from, to := x.bounds(g.day)
	if from.IsZero() {
		return nil
	}
	ended, err := x.Books.Ended(ctx, g.key, from, to)
	if err != nil {
		return err
	}
	spare := map[string][]Charge{}
	for id, p := range tagged {
		if _, left := p.match(); len(left) > 0 {
			spare[id] = left
		}
	}
	var missing []Charge
	for _, c := range ended {
		p := tagged[c.RequestID]
		if p == nil || slices.Contains(spare[c.RequestID], c) {
			missing = append(missing, c)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	// What ended around midnight may be logged on the other side of it, and a row
	// that names no key is with the key that read it.
	near := map[[16]byte]int{}
	for other := range x.spool.groups {
		if other == g || !slices.Contains(append(beside(g.day), g.day, Unknown), other.day) {
			continue
		}
		rows, err := x.spool.load(other)
		if err != nil {
			return noRoom(err)
		}
		for _, e := range rows {
			if e.Req != [16]byte{} {
				near[e.Req]++
			}
		}
	}
	for _, c := range missing {
		if id := tag("[" + c.RequestID + "]"); near[id] > 0 {
			near[id]--
			continue
		}
		l.Unlogged.Charges++
		l.Unlogged.Dollars = plus(l.Unlogged.Dollars, c.Total)
		if len(l.Unlogged.RequestIDs) < named {
			l.Unlogged.RequestIDs = append(l.Unlogged.RequestIDs, c.RequestID)
		}
	}
	return nil
}

// commit gives a part its manifest: the next number of the chain. Where that
// is taken, somebody else was quicker, perhaps with this very part.
func (x *export) commit(ctx context.Context, m Manifest) error {
	n, prev := x.chains[m.Key].head()
	m.N, m.Prev = n+1, prev
	m, err := m.sealed()
	if err != nil {
		return err
	}
	b, err := m.bytes()
	if err != nil {
		return err
	}
	name := manifestName(m.Key, m.N)
	if err := x.store.Put(ctx, name, b); errors.Is(err, archive.ErrDiffers) {
		delete(x.chains, m.Key)
		return nil
	} else if err != nil {
		return err
	}
	x.chains[m.Key] = append(x.chains[m.Key], m)
	day := batch.ExportedDay{
		Key: m.Key, Day: m.Day, Part: m.Part, Rows: m.Rows, Revised: m.Revised, Bytes: m.JSONL.Bytes + m.Parquet.Bytes,
		Dollars: m.Money.All, Foreign: m.Money.Foreign, Manifest: name,
	}
	if l := m.Ledger; l != nil {
		day.Logged, day.Charged, day.Differences, day.Unlogged = &l.Logged, &l.Charged, l.Different, l.Unlogged.Charges
		x.out.Differences += l.Different
	}
	x.out.Parts++
	x.out.Rows += m.Rows
	x.out.Bytes += day.Bytes
	x.out.Dollars = plus(x.out.Dollars, day.Dollars)
	if x.out.Days = append(x.out.Days, day); len(x.out.Days) > batch.MaxExportedDays {
		x.out.Days = slices.Delete(x.out.Days, 0, 1)
	}
	return nil
}
