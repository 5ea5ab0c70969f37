package lake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
)

// Checked is what Verify looked at.
type Checked struct {
	URL       string    `json:"url"`
	Keys      int       `json:"keys"`
	Manifests int       `json:"manifests"`
	Parts     int       `json:"parts"`
	Purged    int       `json:"purged,omitempty"` // parts that were deleted for their age
	Rows      int       `json:"rows"`
	Bytes     int64     `json:"bytes"`
	Dollars   money.USD `json:"dollars"`
	// Pending are parts without a manifest: an export is at work, or was killed.
	// They don't count, and the next export makes them complete.
	Pending []string `json:"pending,omitempty"`
	Heads   []Head   `json:"heads"` // noted elsewhere, they prove later that nothing was cut off
	Wrong   []Wrong  `json:"wrong"`
}

// Head is the end of a key's chain.
type Head struct {
	Key  string `json:"key"`
	N    int    `json:"n"`
	Hash string `json:"hash"`
}

// Wrong is something that isn't as it was written.
type Wrong struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// mostWrong is how much of it is named.
const mostWrong = 100

// Verify reads everything that the chosen days have and proves it: the chain of
// manifests of each key, which is walked whole; each file by its hash; what the
// manifests say of the rows, from the rows; the Parquet, row by row beside the
// JSONL that it was made of. All that is wrong is named. The error is one of
// reading alone; what was checked until then is there.
func (l *Lake) Verify(ctx context.Context, key string, days Days, far func(Checked)) (Checked, error) {
	v := Checked{URL: l.URL(""), Heads: []Head{}, Wrong: []Wrong{}}
	if err := days.Check(); err != nil {
		return v, err
	}
	have, err := l.contents(ctx)
	if err != nil {
		return v, err
	}
	keys := map[string]bool{}
	for k := range have.chains {
		keys[k] = true
	}
	for k := range have.parts {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if key != "" && k != key {
			continue
		}
		v.Keys++
		c, err := l.chain(ctx, k, have.chains[k])
		if err := v.take(err); err != nil {
			return v, err
		}
		if err != nil {
			continue // what a chain that doesn't hold says of the rest is worth nothing
		}
		n, hash := c.head()
		v.Heads = append(v.Heads, Head{k, n, hash})
		v.Manifests += n
		counted := map[string]int{}
		day := map[string]*tally{}
		for _, m := range c.parts() {
			counted[m.Day]++
			if !days.has(m.Day) {
				continue
			}
			if m.Purged != nil {
				v.Purged++
				continue
			}
			if day[m.Day] == nil {
				clear(day) // parts come day by day
				day[m.Day] = newTally()
			}
			if err := v.take(l.verify(ctx, m, day[m.Day], &v)); err != nil {
				return v, err
			}
			far(v)
		}
		for _, day := range slices.Sorted(maps.Keys(have.parts[k])) {
			if days.has(day) && c.purged()[day] == nil && have.parts[k][day] > counted[day] {
				v.Pending = append(v.Pending, partName(k, day, have.parts[k][day])+endJSONL)
			}
		}
	}
	return v, nil
}

// take notes what is wrong with the lake; any other error comes back.
func (v *Checked) take(err error) error {
	var f *batch.Fault
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &f) || f.Kind != batch.BooksDisagree && f.Kind != batch.NotFound:
		return err
	}
	if len(v.Wrong) < mostWrong {
		v.Wrong = append(v.Wrong, Wrong{f.Thing, f.Detail})
	}
	return nil
}

// verify proves one part; t is its day so far.
func (l *Lake) verify(ctx context.Context, m Manifest, t *tally, v *Checked) error {
	again := Manifest{Category: map[string]int{}}
	var own, day purse
	s, err := l.scan(ctx, m.JSONL.Name, func(line []byte, row swarms.LogRow) error {
		again.note(row)
		if t.add(line, row) {
			again.Revised++
		}
		amount, priced := price(row)
		own.add(tag(row.Run.SwarmName), amount, priced)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if why := differs(m.JSONL, s.file.sum()); why != "" {
		return broken(m.JSONL.Name, "%s", why)
	}
	for _, c := range t.costs {
		day.add(c.request, c.logged, c.priced)
	}
	name := manifestName(m.Key, m.N)
	for _, f := range []struct {
		what      string
		say, real any
	}{
		{"rows", m.Rows, s.rows},
		{"bytes of content", m.Content.Bytes, s.content.n},
		{"the hash of the content", m.Content.SHA256, s.content.sum().SHA256},
		{"rows by category", fmt.Sprint(m.Category), fmt.Sprint(again.Category)},
		{"the first row", fmt.Sprint(deref(m.First)), fmt.Sprint(deref(again.First))},
		{"the last row", fmt.Sprint(deref(m.Last)), fmt.Sprint(deref(again.Last))},
		{"revised rows", m.Revised, again.Revised},
		{"dollars", m.Money.All.String(), own.All.String()},
		{"dollars of ours and others", plus(m.Money.Ours, m.Money.Foreign).String(), own.All.String()},
		{"rows with a price", m.Money.Priced, own.Priced},
		{"rows without a price", m.Money.Unpriced, own.Unpriced},
		{"rows of the day so far", m.SoFar.Rows, len(t.rows)},
		{"the hash of the day so far", m.SoFar.SHA256, t.digest()},
		{"dollars of the day so far", m.SoFar.Money.All.String(), day.All.String()},
	} {
		if f.say != f.real {
			return broken(name, "%s: it says %v, the rows say %v", f.what, f.say, f.real)
		}
	}
	if _, err := l.sameParquet(ctx, m); err != nil {
		return err
	}
	v.Parts++
	v.Rows += s.rows
	v.Bytes += m.JSONL.Bytes + m.Parquet.Bytes
	v.Dollars = plus(v.Dollars, own.All)
	return nil
}

func deref(m *Mark) Mark {
	if m == nil {
		return Mark{}
	}
	return *m
}
