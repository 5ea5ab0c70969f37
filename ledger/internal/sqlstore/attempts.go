package sqlstore

import (
	"fmt"
	"time"

	"github.com/offpeak/offpeak/ledger"
)

var attempts = &table[ledger.AttemptRow]{
	name: "attempts", key: "ref n", fixed: "batch_id seq request_id key_id sent_at until batched free step",
	rest: "ended_at status outcome ending counted_at receipt",
	values: func(n numbers, a ledger.AttemptRow) []any {
		receipt := a.Receipt
		if receipt == nil {
			receipt = []byte{}
		}
		return []any{
			n.ref(a.Batch, a.Seq), a.N, string(a.Batch), a.Seq, a.RequestID, a.Key, ledger.Micros(a.SentAt), ledger.Micros(a.Until), a.Batched, a.Free, a.Step,
			ledger.Micros(a.EndedAt), a.Status, string(a.Outcome), string(a.Ending), ledger.Micros(a.CountedAt), receipt,
		}
	},
}

const selectAttempts = `SELECT batch_id, seq, n, request_id, key_id, sent_at, until, ended_at, status,
	outcome, ending, counted_at, receipt, batched, free, step FROM attempts `

func attemptsInto(out *[]ledger.AttemptRow, where string, args ...any) Statement {
	return Statement{"read attempts", selectAttempts + where, args, func(s Row) error {
		var (
			a                           ledger.AttemptRow
			sent, until, ended, counted int64
		)
		err := s.Scan(&a.Batch, &a.Seq, &a.N, &a.RequestID, &a.Key, &sent, &until, &ended, &a.Status,
			&a.Outcome, &a.Ending, &counted, &a.Receipt, &a.Batched, &a.Free, &a.Step)
		a.SentAt, a.Until = ledger.Instant(sent), ledger.Instant(until)
		a.EndedAt, a.CountedAt = ledger.Instant(ended), ledger.Instant(counted)
		if len(a.Receipt) == 0 {
			a.Receipt = nil
		}
		*out = append(*out, a)
		return err
	}}
}

func (t *tx) attempts(out []ledger.AttemptRow, where string, args ...any) ([]ledger.AttemptRow, error) {
	err := t.ask(attemptsInto(&out, where, args...))
	return out, err
}

// Attempt reads one attempt.
func (t *tx) Attempt(r ledger.AttemptRef) (ledger.AttemptRow, bool, error) {
	ref, found, err := t.ref(r.JobRef)
	if err != nil || !found {
		return ledger.AttemptRow{}, false, err
	}
	rows, err := t.attempts(nil, "WHERE ref = $1 AND n = $2", ref, r.N)
	if err != nil || len(rows) == 0 {
		return ledger.AttemptRow{}, false, err
	}
	return rows[0], true, nil
}

// Attempts reads all attempts of several jobs.
func (t *tx) Attempts(list []ledger.JobRef) (out []ledger.AttemptRow, err error) {
	refs, err := t.refs(list)
	if err != nil {
		return nil, err
	}
	err = t.among("ref", refs, func(where string, some []any) (err error) {
		out, err = t.attempts(out, where, some...)
		return err
	})
	return out, err
}

// AttemptsOf reads a job's attempts.
func (t *tx) AttemptsOf(r ledger.JobRef) ([]ledger.Attempt, error) {
	ref, found, err := t.ref(r)
	if err != nil || !found {
		return nil, err
	}
	rows, err := t.attempts(nil, "WHERE ref = $1 ORDER BY n", ref)
	out := make([]ledger.Attempt, len(rows))
	for i, a := range rows {
		out[i] = a.Attempt
	}
	return out, err
}

// InFlight reads a key's attempts without an end.
func (t *tx) InFlight(key string, after time.Time, limit int) (out []ledger.Flight, err error) {
	err = t.ask(flightsInto(&out, "AND until > $2 ORDER BY sent_at LIMIT $3", key, ledger.Micros(after), limit))
	return out, err
}

// flightsInto reads as little of each as there is to know: a group has to ask
// for more of them than it has operations.
func flightsInto(out *[]ledger.Flight, where string, args ...any) Statement {
	return Statement{"read attempts", "SELECT batch_id, seq, n, sent_at FROM attempts WHERE key_id = $1 AND ending = '' " + where, args, func(s Row) error {
		var (
			f  ledger.Flight
			at int64
		)
		err := s.Scan(&f.Batch, &f.Seq, &f.N, &at)
		f.SentAt = ledger.Instant(at)
		*out = append(*out, f)
		return err
	}}
}

// Overdue reads those that can't be under way any more.
func (t *tx) Overdue(key string, upTo time.Time) ([]ledger.AttemptRow, error) {
	return t.attempts(nil, "WHERE key_id = $1 AND ending = '' AND until <= $2", key, ledger.Micros(upTo))
}

// Count counts them.
func (t *tx) Count(key string) (int, error) {
	var n int
	_, err := t.one("read attempts", "SELECT COUNT(*) FROM attempts WHERE key_id = $1 AND ending = ''", []any{key}, &n)
	return n, err
}

// Ends counts what lies in a stretch of time. What isn't counted has 0 there,
// before every stretch, and isn't in the index: its condition stands in the
// question, so that a planner sees that it may be used.
func (t *tx) Ends(key, step string, after, upTo time.Time) (n int64, next time.Time, err error) {
	only, args := ofStep(step, []any{key, ledger.Micros(after), ledger.Micros(upTo)})
	_, err = t.one("read attempts", `SELECT COUNT(*) FROM attempts
		WHERE key_id = $1 AND counted_at > $2 AND counted_at <= $3 AND counted_at > 0`+only, args, &n)
	if err != nil {
		return 0, time.Time{}, err
	}
	next, err = t.NthEnd(key, step, upTo, 1)
	return n, next, err
}

// NthEnd finds the n-th one after an instant.
func (t *tx) NthEnd(key, step string, after time.Time, n int64) (time.Time, error) {
	var at int64
	only, args := ofStep(step, []any{key, ledger.Micros(after)})
	args = append(args, n-1)
	_, err := t.one("read attempts", fmt.Sprintf(`SELECT counted_at FROM attempts
		WHERE key_id = $1 AND counted_at > $2 AND counted_at > 0%s ORDER BY counted_at LIMIT 1 OFFSET $%d`, only, len(args)), args, &at)
	return ledger.Instant(at), err
}

// ofStep is the condition of a window that counts one step alone. Such windows
// are few and their spans long: the index of all finds the stretch, and the rows
// of other steps in it are passed over.
func ofStep(step string, args []any) (string, []any) {
	if step == "" {
		return "", args
	}
	return fmt.Sprintf(" AND step = $%d", len(args)+1), append(args, step)
}
