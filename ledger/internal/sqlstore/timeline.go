package sqlstore

import (
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// Timeline has the database count, so that a batch of a hundred thousand jobs
// costs a scan and a row a stretch.
func (t *tx) Timeline(id batch.ID, from, to time.Time, step time.Duration, bin func(time.Time) *ledger.Bin) error {
	first, found, err := t.ref(ledger.JobRef{Batch: id})
	if err != nil || !found {
		return err
	}
	start, width := ledger.Micros(from), step.Microseconds()
	at := func(i int64) *ledger.Bin { return bin(ledger.Instant(start + i*width)) }
	end := ledger.Micros(to)
	of := []any{start, width, first, first + 1<<32, start, end}
	return t.ask(
		Statement{"read attempts", `SELECT (sent_at - $1) / $2, COUNT(*) FROM attempts
			WHERE ref >= $3 AND ref < $4 AND sent_at >= $5 AND sent_at < $6 GROUP BY 1`, of, func(s Row) error {
			var i, n int64
			err := s.Scan(&i, &n)
			at(i).Sent += int(n)
			return err
		}},
		Statement{"read attempts", `SELECT (ended_at - $1) / $2, ending, COUNT(*) FROM attempts
			WHERE ref >= $3 AND ref < $4 AND ended_at >= $5 AND ended_at < $6 AND ending <> '' GROUP BY 1, 2`, of, func(s Row) error {
			var (
				i, n int64
				how  ledger.Ending
			)
			err := s.Scan(&i, &how, &n)
			at(i).Ended(how, int(n))
			return err
		}},
		Statement{"read charges", `SELECT (ended_at - $1) / $2, COUNT(*), CAST(SUM(total) AS BIGINT), CAST(SUM(day_price) AS BIGINT) FROM charges
			WHERE batch_id = $3 AND ended_at >= $4 AND ended_at < $5 GROUP BY 1`, []any{start, width, string(id), start, end}, func(s Row) error {
			var (
				i, n        int64
				billed, day money.USD
			)
			err := s.Scan(&i, &n, &billed, &day)
			b := at(i)
			b.Charges += int(n)
			b.Billed += billed
			b.DayPrice += day
			return err
		}},
	)
}
