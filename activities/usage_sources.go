package activities

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/advice"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
	spend "github.com/offpeak/offpeak/watch"
)

// compare holds the log against the ledger, for what is ours. Each run counts
// on the day that the ledger gives it: around midnight a row's own time would
// put it on another.
func (l *lookout) compare(a batch.AccountWatch) {
	if !a.Logged {
		return
	}
	for _, d := range a.Days {
		logged := l.log.ours[d.Day]
		if !d.Judged || logged.Dollars == d.Ours.Dollars {
			continue
		}
		cause := "runs in the log that the books have at a lower price: starter reconcile --night " + d.Day + " names them"
		if logged.Dollars < d.Ours.Dollars {
			cause = "runs that the log leaves out, or shows later: starter reconcile --night " + d.Day + " names them"
		}
		l.out.Differences = append(l.out.Differences, batch.Difference{
			Day: d.Day, Zone: l.zone.String(), Account: a.Account, By: d.Ours.Dollars - logged.Dollars, Cause: cause,
			First: batch.Amount{Source: "ledger", Dollars: d.Ours.Dollars}, Second: batch.Amount{Source: "provider's log", Dollars: logged.Dollars},
		})
	}
}

// report holds the provider's usage report against its log, by UTC days: those
// that lie whole within the days that are judged.
func (l *lookout) report(ctx context.Context) error {
	from, _, _ := spend.Bounds(l.from, l.zone)
	_, to, _ := spend.Bounds(l.day, l.zone)
	first := spend.DayOf(from.Add(24*time.Hour-time.Nanosecond), time.UTC)
	last := spend.DayOf(to.Add(-24*time.Hour), time.UTC)
	if last < first { // a single day of ours holds no whole one
		last = first
	}
	begin, _, _ := spend.Bounds(first, time.UTC)
	end, _, _ := spend.Bounds(last, time.UTC)
	days, available, _, err := l.Swarms.UsageReport(ctx, begin, end)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		l.out.Report = "couldn't be read: " + reason(err)
		return nil
	case !available:
		l.out.Report = "not available: the provider answers 404"
		return nil
	}
	l.out.Report = "read"
	if l.out.Log != "" {
		return nil // nothing to hold it against
	}
	said := map[string]money.USD{}
	for _, d := range days {
		said[d.Day] += d.Cost.USD
	}
	for _, day := range spend.Dates(first, last) {
		if begin, end, _ := spend.Bounds(day, time.UTC); begin.Before(from) || end.After(l.began) || l.log.utc[day] == said[day] {
			continue
		}
		l.out.Differences = append(l.out.Differences, batch.Difference{
			Day: day, Zone: "UTC", Account: l.key, By: said[day] - l.log.utc[day],
			First: batch.Amount{Source: "usage report", Dollars: said[day]}, Second: batch.Amount{Source: "provider's log", Dollars: l.log.utc[day]},
			Cause: "the report is of the whole account and of every endpoint, the log of one key; and the log may leave out runs under load",
		})
	}
	return nil
}

// credits judges the account's credits against the nights so far.
func (l *lookout) credits(ctx context.Context) error {
	got, _, err := l.Swarms.Credits(ctx)
	at := l.now()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || !got.Total.Known {
		l.Log.Warn("the credits can't be read: they aren't judged", zap.Error(err))
		return nil
	}
	var nights []money.USD
	for i := range nightsBack {
		p, err := l.Ledger.Purse(ctx, tariff.Night(spend.Shift(l.day, -i)), l.key)
		if err != nil {
			return err
		}
		nights = append(nights, p.Charged)
	}
	c := spend.Credits(got.Total.USD, at, nights, l.Usage.CreditsLow)
	l.out.Credits = &c
	l.out.Alerts = append(l.out.Alerts, spend.CreditsAlert(c, l.key))
	return nil
}

// Advice rests on the last nights, and is told once in a while: what holds today
// holds tomorrow.
const (
	advisedNights = 7
	advisedEvery  = 30 // days
)

// advise says what would save money, by the last nights of the books.
func (l *lookout) advise(ctx context.Context) error {
	ids, err := l.Ledger.Nights(ctx, "")
	if err != nil {
		return err
	}
	slices.SortFunc(ids, func(a, b batch.ID) int { return cmp.Compare(b.Night(), a.Night()) })
	var (
		sum  advice.Nights
		seen = map[tariff.Night]bool{}
	)
	for i, id := range ids {
		if string(id.Night()) > l.day {
			continue
		}
		if seen[id.Night()] = true; len(seen) > advisedNights {
			break
		}
		l.pulse.now(Beat{Doing: "looking at the last nights", Count: i})
		b, err := l.Ledger.Batch(ctx, id)
		if err != nil {
			return err
		}
		e, err := l.Ledger.Effort(ctx, id)
		if err != nil {
			return err
		}
		totals, err := l.Ledger.Totals(ctx, id)
		if err != nil {
			return err
		}
		sum.Add(b, e, totals.Jobs.Parked)
	}
	key, err := l.Ledger.Key(ctx, l.key)
	if err != nil {
		return err
	}
	l.out.Advice = advice.On(sum.Facts(advice.TierOf(key.Windows)))
	l.out.Alerts = append(l.out.Alerts, spend.AdviceAlert(l.out.Advice, l.key, l.began, l.advised == "" || l.advised <= spend.Shift(l.day, -advisedEvery))...)
	return nil
}

// reason is a provider's fault in a line.
func reason(err error) string {
	var f *batch.Fault
	if errors.As(err, &f) {
		return said(f)
	}
	return err.Error()
}
