package ledgertest

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// latePicks looks at which of several attempts a late run is charged to.
func latePicks(t *testing.T, r *room) {
	l := r.open(t)
	d := r.plan(t, l, 10)
	returned := func(seq int) {
		_, err := d.Return(d.ctx, d.closing(seq, d.send(seq)), ledger.Returning{Why: "dial", Counts: true})
		d.ok(err)
	}
	charged := func(seq int, run ledger.Charge, want int) {
		t.Helper()
		_, booked, err := d.Late(d.ctx, d.id, seq, run, "x")
		d.ok(err)
		got, err := d.ChargesFor(d.ctx, []string{d.job(seq).RequestID})
		d.ok(err)
		if c := got[len(got)-1]; !booked || c.JobID != run.JobID || c.Attempt != want {
			t.Errorf("job %d: run %s was charged to attempt %d, want %d", seq, run.JobID, c.Attempt, want)
		}
	}
	var never time.Time

	// Absent before returned, whatever came last; then the returned ones, the
	// latest first.
	returned(0)
	d.absent(0)
	returned(0)
	d.absent(0)
	returned(0)
	for i, want := range []int{4, 2, 5, 3, 1} {
		charged(0, runOf(string(rune('a'+i)), 10, never), want)
	}
	if j := d.job(0); j.State != batch.Succeeded || d.totals().Charges != 5 {
		t.Errorf("five runs: %+v", j)
	}

	// Not what was sent after the run had ended; sent in the same instant is not
	// after.
	d.absent(1)
	first := d.clock.Now()
	d.clock.Add(time.Minute)
	d.absent(1)
	charged(1, runOf("early", 10, first.Add(time.Minute-time.Microsecond)), 1)
	charged(1, runOf("late", 10, first.Add(time.Minute)), 2)

	// A job that was rejected outright, and ran.
	d.into(2, batch.Rejected)
	charged(2, runOf("rejected", 10, never), 1)

	// Attempts whose job has gone on without them: under way, in doubt, overdue.
	for seq, end := range map[int]func(int){
		3: func(int) {},
		4: func(seq int) {
			_, err := d.Doubt(d.ctx, d.closing(seq, 2), doubted(), time.Time{})
			d.ok(err)
		},
		5: func(int) { d.clock.Add(time.Hour); d.ok(d.Prove(d.ctx, d.key)) },
	} {
		d.absent(seq)
		d.send(seq)
		_, err := d.Settle(d.ctx, d.closing(seq, 1), chargeOf(20), "first")
		d.ok(err)
		end(seq)
		charged(seq, runOf("gone on", 10, never), 2)
		before := d.totals()
		// Its own answer comes after all: that is this run.
		_, err = d.Settle(d.ctx, d.closing(seq, 2), chargeOf(10), "second")
		d.ok(err)
		d.same(d.totals(), before, "an answer after its run was booked")
	}
	if k := d.standing(); k.InFlight != 0 {
		t.Errorf("in flight: %+v", k)
	}
	// An end that nobody knows is one until now.
	tr, err := d.Trail(d.ctx, d.id, d.job(3).Name)
	d.ok(err)
	if a := tr.Attempts[1]; a.EndedAt.IsZero() || a.CountedAt.IsZero() || a.CountedAt.After(d.clock.Now()) {
		t.Errorf("ended at %v, counted at %v", a.EndedAt, a.CountedAt)
	}
	// A provider's clock that is ahead: nothing counts in the future.
	d.absent(6)
	charged(6, runOf("ahead", 10, d.clock.Now().Add(time.Hour)), 1)
	tr, err = d.Trail(d.ctx, d.id, d.job(6).Name)
	d.ok(err)
	if a := tr.Attempts[0]; !a.CountedAt.Equal(d.clock.Now()) {
		t.Errorf("counted at %v, now is %v", a.CountedAt, d.clock.Now())
	}
	d.sound()

	// From many hands at once: each run once.
	d.absent(7)
	d.absent(7)
	runs := []ledger.Charge{runOf("one", 1, never), runOf("two", 2, never)}
	type answer struct {
		booked bool
		err    error
	}
	answers := make(chan answer)
	const each = 20
	for i := range 2 * each {
		go func() {
			_, booked, err := l.Late(d.ctx, d.id, 7, runs[i%2], "x")
			answers <- answer{booked, err}
		}()
	}
	n := 0
	for range 2 * each {
		a := <-answers
		d.ok(a.err)
		if a.booked {
			n++
		}
	}
	got, err := d.ChargesFor(d.ctx, []string{d.job(7).RequestID})
	d.ok(err)
	if n != 2 || len(got) != 2 || got[0].Total+got[1].Total != 3 {
		t.Errorf("%d booked: %+v", n, got)
	}
	d.sound()
}
