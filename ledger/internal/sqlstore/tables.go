package sqlstore

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// table is how one kind of record is written. The first columns are its name,
// the next ones never change, and the rest is replaced.
type table[V any] struct {
	name   string
	key    string
	fixed  string
	rest   string // "" for records that are only ever added
	values func(numbers, V) []any

	texts sync.Map // by number of rows; -1 for the update of one
}

// numbers are the numbers of batches. A job's name in SQL is one integer, its
// batch's number and its place (ref): the only form of "these 64 jobs" that no
// planner gets wrong, also where it has no statistics yet.
type numbers map[batch.ID]int64

func (n numbers) ref(id batch.ID, seq int) int64 { return n[id]<<32 | int64(seq) }

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
	if rows < 0 {
		text, _ := t.texts.LoadOrStore(rows, t.update())
		return text.(string)
	}
	all := columns(t.key, t.fixed, t.rest)
	var b strings.Builder
	b.WriteString("INSERT INTO " + t.name + " (" + strings.Join(all, ", ") + ") VALUES ")
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		b.WriteString(places(r*len(all)+1, len(all)))
	}
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

// update is the text that replaces the rest of one record that is there.
func (t *table[V]) update() string {
	n := 0
	list := func(names []string, between string) string {
		for i, c := range names {
			n++
			names[i] = c + " = $" + strconv.Itoa(n)
		}
		return strings.Join(names, between)
	}
	return "UPDATE " + t.name + " SET " + list(columns(t.rest), ", ") + " WHERE " + list(columns(t.key), " AND ")
}

// save writes records, whether they are there or not.
func save[V any](tx *tx, t *table[V], records []V) error {
	return pieces(records, func(some []V) error {
		var args []any
		for _, r := range some {
			args = append(args, t.values(tx.numbers, r)...)
		}
		return tx.write("write "+t.name, t.text(len(some)), args...)
	})
}

// change writes records that are there.
func change[V any](tx *tx, t *table[V], records []V) error {
	if tx.store.dialect.Send != nil {
		return save(tx, t, records) // one long statement instead of many
	}
	// An upsert would look through all unique indexes first.
	skip, keys := len(columns(t.key, t.fixed)), len(columns(t.key))
	for _, r := range records {
		all := t.values(tx.numbers, r)
		if err := tx.write("write "+t.name, t.text(-1), slices.Concat(all[skip:], all[:keys])...); err != nil {
			return err
		}
	}
	return nil
}

// Save writes every kind in turn.
func (t *tx) Save(c ledger.Changes) error {
	if err := t.number(c); err != nil {
		return err
	}
	for _, write := range []func() error{
		func() error { return save(t, heads, c.Heads) },
		func() error { return save(t, results, c.Results) },
		func() error { return save(t, tallies, c.Tallies) },
		func() error { return save(t, jobs, c.NewJobs) },
		func() error { return change(t, jobs, c.Jobs) },
		func() error { return save(t, requests, c.Payloads) },
		func() error { return save(t, keys, c.Keys) },
		func() error { return save(t, quota, c.Windows) },
		func() error { return save(t, purses, c.Purses) },
		func() error { return save(t, halts, c.Halts) },
		func() error { return save(t, balances, c.Balances) },
		func() error { return save(t, attempts, c.Attempts) },
		func() error { return save(t, charges, c.Charges) },
		t.send,
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

var heads = &table[ledger.Head]{
	name: "head", key: "id", rest: "n hash",
	values: func(_ numbers, h ledger.Head) []any { return []any{1, h.N, h.Hash} },
}

var results = &table[ledger.Result]{
	name: "results", key: "batch_id", rest: "result",
	values: func(_ numbers, r ledger.Result) []any { return []any{string(r.Batch), r.JSON} },
}

var requests = &table[ledger.Payload]{
	name: "requests", key: "ref", fixed: "request",
	values: func(n numbers, p ledger.Payload) []any { return []any{n.ref(p.Batch, p.Seq), p.Request} },
}

// Head is read first in every write transaction, and locks there. It is asked
// for before it is written, if at all, so that once is enough.
func (t *tx) Head() (ledger.Head, error) {
	if t.head != nil {
		return *t.head, nil
	}
	var h ledger.Head
	found, err := t.one("read the head", "SELECT n, hash FROM head WHERE id = 1"+t.lock, nil, &h.N, &h.Hash)
	if err == nil && !found {
		err = unreadable("read the head", "", errors.New("the row is missing"))
	}
	if err == nil {
		t.head = &h
	}
	return h, err
}

// Result reads a judgement.
func (t *tx) Result(id batch.ID) ([]byte, error) {
	var out []byte
	_, err := t.one("read results", "SELECT result FROM results WHERE batch_id = $1", []any{string(id)}, &out)
	return out, err
}

// Request reads a payload.
func (t *tx) Request(r ledger.JobRef) ([]byte, error) {
	var out []byte
	ref, found, err := t.ref(r)
	if err != nil || !found {
		return nil, err
	}
	_, err = t.one("read requests", "SELECT request FROM requests WHERE ref = $1", []any{ref}, &out)
	return out, err
}
