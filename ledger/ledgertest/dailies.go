package ledgertest

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// dailies: a row a kind and day, the last one of a day counts, the latest day
// comes first.
func dailies(t *testing.T, r *room) {
	l, other := r.open(t), r.open(t)
	ctx := t.Context()
	d := &desk{tb: t, Ledger: l, clock: r.clock, ctx: ctx}
	for _, bad := range [][3]string{{"", "2026-11-21", "{}"}, {"watch", "yesterday", "{}"}, {"watch", "2026-11-21", ""}} {
		d.refused(l.NoteDaily(ctx, bad[0], bad[1], time.Time{}, []byte(bad[2])), batch.Internal)
	}
	at := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	for _, day := range []string{"2026-11-20", "2026-11-22", "2026-11-21"} {
		d.ok(l.NoteDaily(ctx, "watch", day, at, []byte(`"`+day+`"`)))
	}
	d.ok(other.NoteDaily(ctx, "watch", "2026-11-21", at.Add(time.Hour+time.Nanosecond), []byte("again")))
	d.ok(other.NoteDaily(ctx, "purge", "2026-11-21", time.Time{}, []byte("{}")))
	got, err := l.Dailies(ctx, "watch", 2)
	d.ok(err)
	d.same(got, []ledger.Daily{
		{Kind: "watch", Day: "2026-11-22", At: at, Result: []byte(`"2026-11-22"`)},
		{Kind: "watch", Day: "2026-11-21", At: at.Add(time.Hour), Result: []byte("again")},
	}, "the last two watches")
	got, err = l.Dailies(ctx, "purge", 10)
	d.ok(err)
	d.same(got, []ledger.Daily{{Kind: "purge", Day: "2026-11-21", At: r.clock.Now(), Result: []byte("{}")}}, "the purges")
	got, err = l.Dailies(ctx, "export", 10)
	d.ok(err)
	if len(got) != 0 {
		t.Errorf("exports: %+v", got)
	}
	d.sound()
}

// hours: charges of all batches by key and hour; the beginning counts, the end
// doesn't.
func hours(t *testing.T, r *room) {
	l := r.open(t)
	a := r.plan(t, l, 4, func(b *ledger.Batch) { b.Key = "a" })
	b := r.plan(t, l, 2, func(b *ledger.Batch) { b.Key = "b" })
	full := r.clock.Now().Truncate(time.Hour).Add(24 * time.Hour)
	end := func(d *desk, seq int, ended time.Time) {
		d.into(seq, batch.Sending)
		c := d.closing(seq, 1)
		charge := chargeOf(money.USD(100 + seq))
		charge.EndedAt = ended
		_, err := d.Settle(d.ctx, c, charge, "x")
		d.ok(err)
	}
	end(a, 0, full.Add(-time.Microsecond))
	end(a, 1, full)
	end(a, 2, full.Add(time.Hour-time.Microsecond))
	end(b, 0, full.Add(30*time.Minute))
	end(a, 3, full.Add(2*time.Hour))
	end(b, 1, full.Add(3*time.Hour))
	total := func(seqs ...int) (sum ledger.Hour) {
		for _, s := range seqs {
			sum.Dollars += chargeOf(money.USD(100 + s)).Total
		}
		sum.Runs = len(seqs)
		return sum
	}
	at := func(key string, from time.Time, h ledger.Hour) ledger.Hour {
		h.Key, h.From = key, from
		return h
	}
	got, err := l.Hours(a.ctx, full, full.Add(3*time.Hour))
	a.ok(err)
	a.same(got, []ledger.Hour{
		at("a", full, total(1, 2)), at("a", full.Add(2*time.Hour), total(3)), at("b", full, total(0)),
	}, "three hours")
	got, err = l.Hours(a.ctx, full.Add(-time.Hour), full)
	a.ok(err)
	a.same(got, []ledger.Hour{at("a", full.Add(-time.Hour), total(0))}, "the hour before")
	e, err := l.Effort(a.ctx, a.id)
	a.ok(err)
	a.same(e, ledger.Effort{Requests: 4, Runs: 4, Agents: 8, Billed: total(0, 1, 2, 3).Dollars, DayPrice: 2 * total(0, 1, 2, 3).Dollars}, "the effort")
	_, err = l.Effort(a.ctx, "nobody/2026-11-22")
	a.refused(err, batch.NotFound)
	for key, none := range map[string]bool{"a": false, "b": false, "nobody's": true} {
		began, err := l.FirstEnd(a.ctx, key)
		a.ok(err)
		if began.IsZero() != none {
			t.Errorf("the first run with key %s ended at %s", key, began)
		}
	}
	a.sound()
}
