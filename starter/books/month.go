package books

import (
	"context"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/report"
	"github.com/offpeak/offpeak/tariff"
)

// monthForm is how a month is written.
const monthForm = "2006-01"

// Month adds up the nights that open in a calendar month, "2026-11". One
// without any is empty, and no error.
func (b *Books) Month(ctx context.Context, month string) (report.Month, error) {
	if _, err := time.Parse(monthForm, month); err != nil {
		return report.Month{}, &batch.Fault{Kind: batch.BadInput, Op: "report on month", Thing: month, Detail: "it is no month", Hint: "write it as 2026-11"}
	}
	ids, err := b.ledger.Nights(ctx, "")
	if err != nil {
		return report.Month{}, stopped(ctx, err)
	}
	var (
		order     []tariff.Night
		nights    = map[tariff.Night]*report.MonthNight{}
		strangers = map[tariff.Night]map[string]batch.Spend{} // by key
		missed    int
		lost      money.USD
		off       = money.One - tariff.Swarms().Night
	)
	for _, id := range ids {
		night := id.Night()
		if len(night) < len(month) || string(night[:len(month)]) != month {
			continue
		}
		row, err := b.Standing(ctx, string(id))
		if err != nil {
			return report.Month{}, err
		}
		n := nights[night]
		if n == nil {
			n = &report.MonthNight{Night: night}
			nights[night], strangers[night] = n, map[string]batch.Spend{}
			order = append(order, night)
		}
		n.Batches++
		n.Jobs += row.Counts.Succeeded
		n.DayPrice += row.Money.DayPrice
		n.Billed += row.Money.Billed
		if row.Card.Night > 0 {
			off = money.One - row.Card.Night
		}
		if row.Result == nil {
			continue
		}
		missed += row.Result.Discount.Missed
		for _, f := range row.Result.Audit.Findings {
			if f.Rule == batch.DiscountMissed {
				lost += f.Dollars
			}
		}
		if r := row.Result.Reconciled; r != nil {
			// Each batch of a night saw the same strangers on its key.
			if s := strangers[night][row.Account.Key]; r.Foreign.Runs > s.Runs {
				strangers[night][row.Account.Key] = r.Foreign
			}
		}
	}
	slices.Sort(order)
	var (
		list  []report.MonthNight
		spend batch.Spend
	)
	for _, night := range order {
		list = append(list, *nights[night])
		for _, s := range strangers[night] {
			spend.Runs += s.Runs
			spend.Dollars += s.Dollars
		}
	}
	return report.NewMonth(month, list, spend.Dollars, spend.Runs, missed, lost, off), nil
}
