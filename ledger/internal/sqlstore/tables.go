package sqlstore

import (
	"strings"
	"sync"

	"github.com/offpeak/offpeak/ledger"
)

// table is how one kind of record is written. The first columns are its name,
// the next ones never change, and the rest is replaced.
type table[V any] struct {
	name   string
	key    string
	fixed  string
	rest   string // "" for records that are only ever added
	values func(V) []any

	texts sync.Map // by number of rows
}

func columns(parts ...string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, strings.Fields(p)...)
	}
	return out
}

func (t *table[V]) text(rows int) string {
	if text, ok := t.texts.Load(rows); ok {
		return text.(string)
	}
	all := columns(t.key, t.fixed, t.rest)
	var b strings.Builder
	b.WriteString("INSERT INTO " + t.name + " (" + strings.Join(all, ", ") + ") VALUES " + places(0, rows, len(all)))
	if t.rest != "" {
		b.WriteString(" ON CONFLICT (" + strings.Join(columns(t.key), ", ") + ") DO UPDATE SET ")
		for i, c := range columns(t.rest) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(c + " = excluded." + c)
		}
	}
	text, _ := t.texts.LoadOrStore(rows, b.String())
	return text.(string)
}

// save writes records.
func save[V any](tx *tx, t *table[V], records []V) error {
	return pieces(records, func(some []V) error {
		var args []any
		for _, r := range some {
			args = append(args, t.values(r)...)
		}
		_, err := tx.exec("write "+t.name, t.text(len(some)), args...)
		return err
	})
}

// Save writes every kind in turn.
func (t *tx) Save(c ledger.Changes) error {
	for _, write := range []func() error{
		func() error { return save(t, heads, c.Heads) },
		func() error { return save(t, batches, c.Batches) },
		func() error { return save(t, results, c.Results) },
		func() error { return save(t, tallies, c.Tallies) },
		func() error { return save(t, jobs, c.Jobs) },
		func() error { return save(t, requests, c.Payloads) },
		func() error { return save(t, keys, c.Keys) },
		func() error { return save(t, quota, c.Windows) },
		func() error { return save(t, attempts, c.Attempts) },
		func() error { return save(t, charges, c.Charges) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

var heads = &table[ledger.Head]{
	name: "head", key: "id", rest: "n hash",
	values: func(h ledger.Head) []any { return []any{1, h.N, h.Hash} },
}

var results = &table[ledger.Result]{
	name: "results", key: "batch_id", rest: "result",
	values: func(r ledger.Result) []any { return []any{string(r.Batch), r.JSON} },
}

var requests = &table[ledger.Payload]{
	name: "requests", key: "batch_id seq", fixed: "request",
	values: func(p ledger.Payload) []any { return []any{string(p.Batch), p.Seq, p.Request} },
}

// Head is read first in every write transaction, and locks there.
func (t *tx) Head() (ledger.Head, error) {
	var h ledger.Head
	_, err := t.one("read the head", "SELECT n, hash FROM head WHERE id = 1"+t.lock, nil, &h.N, &h.Hash)
	return h, err
}

// Result reads a judgement.
func (t *tx) Result(id batchID) ([]byte, error) {
	var out []byte
	_, err := t.one("read results", "SELECT result FROM results WHERE batch_id = $1", []any{string(id)}, &out)
	return out, err
}

// Request reads a payload.
func (t *tx) Request(r ledger.JobRef) ([]byte, error) {
	var out []byte
	_, err := t.one("read requests", "SELECT request FROM requests WHERE batch_id = $1 AND seq = $2", []any{string(r.Batch), r.Seq}, &out)
	return out, err
}
