package ledgertest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

func keys(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 5)
	ctx := d.ctx
	d.same(d.standing(), ledger.Key{ID: d.key, Windows: []ledger.Window{}}, "a key that was never used")

	d.ok(d.CloseKey(ctx, d.key, "HTTP 401"))
	d.clock.Add(time.Second)
	d.ok(d.CloseKey(ctx, d.key, "HTTP 403"))
	d.ok(d.HoldKey(ctx, d.key, "HTTP 402"))
	d.ok(d.HoldKey(ctx, d.key, ""))
	k := d.standing()
	if k.Closed != "HTTP 401" || !k.ClosedAt.Equal(evening) || k.Hold != "HTTP 402" || !k.HoldAt.Equal(evening.Add(time.Second)) {
		t.Errorf("closed and held: %+v", k)
	}
	d.ok(d.OpenKey(ctx, d.key))
	d.ok(d.ReleaseKey(ctx, d.key))
	d.same(d.standing(), ledger.Key{ID: d.key, Windows: []ledger.Window{}}, "opened and released")
	d.ok(d.CloseKey(ctx, d.key, ""))
	if k := d.standing(); k.Closed == "" {
		t.Error("closed without a reason, the key is open")
	}
	d.ok(d.OpenKey(ctx, d.key))

	// The floor only ever raises, whoever tells what in which order.
	for _, minutes := range []int{5, 3, 9, 1} {
		d.ok(d.Floor(ctx, d.key, evening.Add(time.Duration(minutes)*time.Minute), strings.Repeat("x", minutes)))
	}
	if k := d.standing(); !k.Floor.Equal(evening.Add(9*time.Minute)) || len(k.FloorWhy) != 9 {
		t.Errorf("floor: %+v", k)
	}

	// Proven by an answer, not by a send or a refusal.
	d.into(0, batch.Rejected)
	if k := d.standing(); !k.Proven.IsZero() || k.LastSent.IsZero() {
		t.Errorf("after a rejection: %+v", k)
	}
	d.clock.Add(time.Second)
	d.into(1, batch.Succeeded)
	if k := d.standing(); !k.Proven.Equal(d.clock.Now()) {
		t.Errorf("after an answer: %+v", k)
	}
	d.clock.Add(time.Second)
	d.ok(d.Prove(ctx, d.key))
	if k := d.standing(); !k.Proven.Equal(d.clock.Now()) {
		t.Errorf("proven: %+v", k)
	}

	// In flight, across batches of one key.
	e := r.plan(t, d.Ledger, 2, func(b *ledger.Batch) { b.Key = d.key })
	d.send(2)
	oldest := d.clock.Now()
	d.clock.Add(time.Second)
	e.send(0)
	if k := e.standing(); k.InFlight != 2 || !k.Oldest.Equal(oldest) || !k.LastSent.Equal(d.clock.Now()) {
		t.Errorf("two in flight: %+v", k)
	}
	_, err := d.Reject(ctx, d.closing(2, 1), "HTTP 400")
	d.ok(err)
	if k := e.standing(); k.InFlight != 1 || !k.Oldest.Equal(d.clock.Now()) {
		t.Errorf("one in flight: %+v", k)
	}

	// What the provider tells of its limits.
	told := evening.Add(time.Minute)
	learn(t, d, d.key,
		ledger.Window{Name: "day", Span: 24 * time.Hour, Limit: 1200, Remaining: 900, ToldAt: told},
		ledger.Window{Name: "minute", Span: time.Minute, Limit: 100, Remaining: 57, Reset: told.Add(42 * time.Second), ToldAt: told})
	learn(t, d, d.key, ledger.Window{Name: "minute", Span: time.Minute, Limit: 90, Remaining: 60, ToldAt: told.Add(-time.Second)}) // overtaken
	learn(t, d, d.key, ledger.Window{Name: "hour", Span: time.Hour, Remaining: -1, ToldAt: told})
	learn(t, d, d.key)
	k = d.standing()
	for i := range k.Windows {
		k.Windows[i].Used, k.Windows[i].Frees = 0, time.Time{}
	}
	d.same(k.Windows, []ledger.Window{
		{Name: "minute", Span: time.Minute, Limit: 100, Remaining: 57, Reset: told.Add(42 * time.Second), ToldAt: told},
		{Name: "hour", Span: time.Hour, Remaining: -1, ToldAt: told},
		{Name: "day", Span: 24 * time.Hour, Limit: 1200, Remaining: 900, ToldAt: told},
	}, "what was learnt")
	for _, bad := range []ledger.Window{{Span: time.Minute, Limit: 1}, {Name: "minute", Limit: 1}, {Name: "minute", Span: time.Minute, Limit: -1}} {
		d.refused(d.Learn(ctx, d.key, []ledger.Window{bad}), batch.Internal)
	}
	d.sound()
}

func reading(t *testing.T, r *room) {
	l := r.open(t)
	a := r.plan(t, l, 25)
	a.clock.Add(time.Minute)
	b := r.plan(t, l, 1)
	ctx := a.ctx

	got, err := l.Jobs(ctx, a.id, 10, 13)
	a.ok(err)
	if len(got) != 3 || got[0].Seq != 10 || got[2].Seq != 12 || got[0].Request != nil || got[0].Models[1] != "gpt-4o" {
		t.Errorf("jobs 10 to 12: %+v", got)
	}
	for _, p := range [][2]int{{25, 99}, {5, 5}, {7, 3}, {-3, 0}} {
		if got, err := l.Jobs(ctx, a.id, p[0], p[1]); err != nil || len(got) != 0 {
			t.Errorf("jobs %v: %d of them, %v", p, len(got), err)
		}
	}
	_, err = l.Job(ctx, a.id, 25)
	a.refused(err, batch.NotFound)
	if got, err := l.Attempts(ctx, a.id, 0); err != nil || len(got) != 0 {
		t.Errorf("attempts of a job that wasn't sent: %v, %v", got, err)
	}

	a.ok(l.Judged(ctx, a.id, []byte(`{"state":"failed"}`)))
	a.ok(l.Judged(ctx, a.id, []byte(`{"state":"done"}`)))
	a.refused(l.Judged(ctx, "none/2026-11-22", []byte(`{}`)), batch.NotFound)
	list, err := l.Batches(ctx, 10)
	a.ok(err)
	if len(list) != 2 || list[0].ID != b.id || list[1].ID != a.id || string(list[1].Result) != `{"state":"done"}` || list[0].Result != nil {
		t.Errorf("batches: %+v", list)
	}
	if list, err := l.Batches(ctx, 1); err != nil || len(list) != 1 || list[0].ID != b.id {
		t.Errorf("the newest batch: %+v, %v", list, err)
	}
	one, err := l.Batch(ctx, a.id)
	a.ok(err)
	a.same(one, list[1], "a batch alone")

	// Texts of other people don't break a record.
	hostile := "a\x00b\xff'; DROP TABLE jobs; --" + strings.Repeat("é", 2000)
	n := a.send(0)
	c := chargeOf(97_250)
	c.JobID, c.DiscountType = hostile, hostile
	_, err = l.Settle(ctx, a.closing(0, n), c, hostile)
	a.ok(err)
	_, err = l.Give(ctx, a.id, 1, batch.Skipped, hostile)
	a.ok(err)
	if j := a.job(1); strings.ContainsRune(j.Why, 0) || len(j.Why) > 2100 {
		t.Errorf("why has %d bytes", len(j.Why))
	}
	n = a.send(2)
	_, err = l.Settle(ctx, a.closing(2, n), ledger.Charge{Total: 0}, "")
	a.ok(err)

	stop := errors.New("enough")
	seen := 0
	err = l.Charges(ctx, a.id, func(c ledger.Charge) error { seen++; return stop })
	if !errors.Is(err, stop) || seen != 1 {
		t.Errorf("stopped after %d charges with %v", seen, err)
	}
	a.sound()
}
