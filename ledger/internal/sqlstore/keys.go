package sqlstore

import (
	"time"

	"github.com/offpeak/offpeak/ledger"
)

var keys = &table[ledger.KeyRow]{
	name: "keys", key: "id",
	rest: "closed closed_at hold hold_at proven floor floor_why in_flight last_sent tick batch_log batch_log_at",
	values: func(_ numbers, k ledger.KeyRow) []any {
		return []any{
			k.ID, k.Closed, ledger.Micros(k.ClosedAt), k.Hold, ledger.Micros(k.HoldAt), ledger.Micros(k.Proven),
			ledger.Micros(k.Floor), k.FloorWhy, k.InFlight, ledger.Micros(k.LastSent), ledger.Micros(k.Tick),
			string(k.BatchLog), ledger.Micros(k.BatchLogAt),
		}
	},
}

var quota = &table[ledger.WindowRow]{
	name: "quota", key: "key_id name",
	rest: "span most ended tail oldest remaining reset_at told_at step",
	values: func(_ numbers, w ledger.WindowRow) []any {
		return []any{
			w.Key, w.Name, w.Span.Microseconds(), w.Limit, w.Ended, ledger.Micros(w.Tail), ledger.Micros(w.Oldest),
			w.Remaining, ledger.Micros(w.Reset), ledger.Micros(w.ToldAt), w.Step,
		}
	},
}

// Key reads a key and its windows.
func (t *tx) Key(id string) (ledger.KeyRow, bool, error) {
	var r keyReading
	err := t.ask(r.row(id), r.windows(id))
	return r.key, r.found, err
}

// keyReading is a key that is read in two questions.
type keyReading struct {
	key   ledger.KeyRow
	found bool
}

func (r *keyReading) row(id string) Statement {
	return Statement{"read keys", `SELECT id, closed, closed_at, hold, hold_at, proven, floor, floor_why, in_flight, last_sent, tick,
		batch_log, batch_log_at FROM keys WHERE id = $1`, []any{id}, func(s Row) error {
		var (
			k                                           = &r.key
			closed, hold, proven, floor, lastSent, tick int64
			logged                                      int64
		)
		err := s.Scan(&k.ID, &k.Closed, &closed, &k.Hold, &hold, &proven, &floor, &k.FloorWhy, &k.InFlight, &lastSent, &tick,
			&k.BatchLog, &logged)
		k.ClosedAt, k.HoldAt, k.Proven = ledger.Instant(closed), ledger.Instant(hold), ledger.Instant(proven)
		k.Floor, k.LastSent, k.Tick = ledger.Instant(floor), ledger.Instant(lastSent), ledger.Instant(tick)
		k.BatchLogAt = ledger.Instant(logged)
		r.found = true
		return err
	}}
}

func (r *keyReading) windows(id string) Statement {
	return Statement{"read quota", `SELECT name, span, most, ended, tail, oldest, remaining, reset_at, told_at, step
		FROM quota WHERE key_id = $1 ORDER BY span, name`, []any{id}, func(s Row) error {
		w := ledger.WindowRow{Key: id}
		var span, tail, oldest, reset, told int64
		err := s.Scan(&w.Name, &span, &w.Limit, &w.Ended, &tail, &oldest, &w.Remaining, &reset, &told, &w.Step)
		w.Span = time.Duration(span) * time.Microsecond
		w.Tail, w.Oldest = ledger.Instant(tail), ledger.Instant(oldest)
		w.Reset, w.ToldAt = ledger.Instant(reset), ledger.Instant(told)
		r.key.Windows = append(r.key.Windows, w)
		return err
	}}
}

// AllKeys reads all ids.
func (t *tx) AllKeys() ([]string, error) {
	var out []string
	err := t.query("read keys", "SELECT id FROM keys ORDER BY id", nil, func(s Row) error {
		var id string
		err := s.Scan(&id)
		out = append(out, id)
		return err
	})
	return out, err
}
