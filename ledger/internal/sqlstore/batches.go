package sqlstore

import (
	"encoding/json"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

var batches = &table[ledger.Batch]{
	name: "batches", key: "id", fixed: "no provider digest planned_at",
	rest: "key_id workflow_id run_id span card budget policy jobs estimate ceiling sealed stopped paused_by paused_why paused_at",
	values: func(n numbers, b ledger.Batch) []any {
		return []any{
			string(b.ID), n[b.ID], b.Provider, b.Digest, ledger.Micros(b.PlannedAt),
			b.Key, b.Owner.WorkflowID, b.Owner.RunID, object(b.Span), object(b.Card), object(b.Budget), object(b.Policy),
			b.Jobs, int64(b.Estimate), int64(b.Ceiling), b.Sealed, b.Stopped,
			b.Paused.By, b.Paused.Why, ledger.Micros(b.Paused.At),
		}
	},
}

const batchColumns = `b.id, b.provider, b.digest, b.planned_at, b.key_id, b.workflow_id, b.run_id,
	b.span, b.card, b.budget, b.policy, b.jobs, b.estimate, b.ceiling, b.sealed, b.stopped,
	b.paused_by, b.paused_why, b.paused_at`

func scanBatch(s Row, more ...any) (ledger.Batch, error) {
	var (
		b                          ledger.Batch
		planned, paused            int64
		span, card, budget, policy string
	)
	err := s.Scan(append([]any{
		&b.ID, &b.Provider, &b.Digest, &planned, &b.Key, &b.Owner.WorkflowID, &b.Owner.RunID,
		&span, &card, &budget, &policy, &b.Jobs, &b.Estimate, &b.Ceiling, &b.Sealed, &b.Stopped,
		&b.Paused.By, &b.Paused.Why, &paused,
	}, more...)...)
	if err != nil {
		return b, err
	}
	b.PlannedAt, b.Paused.At = ledger.Instant(planned), ledger.Instant(paused)
	for _, part := range []struct {
		text string
		into any
	}{{span, &b.Span}, {card, &b.Card}, {budget, &b.Budget}, {policy, &b.Policy}} {
		if err := json.Unmarshal([]byte(part.text), part.into); err != nil {
			return b, unreadable("read batches", string(b.ID), err)
		}
	}
	return b, nil
}

// Batch reads one batch.
func (t *tx) Batch(id batch.ID) (ledger.Batch, bool, error) {
	var out []ledger.Batch
	err := t.ask(batchInto(&out, id))
	return first(out, err)
}

func batchInto(out *[]ledger.Batch, id batch.ID) Statement {
	return Statement{"read batches", "SELECT " + batchColumns + " FROM batches b WHERE b.id = $1", []any{string(id)}, func(s Row) error {
		b, err := scanBatch(s)
		*out = append(*out, b)
		return err
	}}
}

// first is the only one, and whether there is one.
func first[V any](rows []V, err error) (V, bool, error) {
	if err != nil || len(rows) == 0 {
		var none V
		return none, false, err
	}
	return rows[0], true, nil
}

// Batches reads the newest ones, with their results.
func (t *tx) Batches(limit int) ([]ledger.Batch, error) {
	var out []ledger.Batch
	err := t.query("read batches", "SELECT "+batchColumns+`, r.result
		FROM batches b LEFT JOIN results r ON r.batch_id = b.id
		ORDER BY b.planned_at DESC, b.id DESC LIMIT $1`, []any{limit}, func(s Row) error {
		var result []byte
		b, err := scanBatch(s, &result)
		b.Result = result
		out = append(out, b)
		return err
	})
	return out, err
}

// AllBatches reads all ids.
func (t *tx) AllBatches() ([]batch.ID, error) {
	var out []batch.ID
	err := t.query("read batches", "SELECT id FROM batches ORDER BY id", nil, func(s Row) error {
		var id batch.ID
		err := s.Scan(&id)
		out = append(out, id)
		return err
	})
	return out, err
}

var tallies = &table[ledger.Tally]{
	name: "tallies", key: "batch_id",
	rest: `total planned reserved sending succeeded rejected unknown parked skipped cancelled
		held charged day_price raised charges`,
	values: func(_ numbers, t ledger.Tally) []any {
		e := t.Ended
		return []any{
			string(t.Batch), e.Total, t.Planned, t.Reserved, t.Sending, e.Succeeded, e.Rejected, e.Unknown, e.Parked,
			e.Skipped, e.Cancelled, int64(t.Held), int64(t.Charged), int64(t.DayPrice), int64(t.Raised), t.Charges,
		}
	},
}

// Tally reads a batch's running sums.
func (t *tx) Tally(id batch.ID) (ledger.Tally, bool, error) {
	var out []ledger.Tally
	err := t.ask(tallyInto(&out, id))
	sum, found, err := first(out, err)
	sum.Batch = id
	return sum, found, err
}

func tallyInto(out *[]ledger.Tally, id batch.ID) Statement {
	return Statement{"read tallies", `SELECT total, planned, reserved, sending, succeeded, rejected, unknown, parked,
		skipped, cancelled, held, charged, day_price, raised, charges FROM tallies WHERE batch_id = $1`, []any{string(id)}, func(s Row) error {
		sum := ledger.Tally{Batch: id}
		e := &sum.Ended
		err := s.Scan(&e.Total, &sum.Planned, &sum.Reserved, &sum.Sending, &e.Succeeded, &e.Rejected, &e.Unknown, &e.Parked,
			&e.Skipped, &e.Cancelled, &sum.Held, &sum.Charged, &sum.DayPrice, &sum.Raised, &sum.Charges)
		*out = append(*out, sum)
		return err
	}}
}

// object is a record inside a record, as JSON. The types that are stored so
// can always be written.
func object(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func unreadable(op, thing string, err error) error {
	return &batch.Fault{
		Kind: batch.Internal, Op: op, Thing: thing, Detail: "a stored record can't be read: " + err.Error(),
		Hint: "somebody changed the database by hand, or a newer offpeak wrote it",
	}
}
