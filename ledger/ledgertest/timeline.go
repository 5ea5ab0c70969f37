package ledgertest

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// timeline counts requests and charges in stretches of time, as one who reads
// every row would.
func timeline(t *testing.T, r *room) {
	l := r.open(t)
	d := r.plan(t, l, 40)
	other := r.plan(t, l, 3) // on the same hours: not counted
	other.into(0, batch.Succeeded)
	from, step := d.clock.Now(), time.Minute
	ends := []batch.State{batch.Succeeded, batch.Rejected, batch.Unknown, batch.Succeeded, batch.Succeeded}
	for seq := range 30 {
		d.into(seq, ends[seq%len(ends)])
		d.clock.Add(17 * time.Second)
	}
	_, err := d.Absent(d.ctx, d.id, 2, time.Time{}, "not in the log")
	d.ok(err)
	d.send(30)                            // in flight: sent, and not ended
	to := d.clock.Now().Add(-time.Minute) // the last stretch is cut

	want := map[time.Time]*ledger.Bin{}
	bin := func(at time.Time) *ledger.Bin {
		at = from.Add(at.Sub(from).Truncate(step))
		if want[at] == nil {
			want[at] = &ledger.Bin{From: at}
		}
		return want[at]
	}
	inside := func(at time.Time) bool { return !at.Before(from) && at.Before(to) }
	for seq := range 40 {
		trail, err := l.Trail(d.ctx, d.id, d.job(seq).Name)
		d.ok(err)
		for _, a := range trail.Attempts {
			if inside(a.SentAt) {
				bin(a.SentAt).Sent++
			}
			if a.Ending != ledger.InFlight && inside(a.EndedAt) {
				bin(a.EndedAt).Ended(a.Ending, 1)
			}
		}
		for _, c := range trail.Charges {
			if inside(c.EndedAt) {
				b := bin(c.EndedAt)
				b.Charges++
				b.Billed += c.Total
				b.DayPrice += c.DayPrice
			}
		}
	}
	got, err := l.Timeline(d.ctx, d.id, from, to, step)
	d.ok(err)
	sum := ledger.Bin{}
	for i, b := range got {
		if i > 0 && !got[i-1].From.Before(b.From) {
			t.Errorf("bins out of order: %s after %s", b.From, got[i-1].From)
		}
		if w := want[b.From.In(from.Location())]; w == nil {
			t.Errorf("nothing happened at %s: %+v", b.From, b)
		} else {
			b.From = w.From
			d.same(b, *w, "the bin of "+b.From.String())
		}
		sum.Sent += b.Sent
		sum.Answered += b.Answered
		sum.Unknown += b.Unknown
		sum.Rejected += b.Rejected
		sum.Returned += b.Returned
		sum.Charges += b.Charges
	}
	if len(got) != len(want) || sum.Sent < 20 || sum.Answered < 10 || sum.Rejected < 3 || sum.Unknown < 3 || sum.Returned != 1 || sum.Charges != sum.Answered {
		t.Errorf("%d bins for %d, in all %+v", len(got), len(want), sum)
	}
	_, err = l.Timeline(d.ctx, "none/2026-11-22", from, to, step)
	d.refused(err, batch.NotFound)
	_, err = l.Timeline(d.ctx, d.id, from, to, time.Nanosecond)
	d.refused(err, batch.Internal)
}
