package lake

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider/swarms"
)

// Row is a row of the log as the lake has it.
type Row struct {
	swarms.LogRow
	Line      []byte // as it is kept: see swarms.LogLine
	RequestID string // of its tag; "" without one
	Key       string // under which it is kept
	Day       string
	Part      int
	Manifest  string // the name of the manifest that counts it
}

// Query chooses rows.
type Query struct {
	Requests []string // those with one of these request ids; nil for all
	Key      string   // of this API key's id; "" for all
	Days     Days
}

var errStop = errors.New("enough")

// Rows hands over the rows that a query chooses, key by key and day by day, the
// parts of a day in order; a row that was revised comes in every version. Each
// part is compared with its manifest while it is read, and rows of one that
// isn't as it was written are followed by an error: a fault of kind
// BooksDisagree. An error ends it. Rows and lines are the caller's.
func (l *Lake) Rows(ctx context.Context, q Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		err := l.rows(ctx, q, func(r Row) bool { return yield(r, nil) })
		if err != nil && !errors.Is(err, errStop) {
			yield(Row{}, err)
		}
	}
}

func (l *Lake) rows(ctx context.Context, q Query, yield func(Row) bool) error {
	if err := q.Days.Check(); err != nil {
		return err
	}
	want := map[[16]byte]bool{}
	for _, id := range q.Requests {
		want[tag("["+id+"]")] = true
	}
	delete(want, [16]byte{}) // what is no request id
	all, err := l.Manifests(ctx, q.Key)
	if err != nil {
		return err
	}
	for _, m := range all {
		if !q.Days.has(m.Day) || m.Purged != nil {
			continue
		}
		s, err := l.scan(ctx, m.JSONL.Name, func(line []byte, row swarms.LogRow) error {
			id := tag(row.Run.SwarmName)
			if q.Requests != nil && !want[id] {
				return ctx.Err()
			}
			r := Row{LogRow: row, Line: slices.Clone(line), Key: m.Key, Day: m.Day, Part: m.Part, Manifest: manifestName(m.Key, m.N)}
			if id != [16]byte{} {
				r.RequestID = uuid(id)
			}
			if !yield(r) {
				return errStop
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		if why := differs(m.JSONL, s.file.sum()); why != "" {
			return broken(m.JSONL.Name, "%s", why)
		}
	}
	return nil
}

// Manifests are those of a key, or of all keys for "", key by key in the order
// of day and part; those of parts that were deleted since say so.
func (l *Lake) Manifests(ctx context.Context, key string) ([]Manifest, error) {
	have, err := l.contents(ctx)
	if err != nil {
		return nil, err
	}
	var out []Manifest
	for _, k := range slices.Sorted(maps.Keys(have.chains)) {
		if key != "" && k != key {
			continue
		}
		c, err := l.chain(ctx, k, have.chains[k])
		if err != nil {
			return nil, err
		}
		out = append(out, c.parts()...)
	}
	return out, nil
}

// Day is a day of a key, added up.
type Day struct {
	Key     string  `json:"key"`
	Day     string  `json:"day"`
	Parts   int     `json:"parts"`
	Rows    int     `json:"rows"`
	Revised int     `json:"revised,omitempty"`
	Bytes   int64   `json:"bytes"` // of its files
	Money   Money   `json:"money"` // what is in several versions counts as its newest
	Ledger  *Ledger `json:"ledger,omitempty"`
	Purged  bool    `json:"purged,omitempty"` // its rows were deleted; what they came to is known still
}

// Listing is the lake, day by day.
type Listing struct {
	URL  string `json:"url"`
	Days []Day  `json:"days"` // key by key
}

// List adds up the days of a key, or of all keys for "".
func (l *Lake) List(ctx context.Context, key string, days Days) (Listing, error) {
	out := Listing{URL: l.URL(""), Days: []Day{}}
	if err := days.Check(); err != nil {
		return out, err
	}
	all, err := l.Manifests(ctx, key)
	if err != nil {
		return out, err
	}
	for _, m := range all {
		if !days.has(m.Day) {
			continue
		}
		n := len(out.Days)
		if n == 0 || out.Days[n-1].Day != m.Day || out.Days[n-1].Key != m.Key {
			out.Days = append(out.Days, Day{Key: m.Key, Day: m.Day})
			n++
		}
		d := &out.Days[n-1]
		d.Parts++
		d.Rows += m.Rows
		d.Revised += m.Revised
		d.Money, d.Ledger = m.SoFar.Money, m.Ledger
		if d.Purged = m.Purged != nil; !d.Purged {
			d.Bytes += m.JSONL.Bytes + m.Parquet.Bytes
		}
	}
	if len(all) == 0 {
		return out, &batch.Fault{
			Kind: batch.NotFound, Op: "list the log lake", Thing: out.URL, Detail: "nothing was exported there yet",
			Hint: "starter logs export takes the provider's log into it; OFFPEAK_LAKE says where it is",
		}
	}
	return out, nil
}
