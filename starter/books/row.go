package books

import (
	"strconv"
	"time"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// row is a line of the warehouse's table: a job and one of its charges, or a
// job without one. request_id and attempt are its key; request_id alone is,
// unless a job was billed twice.
type row struct {
	job    ledger.Job
	charge ledger.Charge // N is 0 when there is none
}

func (r row) charged() bool { return r.charge.N > 0 }

func rowsOf(e ledger.Entry) []row {
	if len(e.Charges) == 0 {
		return []row{{job: e.Job}}
	}
	rows := make([]row, len(e.Charges))
	for i, c := range e.Charges {
		rows[i] = row{e.Job, c}
	}
	return rows
}

// attempt is the one that was charged, or how many there were.
func (r row) attempt() int {
	if r.charged() {
		return r.charge.Attempt
	}
	return r.job.Attempts
}

// What a row without a charge doesn't have, or a charge that the provider said
// little of, is nil: no amount, which isn't an amount of zero.

func (r row) billed() *money.USD   { return when(r.charged(), r.charge.Total) }
func (r row) dayPrice() *money.USD { return when(r.charged(), r.charge.DayPrice) }
func (r row) saved() *money.USD    { return when(r.charged(), r.charge.DayPrice-r.charge.Total) }

func (r row) parts() (input, output, agent *money.USD) {
	c := r.charge
	return when(c.HasParts, c.Input), when(c.HasParts, c.Output), when(c.HasParts, c.Agent)
}

func (r row) tokens() (input, output *int64) {
	return when(r.charge.HasTokens, r.charge.InputTokens), when(r.charge.HasTokens, r.charge.OutputTokens)
}

func (r row) agents() *int64 { return when(r.charged(), r.charge.Agents) }

// discount is what the provider said of it, word for word.
func (r row) discount() (applied, active, kind, percentage *string) {
	c := r.charge
	return said(c.NightApplied), said(c.DiscountActive), when(c.DiscountType != "", c.DiscountType), when(c.DiscountPercentage != "", c.DiscountPercentage)
}

func (r row) sentAt() *time.Time  { return when(!r.charge.SentAt.IsZero(), r.charge.SentAt) }
func (r row) endedAt() *time.Time { return when(!r.charge.EndedAt.IsZero(), r.charge.EndedAt) }

func when[V any](there bool, v V) *V {
	if !there {
		return nil
	}
	return &v
}

func said(b *bool) *string {
	if b == nil {
		return nil
	}
	s := strconv.FormatBool(*b)
	return &s
}
