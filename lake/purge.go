package lake

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
)

// PurgeOrder says which days' rows are deleted.
type PurgeOrder struct {
	Before  string // days before this one; those of the day "unknown" by when they were written
	Why     string // the rule, for the manifests
	DryRun  bool
	Now     func() time.Time
	Program string
	Far     func(days int)
}

// Gone is what a purge deleted, or would.
type Gone struct {
	Days  int // of all keys
	Parts int
	Bytes int64
}

// Purge deletes the rows of old days. That is noted first, in a link of the
// key's chain, so that a purge that dies is gone on with by the next one, the
// rows don't come back with the next export, and whoever proves the lake knows
// that nothing was lost. The manifests stay, and with them what the days came
// to.
func (l *Lake) Purge(ctx context.Context, o PurgeOrder) (Gone, error) {
	var out Gone
	cal, err := newCalendar()
	if err != nil {
		return out, err
	}
	have, err := l.contents(ctx)
	if err != nil {
		return out, err
	}
	for _, key := range slices.Sorted(maps.Keys(have.chains)) {
		c, err := l.chain(ctx, key, have.chains[key])
		if err != nil {
			return out, err
		}
		days := map[string][]Manifest{}
		for _, m := range c.parts() {
			days[m.Day] = append(days[m.Day], m)
		}
		for _, day := range slices.Sorted(maps.Keys(days)) {
			parts := days[day]
			on := day
			if day == Unknown {
				on = cal.day(parts[len(parts)-1].Written)
			}
			if on >= o.Before {
				continue
			}
			if c, err = l.purgeDay(ctx, o, c, parts, &out); err != nil {
				return out, err
			}
			if o.Far != nil {
				o.Far(out.Days)
			}
		}
	}
	return out, nil
}

// purgeDay deletes a day of a key, or ends what was begun.
func (l *Lake) purgeDay(ctx context.Context, o PurgeOrder, c chain, parts []Manifest, out *Gone) (chain, error) {
	key, day := parts[0].Key, parts[0].Day
	var files []string
	var bytes int64
	for f, err := range l.store.List(ctx, strings.TrimSuffix(partName(key, day, 0), "/part-0000")) {
		if err != nil {
			return c, err
		}
		files = append(files, f.Key)
		bytes += f.Bytes
	}
	if len(files) == 0 && parts[0].Purged != nil {
		return c, nil // gone already
	}
	if !o.DryRun {
		for c.purged()[day] == nil {
			n, prev := c.head()
			m, err := Manifest{
				N: n + 1, Prev: prev, Key: key, Day: day, Written: o.Now().UTC().Truncate(time.Microsecond), Program: o.Program,
				Purged: &Purged{Parts: len(parts), Why: o.Why},
			}.sealed()
			if err != nil {
				return c, err
			}
			b, err := m.bytes()
			if err != nil {
				return c, err
			}
			err = l.store.Put(ctx, manifestName(key, m.N), b)
			if errors.Is(err, archive.ErrDiffers) { // an export was quicker: with what it wrote
				if c, err = l.chain(ctx, key, n); err != nil {
					return c, err
				}
				continue
			}
			if err != nil {
				return c, err
			}
			c = append(c, m)
		}
		if err := l.store.Remove(ctx, files, nil); err != nil {
			return c, err
		}
	}
	out.Days++
	out.Parts += len(parts)
	out.Bytes += bytes
	return c, nil
}

// PurgeBefore is the day before which nothing is kept: one is that old when it
// was over so long ago.
func PurgeBefore(asked time.Time, keep time.Duration) (string, error) {
	cal, err := newCalendar()
	if err != nil {
		return "", &batch.Fault{Kind: batch.Internal, Op: "purge the log lake", Detail: err.Error(), Err: err}
	}
	return cal.day(asked.Add(-keep)), nil
}
