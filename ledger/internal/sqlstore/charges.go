package sqlstore

import (
	"database/sql"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

var charges = &table[ledger.Charge]{
	name: "charges", key: "n",
	fixed: `batch_id seq name request_id attempt job_id source total input output agent total_text has_parts
		input_tokens output_tokens has_tokens agents day_price night_price night_applied discount_active discount_type
		discount_percentage sent_at ended_at at prev hash`,
	values: func(_ numbers, c ledger.Charge) []any {
		return []any{
			c.N, string(c.Batch), c.Seq, c.Name, c.RequestID, c.Attempt, c.JobID, string(c.Source),
			int64(c.Total), int64(c.Input), int64(c.Output), int64(c.Agent), c.TotalText, c.HasParts,
			c.InputTokens, c.OutputTokens, c.HasTokens, c.Agents, int64(c.DayPrice), int64(c.NightPrice),
			c.NightApplied, c.DiscountActive, c.DiscountType, c.DiscountPercentage,
			ledger.Micros(c.SentAt), ledger.Micros(c.EndedAt), ledger.Micros(c.At), c.Prev, c.Hash,
		}
	},
}

const selectCharges = `SELECT n, batch_id, seq, name, request_id, attempt, job_id, source, total, input, output, agent,
	total_text, has_parts, input_tokens, output_tokens, has_tokens, agents, day_price, night_price, night_applied,
	discount_active, discount_type, discount_percentage, sent_at, ended_at, at, prev, hash FROM charges `

// Charges reads the chain, or one batch's part of it.
func (t *tx) Charges(id batch.ID, yield func(ledger.Charge) error) error {
	where, args := "ORDER BY n", []any(nil)
	if id != "" {
		where, args = "WHERE batch_id = $1 ORDER BY n", []any{string(id)}
	}
	return t.charges(where, args, yield)
}

// Links reads a stretch of the chain.
func (t *tx) Links(first, last int64, yield func(ledger.Charge) error) error {
	return t.charges("WHERE n >= $1 AND n <= $2 ORDER BY n", []any{first, last}, yield)
}

// ChargesOf reads those of some jobs. The index is by place: request ids are
// random, and one by them would be written all over.
func (t *tx) ChargesOf(requestIDs []string) (out []ledger.Charge, err error) {
	args := make([]any, len(requestIDs))
	for i, id := range requestIDs {
		args[i] = id
	}
	err = t.among("request_id", args, func(where string, some []any) error {
		return t.charges("WHERE (batch_id, seq) IN (SELECT batch_id, seq FROM jobs "+where+")", some, func(c ledger.Charge) error {
			out = append(out, c)
			return nil
		})
	})
	return out, err
}

func (t *tx) charges(where string, args []any, yield func(ledger.Charge) error) error {
	return t.query("read charges", selectCharges+where, args, func(s Row) error {
		var (
			c                 ledger.Charge
			applied, active   sql.NullBool
			sent, ended, when int64
		)
		err := s.Scan(&c.N, &c.Batch, &c.Seq, &c.Name, &c.RequestID, &c.Attempt, &c.JobID, &c.Source,
			&c.Total, &c.Input, &c.Output, &c.Agent, &c.TotalText, &c.HasParts, &c.InputTokens, &c.OutputTokens, &c.HasTokens,
			&c.Agents, &c.DayPrice, &c.NightPrice, &applied, &active, &c.DiscountType, &c.DiscountPercentage,
			&sent, &ended, &when, &c.Prev, &c.Hash)
		if err != nil {
			return err
		}
		c.NightApplied, c.DiscountActive = heard(applied), heard(active)
		c.SentAt, c.EndedAt, c.At = ledger.Instant(sent), ledger.Instant(ended), ledger.Instant(when)
		return yield(c)
	})
}

// heard keeps "the provider didn't say" apart from "no".
func heard(b sql.NullBool) *bool {
	if !b.Valid {
		return nil
	}
	return &b.Bool
}
