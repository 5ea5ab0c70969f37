package ledgertest

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

func unknowns(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 10)
	sent := d.clock.Now()
	d.send(0)
	d.clock.Add(3 * time.Second)
	look := d.clock.Now().Add(2 * time.Second)
	j, err := d.Doubt(d.ctx, ledger.Closing{Batch: d.id, Attempt: 1, Kind: batch.OutcomeUnknown, EndedAt: d.clock.Now()},
		ledger.Doubt{AbsentAfter: sent.Add(12 * time.Minute), Why: "timed out"}, look)
	d.ok(err)
	d.same(j.Doubt, ledger.Doubt{Attempt: 1, SentAt: sent, AbsentAfter: sent.Add(12 * time.Minute), Why: "timed out"}, "the doubt")
	if !j.NotBefore.Equal(look) || j.Tries != 1 || j.Why != "timed out" {
		t.Errorf("unknown as %+v", j)
	}

	// Absence is believed from AbsentAfter on, not a microsecond before.
	d.clock.Add(sent.Add(12*time.Minute - time.Microsecond).Sub(d.clock.Now()))
	_, err = d.Absent(d.ctx, d.id, 0, time.Time{}, "not in the log")
	d.refused(err, batch.Internal)
	later := d.clock.Now().Add(time.Minute)
	d.ok(d.Postpone(d.ctx, d.id, 0, later, "the log is behind"))
	if j := d.job(0); j.State != batch.Unknown || !j.NotBefore.Equal(later) || j.Why != "the log is behind" || j.Doubt.Attempt != 1 {
		t.Errorf("postponed as %+v", j)
	}
	d.clock.Add(time.Microsecond)
	j, err = d.Absent(d.ctx, d.id, 0, later, "not in the log")
	d.ok(err)
	if j.State != batch.Reserved || !j.NotBefore.Equal(later) || j.Doubt != (ledger.Doubt{}) || j.Tries != 1 {
		t.Errorf("absent as %+v", j)
	}

	// What ran and was billed can't be absent.
	d.send(1)
	_, err = d.Doubt(d.ctx, d.closing(1, 1), ledger.Doubt{Answered: true, Billed: true}, time.Time{})
	d.ok(err)
	_, err = d.Absent(d.ctx, d.id, 1, time.Time{}, "not in the log")
	d.refused(err, batch.Internal)
	c := chargeOf(ceil15)
	c.Source = ledger.FromCeiling
	_, err = d.Found(d.ctx, d.id, 1, c, "")
	d.ok(err)

	// A crash: looked for at once, absent only after the timeout and the lag.
	d.send(2)
	sent = d.clock.Now()
	d.clock.Add(time.Minute)
	j, err = d.Crashed(d.ctx, d.id, 2, 10*time.Minute, 2*time.Minute)
	d.ok(err)
	if !j.Doubt.AbsentAfter.Equal(sent.Add(12*time.Minute)) || j.Doubt.Answered || !j.NotBefore.IsZero() || j.Tries != 1 {
		t.Errorf("crashed as %+v", j)
	}
	// The one that sent it wasn't dead after all, and knows better.
	j, err = d.Doubt(d.ctx, d.closing(2, 1), doubted(), time.Time{})
	d.ok(err)
	if !j.Doubt.Answered || j.Tries != 1 {
		t.Errorf("doubted after a crash: %+v", j)
	}

	// Policies.
	for i, p := range []struct {
		policy string
		kind   batch.Kind
	}{{batch.OnUnknownHold, batch.Internal}, {batch.OnUnknownResend, ""}} {
		e := r.plan(t, d.Ledger, 1, func(b *ledger.Batch) { b.Policy.OnUnknown = p.policy })
		e.send(0)
		_, err := e.Crashed(e.ctx, e.id, 0, time.Hour, 0)
		e.ok(err)
		_, err = e.Absent(e.ctx, e.id, 0, time.Time{}, "policy")
		if batch.KindOf(err) != p.kind {
			t.Errorf("%d: absent under policy %s: %v", i, p.policy, err)
		}
	}
	d.sound()
}

// lateAnswers come when a job was given up already: what was billed is booked,
// whatever the books thought of it.
func lateAnswers(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 4)
	absent := func(seq int) {
		d.into(seq, batch.Unknown)
		_, err := d.Absent(d.ctx, d.id, seq, time.Time{}, "not in the log")
		d.ok(err)
	}
	// It waits to be sent again: it won't be.
	absent(0)
	j, err := d.Settle(d.ctx, d.closing(0, 1), chargeOf(97_250), "late")
	d.ok(err)
	if j.State != batch.Succeeded || j.Output != "late" {
		t.Errorf("settled late as %+v", j)
	}
	_, err = d.admit(0, ledger.Go)
	d.refused(err, batch.Internal)

	// It was parked.
	absent(1)
	_, err = d.Give(d.ctx, d.id, 1, batch.Parked, "no time")
	d.ok(err)
	j, err = d.Settle(d.ctx, d.closing(1, 1), chargeOf(97_250), "late")
	d.ok(err)
	if j.State != batch.Succeeded {
		t.Errorf("settled late as %+v", j)
	}

	// It is under way again: both charges are in the books, and say so.
	absent(2)
	d.send(2)
	_, err = d.Settle(d.ctx, d.closing(2, 1), chargeOf(97_250), "first")
	d.ok(err)
	j, err = d.Settle(d.ctx, d.closing(2, 2), chargeOf(97_251), "second")
	d.ok(err)
	if j.State != batch.Succeeded || j.Output != "first" || j.Why == "" {
		t.Errorf("billed twice, and stands as %+v", j)
	}

	// It is under way again, and that one comes to nothing: still paid.
	absent(3)
	d.send(3)
	_, err = d.Settle(d.ctx, d.closing(3, 1), chargeOf(97_250), "first")
	d.ok(err)
	j, err = d.Return(d.ctx, d.closing(3, 2), ledger.Returning{Why: "429"})
	d.ok(err)
	if j.State != batch.Succeeded {
		t.Errorf("a paid job is %s", j.State)
	}
	sums := d.totals()
	if sums.Charges != 5 || sums.Charged != 4*97_250+97_251 || sums.Held != 0 || d.standing().InFlight != 0 {
		t.Errorf("sums: %+v, key: %+v", sums, d.standing())
	}
	d.sound()
}

// crashes opens the books a second time while jobs are under way, as a new
// worker does after the old one was killed.
func crashes(t *testing.T, r *room) {
	old := r.plan(t, r.open(t), 6)
	learn(t, old, old.key, window("minute", 60, 100))
	old.into(0, batch.Succeeded)
	old.into(1, batch.Reserved)
	old.send(1)
	old.send(2)
	old.into(3, batch.Unknown)
	old.into(4, batch.Parked)

	d := *old
	d.Ledger = r.open(t)
	d.same(d.totals(), old.totals(), "the sums after a crash")
	d.same(d.standing(), old.standing(), "the key after a crash")
	for _, seq := range []int{0, 1, 2, 3} { // what was sent isn't sent again
		_, err := d.admit(seq, ledger.Go)
		d.refused(err, batch.Internal)
	}
	for _, seq := range []int{1, 2} {
		j, err := d.Crashed(d.ctx, d.id, seq, time.Minute, time.Minute)
		d.ok(err)
		if j.State != batch.Unknown || j.Doubt.Attempt != j.Attempts {
			t.Errorf("after a crash: %+v", j)
		}
	}
	if sums := d.totals(); sums.Held != 3*ceil15 || sums.Sending != 0 || sums.Jobs.Unknown != 3 {
		t.Errorf("after a crash: %+v", sums)
	}
	_, err := d.Found(d.ctx, d.id, 1, chargeOf(97_250), "x")
	d.ok(err)
	d.clock.Add(2 * time.Minute)
	_, err = d.Absent(d.ctx, d.id, 2, time.Time{}, "not in the log")
	d.ok(err)
	if n := d.send(2); n != 2 {
		t.Errorf("sent again as attempt %d", n)
	}
	d.sound()

	// A night that was terminated: nobody ever reports these ends, and they must
	// not fill the key's windows for ever.
	d.send(5)
	if k := d.standing(); k.InFlight != 2 {
		t.Errorf("%d in flight, want 2", k.InFlight)
	}
	d.clock.Add(12 * time.Minute) // request timeout and log lag
	if k := d.standing(); k.InFlight != 0 || k.Windows[0].Used != 2 {
		t.Errorf("overdue: %+v", k)
	}
	d.ok(d.Prove(d.ctx, d.key))
	d.sound()
	d.clock.Add(time.Minute)
	if k := d.standing(); k.Windows[0].Used != 0 || !k.Windows[0].Frees.IsZero() {
		t.Errorf("overdue, and a window later: %+v", k)
	}
	if j := d.job(5); j.State != batch.Sending {
		t.Errorf("an overdue job is %s", j.State)
	}
	if _, err = d.Crashed(d.ctx, d.id, 5, 10*time.Minute, 2*time.Minute); err != nil {
		t.Error(err)
	}
	_, err = d.Settle(d.ctx, d.closing(2, 2), chargeOf(97_250), "very late")
	d.ok(err)
	d.sound()
}
