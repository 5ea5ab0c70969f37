package sqlstore

import (
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/tariff"
)

var purses = &table[ledger.Purse]{
	name: "purses", key: "night key_id", rest: "held charged",
	values: func(_ numbers, p ledger.Purse) []any {
		return []any{string(p.Night), p.Key, int64(p.Held), int64(p.Charged)}
	},
}

// Purse reads one purse.
func (t *tx) Purse(night tariff.Night, key string) (ledger.Purse, bool, error) {
	var out []ledger.Purse
	err := t.ask(purseInto(&out, night, key))
	return first(out, err)
}

func purseInto(out *[]ledger.Purse, night tariff.Night, key string) Statement {
	return Statement{"read purses", "SELECT held, charged FROM purses WHERE night = $1 AND key_id = $2", []any{string(night), key}, func(s Row) error {
		p := ledger.Purse{Night: night, Key: key}
		err := s.Scan(&p.Held, &p.Charged)
		*out = append(*out, p)
		return err
	}}
}

// Purses reads all.
func (t *tx) Purses() ([]ledger.Purse, error) {
	var out []ledger.Purse
	err := t.query("read purses", "SELECT night, key_id, held, charged FROM purses ORDER BY night, key_id", nil, func(s Row) error {
		var p ledger.Purse
		err := s.Scan(&p.Night, &p.Key, &p.Held, &p.Charged)
		out = append(out, p)
		return err
	})
	return out, err
}

// Spent adds up one batch by key.
func (t *tx) Spent(id batch.ID, holding []batch.State) ([]ledger.Purse, error) {
	first, found, err := t.ref(ledger.JobRef{Batch: id})
	if err != nil || !found {
		return nil, err
	}
	var out []ledger.Purse
	args := []any{first, first + 1<<32}
	for _, s := range holding {
		args = append(args, string(s))
	}
	err = t.query("add up reservations", `SELECT a.key_id, CAST(SUM(j.ceiling) AS BIGINT)
		FROM jobs j JOIN attempts a ON a.ref = j.ref AND a.n = CASE j.paid WHEN 0 THEN j.attempts ELSE j.paid END
		WHERE j.ref >= $1 AND j.ref < $2 AND j.state IN `+places(3, len(holding))+" GROUP BY a.key_id", args, func(s Row) error {
		p := ledger.Purse{Night: id.Night()}
		err := s.Scan(&p.Key, &p.Held)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = t.query("add up charges", `SELECT a.key_id, CAST(SUM(c.total) AS BIGINT)
		FROM charges c JOIN attempts a ON a.ref = $1 + c.seq AND a.n = c.attempt
		WHERE c.batch_id = $2 GROUP BY a.key_id`, []any{first, string(id)}, func(s Row) error {
		p := ledger.Purse{Night: id.Night()}
		err := s.Scan(&p.Key, &p.Charged)
		out = append(out, p)
		return err
	})
	return out, err
}

var halts = &table[ledger.Halt]{
	name: "halts", key: "key_id", rest: "halted_by why halted_at",
	values: func(_ numbers, h ledger.Halt) []any {
		return []any{h.Key, h.By, h.Why, ledger.Micros(h.At)}
	},
}

// Halts reads all.
func (t *tx) Halts() (out []ledger.Halt, err error) {
	err = t.ask(haltsInto(&out))
	return out, err
}

func haltsInto(out *[]ledger.Halt) Statement {
	return Statement{"read halts", "SELECT key_id, halted_by, why, halted_at FROM halts ORDER BY key_id", nil, func(s Row) error {
		var h ledger.Halt
		var at int64
		err := s.Scan(&h.Key, &h.By, &h.Why, &at)
		h.At = ledger.Instant(at)
		*out = append(*out, h)
		return err
	}}
}

var balances = &table[ledger.Balance]{
	name: "balances", key: "key_id at", rest: "total",
	values: func(_ numbers, b ledger.Balance) []any { return []any{b.Key, ledger.Micros(b.At), int64(b.Total)} },
}

// Balances reads a stretch of time.
func (t *tx) Balances(key string, from, to time.Time) ([]ledger.Balance, error) {
	var out []ledger.Balance
	err := t.query("read balances", "SELECT at, total FROM balances WHERE key_id = $1 AND at >= $2 AND at <= $3 ORDER BY at",
		[]any{key, ledger.Micros(from), ledger.Micros(to)}, func(s Row) error {
			b := ledger.Balance{Key: key}
			var at int64
			err := s.Scan(&at, &b.Total)
			b.At = ledger.Instant(at)
			out = append(out, b)
			return err
		})
	return out, err
}
