package sqlstore

import (
	"errors"
	"fmt"
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

	texts sync.Map // by number of rows, or one of the names below
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

// Texts that aren't for a number of rows.
const (
	updateOne = -1 - iota
	insertAll // rows as one array a column
	updateAll
)

// text is made once; kinds, the columns' types, is for arrays.
func (t *table[V]) text(which int, kinds []string) string {
	if text, ok := t.texts.Load(which); ok {
		return text.(string)
	}
	var text string
	switch which {
	case updateOne:
		text = t.update()
	case insertAll:
		all := columns(t.key, t.fixed, t.rest)
		text = "INSERT INTO " + t.name + " (" + strings.Join(all, ", ") + ") SELECT * FROM " + unnest(kinds) + t.conflict()
	case updateAll:
		text = t.updateAll(kinds)
	default:
		text = t.insert(which)
	}
	made, _ := t.texts.LoadOrStore(which, text)
	return made.(string)
}

func (t *table[V]) insert(rows int) string {
	all := columns(t.key, t.fixed, t.rest)
	var b strings.Builder
	b.WriteString("INSERT INTO " + t.name + " (" + strings.Join(all, ", ") + ") VALUES ")
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		b.WriteString(places(r*len(all)+1, len(all)))
	}
	return b.String() + t.conflict()
}

// conflict replaces the rest of a record that is there.
func (t *table[V]) conflict() string {
	if t.rest == "" {
		return ""
	}
	return " ON CONFLICT (" + strings.Join(columns(t.key), ", ") + ") DO UPDATE SET " + each(columns(t.rest), "%[1]s = excluded.%[1]s", ", ")
}

// each writes a list of names in a form.
func each(names []string, form, between string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf(form, n)
	}
	return strings.Join(out, between)
}

// unnest makes rows of arrays.
func unnest(kinds []string) string {
	arrays := make([]string, len(kinds))
	for i, k := range kinds {
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+1, k)
	}
	return "unnest(" + strings.Join(arrays, ", ") + ")"
}

// updateAll is the text that replaces the rest of many records that are there.
func (t *table[V]) updateAll(kinds []string) string {
	return "UPDATE " + t.name + " AS t SET " + each(columns(t.rest), "%[1]s = v.%[1]s", ", ") +
		" FROM " + unnest(kinds) + " AS v(" + strings.Join(columns(t.key, t.rest), ", ") + ") WHERE " + each(columns(t.key), "t.%[1]s = v.%[1]s", " AND ")
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

// arrays are records as one parameter a column, with the columns' types.
func (t *tx) arrays(rows [][]any) (args []any, kinds []string) {
	column := make([]any, len(rows))
	for c := range rows[0] {
		for r, row := range rows {
			column[r] = row[c]
		}
		array, kind := t.store.dialect.Array(column)
		args, kinds = append(args, array), append(kinds, kind)
	}
	return args, kinds
}

// save writes records, whether they are there or not.
func save[V any](tx *tx, t *table[V], records []V) error {
	if tx.store.dialect.Array != nil && len(records) > 0 {
		rows := make([][]any, len(records))
		for i, r := range records {
			rows[i] = t.values(tx.numbers, r)
		}
		args, kinds := tx.arrays(rows)
		return tx.write("write "+t.name, t.text(insertAll, kinds), args...)
	}
	return pieces(records, func(some []V) error {
		var args []any
		for _, r := range some {
			values := t.values(tx.numbers, r)
			if args == nil {
				args = make([]any, 0, len(some)*len(values))
			}
			args = append(args, values...)
		}
		return tx.write("write "+t.name, t.text(len(some), nil), args...)
	})
}

// change writes records that are there. An upsert would look through all
// unique indexes first.
func change[V any](tx *tx, t *table[V], records []V) error {
	if len(records) == 0 {
		return nil
	}
	skip, keys := len(columns(t.key, t.fixed)), len(columns(t.key))
	if tx.store.dialect.Array != nil {
		rows := make([][]any, len(records))
		for i, r := range records {
			all := t.values(tx.numbers, r)
			rows[i] = append(all[:keys:keys], all[skip:]...)
		}
		args, kinds := tx.arrays(rows)
		return tx.write("write "+t.name, t.text(updateAll, kinds), args...)
	}
	for _, r := range records {
		all := t.values(tx.numbers, r)
		if err := tx.write("write "+t.name, t.text(updateOne, nil), append(all[skip:], all[:keys]...)...); err != nil {
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
		func() error { return save(t, errands, c.Errands) },
		func() error { return save(t, dailies, c.Dailies) },
		func() error { return save(t, purges, c.Purges) },
		func() error { return save(t, incidents, c.Incidents) },
		func() error { return save(t, deliveries, c.Deliveries) },
		func() error { return save(t, attempts, c.NewAttempts) },
		func() error { return change(t, attempts, c.Attempts) },
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

// lock is the question for the head.
func (t *tx) lock() Statement {
	text := "SELECT n, hash FROM head WHERE id = 1"
	if t.conn != nil {
		text += t.store.dialect.Lock
	}
	return Statement{"read the head", text, nil, func(s Row) error {
		var h ledger.Head
		err := s.Scan(&h.N, &h.Hash)
		t.head = &h
		return err
	}}
}

// Head is asked for before it is written, if at all, so that once is enough.
// Where it is the lock, the transaction's first message asks for it.
func (t *tx) Head() (ledger.Head, error) {
	if t.head == nil {
		var questions []Statement
		if !t.remote() {
			questions = append(questions, t.lock())
		}
		if err := t.ask(questions...); err != nil {
			return ledger.Head{}, err
		}
	}
	if t.head == nil {
		return ledger.Head{}, unreadable("read the head", "", errors.New("the row is missing"))
	}
	return *t.head, nil
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
