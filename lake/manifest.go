package lake

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Manifest is what is known of one part, and what makes it count. Dollars are
// exact, and times UTC.
type Manifest struct {
	N       int       `json:"n"`    // its place in the key's chain, from 1
	Prev    string    `json:"prev"` // hash of the manifest before it; "" for the first
	Key     string    `json:"key"`  // the API key's id, never the key
	Day     string    `json:"day"`  // in Los Angeles; "unknown" for rows without a readable time
	Part    int       `json:"part"` // of the day, from 1: what came late is in a later one
	Written time.Time `json:"written_at"`
	Program string    `json:"program"`

	Rows      int            `json:"rows"`
	Category  map[string]int `json:"rows_by_category"`
	First     *Mark          `json:"first,omitempty"` // in order of time and id; absent in a part without rows
	Last      *Mark          `json:"last,omitempty"`
	Revised   int            `json:"revised"`               // rows whose id an earlier part of the day has, with another content
	Revisions []string       `json:"revised_ids,omitempty"` // the first of their ids
	Content   Sum            `json:"content"`               // the JSONL before it was compressed
	JSONL     File           `json:"jsonl"`
	Parquet   File           `json:"parquet"`
	Money     Money          `json:"money"` // of this part's rows as they are

	// Of the day with all its parts up to this one. What is in several parts, in
	// several versions, counts as its newest.
	SoFar  DaySoFar `json:"day_so_far"`
	Ledger *Ledger  `json:"ledger,omitempty"` // absent where no books were asked

	Hash string `json:"hash"` // SHA-256 of this manifest with an empty hash, hex

	Purged *Purged `json:"purged,omitempty"` // in the link that says so, and then nothing of a part is in it
}

// Purged says that the rows of a day were deleted. The manifests of its parts
// stay, and with them what they came to.
type Purged struct {
	Parts int    `json:"parts"`
	Why   string `json:"why"` // such as "older than 365 days"
}

// Mark names a row.
type Mark struct {
	ID        string `json:"id"`
	CreatedAt string `json:"created_at"` // as the provider printed it
}

// Sum is a content by its length and hash.
type Sum struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// File is a content under a key of the lake.
type File struct {
	Name string `json:"name"`
	Sum
}

// Money is what rows cost, by the provider's own amounts.
type Money struct {
	All      money.USD `json:"all"`
	Ours     money.USD `json:"ours"`    // tagged with a request id of the books that were asked; with any, where none were
	Foreign  money.USD `json:"foreign"` // the rest: another program, person or ledger
	Priced   int       `json:"priced"`
	Unpriced int       `json:"unpriced"` // rows that name no amount: unknown, not zero
}

// DaySoFar is a day with all its parts.
type DaySoFar struct {
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"` // of the rows' hashes, 16 bytes each, in their order
	Money  Money  `json:"money"`
}

// named is how many of a kind a manifest names.
const named = 100

// bytes is a manifest as it is written.
func (m Manifest) bytes() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	return append(b, '\n'), err
}

// sealed is the manifest with its hash.
func (m Manifest) sealed() (Manifest, error) {
	m.Hash = ""
	b, err := m.bytes()
	sum := sha256.Sum256(b)
	m.Hash = hex.EncodeToString(sum[:])
	return m, err
}

// chain are a key's manifests in order.
type chain []Manifest

func (c chain) head() (n int, hash string) {
	if len(c) == 0 {
		return 0, ""
	}
	return len(c), c[len(c)-1].Hash
}

// of are the parts of a day, in order; none that was purged.
func (c chain) of(day string) []Manifest {
	return slices.DeleteFunc(c.parts(), func(m Manifest) bool { return m.Day != day || m.Purged != nil })
}

// parts are all of them, by day and number. What was purged says so.
func (c chain) parts() []Manifest {
	gone := c.purged()
	var out []Manifest
	for _, l := range c {
		if l.Part > 0 {
			m := l
			m.Purged = gone[m.Day]
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b Manifest) int { return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Part, b.Part)) })
	return out
}

// purged are the days whose rows were deleted.
func (c chain) purged() map[string]*Purged {
	gone := map[string]*Purged{}
	for _, l := range c {
		if l.Purged != nil {
			gone[l.Day] = l.Purged
		}
	}
	return gone
}

// readers is how many manifests are asked for at once.
const readers = 16

// contents are the keys that a lake has.
type contents struct {
	chains map[string]int            // how many manifests a key has
	parts  map[string]map[string]int // JSONL parts by key and day: the highest number
}

// contents lists the lake.
func (l *Lake) contents(ctx context.Context) (contents, error) {
	c := contents{chains: map[string]int{}, parts: map[string]map[string]int{}}
	for _, folder := range []string{manifests, logs} {
		for o, err := range l.store.List(ctx, folder) {
			if err != nil {
				return c, err
			}
			switch p, jsonl, manifest := placeOf(o.Key); {
			case manifest:
				c.chains[p.key] = max(c.chains[p.key], p.n)
			case jsonl:
				if c.parts[p.key] == nil {
					c.parts[p.key] = map[string]int{}
				}
				c.parts[p.key][p.day] = max(c.parts[p.key][p.day], p.part)
			}
		}
	}
	return c, nil
}

// chain reads a key's manifests, of which there are n by a listing, and those
// that came since. A gap, or a link that doesn't hold, is BooksDisagree.
func (l *Lake) chain(ctx context.Context, key string, n int) (chain, error) {
	listed := make(chain, n)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i := range listed {
		g.Go(func() (err error) {
			listed[i], err = l.manifest(gctx, key, i+1)
			if batch.KindOf(err) == batch.NotFound {
				err = broken(manifestName(key, i+1), "it is missing, and number %d is there", n)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := slices.Clone(listed)
	for {
		next, err := l.manifest(ctx, key, len(out)+1)
		if batch.KindOf(err) == batch.NotFound {
			break
		}
		if err != nil {
			return nil, err
		}
		out = append(out, next)
	}
	prev := ""
	for i, m := range out {
		if m.N != i+1 || m.Prev != prev || m.Key != key {
			return nil, broken(manifestName(key, i+1), "it isn't the next one of its chain: it says number %d of key %s after %s; number %d of key %s after %s was expected",
				m.N, m.Key, short(m.Prev), i+1, key, short(prev))
		}
		prev = m.Hash
	}
	return out, nil
}

func short(hash string) string {
	if hash == "" {
		return "nothing"
	}
	return hash[:min(12, len(hash))]
}

func (l *Lake) manifest(ctx context.Context, key string, n int) (Manifest, error) {
	name := manifestName(key, n)
	b, err := l.store.Get(ctx, name)
	if err != nil {
		return Manifest{}, err
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return m, broken(name, "it is no manifest: %v", err)
	}
	again, err := m.bytes()
	if err != nil || !bytes.Equal(again, b) {
		return m, broken(name, "it isn't as it was written")
	}
	if s, err := m.sealed(); err != nil || s.Hash != m.Hash {
		return m, broken(name, "its content was changed: it hashes to %s and says %s", short(s.Hash), short(m.Hash))
	}
	return m, nil
}

// broken is something in the lake that isn't what was written.
func broken(thing, format string, args ...any) *batch.Fault {
	return &batch.Fault{
		Kind: batch.BooksDisagree, Op: "read the log lake", Thing: thing, Detail: fmt.Sprintf(format, args...),
		Hint: "somebody changed the lake, or its store lost something: bring it back from a copy; starter logs verify names all that is wrong",
	}
}
