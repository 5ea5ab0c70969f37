package lake

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
)

// Lake is open until Close. It is safe for concurrent use, by several processes
// too.
type Lake struct{ store store }

// store is what the lake asks of an archive.
type store interface {
	List(ctx context.Context, folder string) iter.Seq2[archive.Object, error]
	Read(ctx context.Context, key string) (io.ReadCloser, error)
	Get(ctx context.Context, key string) ([]byte, error)
	Put(ctx context.Context, key string, content []byte) error
	Create(ctx context.Context, key string, write func(io.Writer) error) error
	Remove(ctx context.Context, keys []string, gone func(key string)) error
	URL(key string) string
	Close() error
}

// Open opens the lake that a setting names, to write and to read: see
// archive.Open.
func Open(ctx context.Context, rawURL string) (*Lake, error) { return open(ctx, rawURL, archive.Open) }

// Reader opens it to read only; a folder that isn't there is NotFound.
func Reader(ctx context.Context, rawURL string) (*Lake, error) {
	return open(ctx, rawURL, archive.Reader)
}

func open(ctx context.Context, rawURL string, how func(context.Context, string) (*archive.Archive, error)) (*Lake, error) {
	a, err := how(ctx, rawURL)
	if f, ok := err.(*batch.Fault); ok { //nolint:errorlint // the archive's own, unwrapped
		g := *f
		g.Op, g.Hint = "open the log lake", strings.ReplaceAll(f.Hint, "OFFPEAK_ARCHIVE", "OFFPEAK_LAKE")
		return nil, &g
	}
	if err != nil {
		return nil, err
	}
	return &Lake{a}, nil
}

// Close lets go of it. What was written is kept already.
func (l *Lake) Close() error { return l.store.Close() }

// URL is where a key's content is, for people; of "" where the lake is.
func (l *Lake) URL(key string) string { return strings.TrimSuffix(l.store.URL(key), "/") }

const (
	logs      = "logs"
	manifests = "manifests"

	// NoKey stands for the id of a key that isn't known.
	NoKey = "none"
)

// partName is where a part is kept, without the ending.
func partName(key, day string, part int) string {
	return fmt.Sprintf("%s/key=%s/day=%s/part-%04d", logs, key, day, part)
}

func manifestName(key string, n int) string {
	return fmt.Sprintf("%s/key=%s/%08d.json", manifests, key, n)
}

const (
	endJSONL   = ".jsonl.gz"
	endParquet = ".parquet"
)

// place is what a name says.
type place struct {
	key, day string
	part     int // of a part
	n        int // of a manifest
}

// placeOf reads a name; false for one that isn't of the lake.
func placeOf(name string) (p place, jsonl, manifest bool) {
	if rest, ok := strings.CutSuffix(name, endJSONL); ok {
		parts := strings.Split(rest, "/")
		if len(parts) != 4 {
			return p, false, false
		}
		p.key, p.day = strings.TrimPrefix(parts[1], "key="), strings.TrimPrefix(parts[2], "day=")
		_, err := fmt.Sscanf(parts[3], "part-%d", &p.part)
		return p, err == nil && rest == partName(p.key, p.day, p.part), false
	}
	parts := strings.Split(name, "/")
	if len(parts) != 3 {
		return p, false, false
	}
	p.key = strings.TrimPrefix(parts[1], "key=")
	_, err := fmt.Sscanf(parts[2], "%d.json", &p.n)
	return p, false, err == nil && name == manifestName(p.key, p.n)
}
