package sqlstore

import (
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

var dailies = &table[ledger.Daily]{
	name: "dailies", key: "kind day", rest: "at result",
	values: func(_ numbers, d ledger.Daily) []any { return []any{d.Kind, d.Day, ledger.Micros(d.At), d.Result} },
}

// Dailies reads the last ones of a kind.
func (t *tx) Dailies(kind string, limit int) ([]ledger.Daily, error) {
	var out []ledger.Daily
	err := t.query("read dailies", "SELECT day, at, result FROM dailies WHERE kind = $1 ORDER BY day DESC LIMIT $2", []any{kind, limit}, func(s Row) error {
		d := ledger.Daily{Kind: kind}
		var at int64
		err := s.Scan(&d.Day, &at, &d.Result)
		d.At = ledger.Instant(at)
		out = append(out, d)
		return err
	})
	return out, err
}

// Hours has the database add up. Of a charge whose attempt is gone the batch
// says the key.
func (t *tx) Hours(from, to time.Time) ([]ledger.Hour, error) {
	const hour = int64(time.Hour / time.Microsecond)
	var out []ledger.Hour
	err := t.query("add up charges", `SELECT COALESCE(a.key_id, b.key_id), c.ended_at / $1, COUNT(*), CAST(SUM(c.total) AS BIGINT)
		FROM charges c JOIN batches b ON b.id = c.batch_id
		LEFT JOIN attempts a ON a.ref = b.no * $2 + c.seq AND a.n = c.attempt
		WHERE c.ended_at >= $3 AND c.ended_at < $4 GROUP BY 1, 2 ORDER BY 1, 2`,
		[]any{hour, int64(1) << 32, ledger.Micros(from), ledger.Micros(to)}, func(s Row) error {
			var (
				h      ledger.Hour
				number int64
			)
			err := s.Scan(&h.Key, &number, &h.Runs, &h.Dollars)
			h.From = ledger.Instant(number * hour)
			out = append(out, h)
			return err
		})
	return out, err
}

// Effort has the database add up.
func (t *tx) Effort(id batch.ID) (ledger.Effort, error) {
	var e ledger.Effort
	first, found, err := t.ref(ledger.JobRef{Batch: id})
	if err != nil || !found {
		return e, err
	}
	return e, t.ask(
		Statement{"add up attempts", "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN status = 429 THEN 1 ELSE 0 END), 0) AS BIGINT) FROM attempts WHERE ref >= $1 AND ref < $2", []any{first, first + 1<<32}, func(s Row) error {
			return s.Scan(&e.Requests, &e.Limited)
		}},
		Statement{"add up charges", `SELECT COUNT(*), CAST(COALESCE(SUM(agents), 0) AS BIGINT), CAST(COALESCE(SUM(total), 0) AS BIGINT), CAST(COALESCE(SUM(day_price), 0) AS BIGINT),
			CAST(COALESCE(SUM(CASE WHEN has_parts THEN agent ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN has_parts THEN agents ELSE 0 END), 0) AS BIGINT)
			FROM charges WHERE batch_id = $1`, []any{string(id)}, func(s Row) error {
			return s.Scan(&e.Runs, &e.Agents, &e.Billed, &e.DayPrice, &e.AgentFee, &e.Priced)
		}},
	)
}
