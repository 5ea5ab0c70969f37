package ledgertest

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// runOf is a run as the provider's log shows it.
func runOf(id string, total money.USD, ended time.Time) ledger.Charge {
	c := chargeOf(total)
	c.JobID, c.EndedAt = id, ended
	return c
}

// absent has a job sent and declared absent.
func (d *desk) absent(seq int) {
	d.Helper()
	_, err := d.Doubt(d.ctx, d.closing(seq, d.send(seq)), doubted(), time.Time{})
	d.ok(err)
	_, err = d.Absent(d.ctx, d.id, seq, time.Time{}, "not in the log")
	d.ok(err)
}

// late books runs that the log shows after all, from every state that a job
// can have come to.
func late(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 12)
	learn(t, d, d.key, window("hour", 3600, 100))
	given := map[int]batch.State{
		1: batch.Parked, 2: batch.Skipped, 3: batch.Cancelled, 4: batch.Rejected, 5: batch.Parked, 6: batch.Succeeded,
	}
	for seq := range 7 {
		d.absent(seq)
		switch s := given[seq]; s {
		case "": // stays reserved
		case batch.Succeeded:
			_, err := d.Settle(d.ctx, d.closing(seq, d.send(seq)), chargeOf(50_000), "second")
			d.ok(err)
		default:
			_, err := d.Give(d.ctx, d.id, seq, s, "given")
			d.ok(err)
		}
	}
	_, err := d.Give(d.ctx, d.id, 7, batch.Parked, "no time")
	d.ok(err)
	d.ok(d.Reopen(d.ctx, d.id)) // 1, 2 and 5 are planned again, and 7
	for _, seq := range []int{1, 2} {
		_, err := d.Give(d.ctx, d.id, seq, given[seq], "given")
		d.ok(err)
	}
	ended := d.clock.Now().Add(20 * time.Minute)
	d.clock.Add(time.Hour / 2)
	states := []batch.State{batch.Reserved, batch.Parked, batch.Skipped, batch.Cancelled, batch.Rejected, batch.Planned, batch.Succeeded}
	for seq, from := range states {
		before, was := d.totals(), d.job(seq)
		if was.State != from {
			t.Fatalf("job %d is %s, want %s", seq, was.State, from)
		}
		purse, err := d.Purse(d.ctx, d.id.Night(), d.key)
		d.ok(err)
		used := d.window("hour").Used
		run := runOf("run-"+string(from), 97_250, ended)
		j, booked, err := d.Late(d.ctx, d.id, seq, run, "late")
		d.ok(err)
		if !booked || j.State != batch.Succeeded {
			t.Fatalf("from %s: booked is %t, %+v", from, booked, j)
		}
		want := before
		want.Charged, want.DayPrice, want.Charges = want.Charged+97_250, want.DayPrice+2*97_250, want.Charges+1
		purse.Charged += 97_250
		output, why := "late", ""
		switch from {
		case batch.Succeeded:
			output, why = "second", "billed twice: attempt 1 ran too"
		case batch.Reserved:
			want.Held -= ceil15
			purse.Held -= ceil15
			want.Reserved--
		case batch.Planned:
			want.Planned--
		default:
			want.Jobs.Add(from, -1)
			want.Jobs.Total++
		}
		if from != batch.Succeeded {
			want.Jobs.Add(batch.Succeeded, 1)
			want.Jobs.Total--
		}
		d.same(d.totals(), want, "the sums after a late run from "+string(from))
		now, err := d.Purse(d.ctx, d.id.Night(), d.key)
		d.ok(err)
		d.same(now, purse, "the key's purse after a late run from "+string(from))
		if j.Output != output || j.Why != why {
			t.Errorf("from %s: output %q, why %q", from, j.Output, j.Why)
		}
		if n := d.window("hour").Used; n != used+1 {
			t.Errorf("from %s: %d in the window, were %d", from, n, used)
		}
		tr, err := d.Trail(d.ctx, d.id, was.Name)
		d.ok(err)
		a, c := tr.Attempts[0], tr.Charges[len(tr.Charges)-1]
		if a.Ending != ledger.EndedFound || !a.CountedAt.Equal(ended) || a.Outcome != "" {
			t.Errorf("from %s: the attempt that ran is %+v", from, a)
		}
		if c.Attempt != 1 || c.Source != ledger.FromLog || c.JobID != run.JobID || !c.EndedAt.Equal(ended) || !c.SentAt.Equal(a.SentAt) {
			t.Errorf("from %s: charged as %+v", from, c)
		}

		// The same run again, and once more without a word of when it ended.
		for _, at := range []time.Time{ended, {}} {
			again, booked, err := d.Late(d.ctx, d.id, seq, runOf(run.JobID, 1, at), "again")
			d.ok(err)
			again.Request, j.Request = nil, nil
			if booked {
				t.Errorf("from %s: the same run was booked twice", from)
			}
			d.same(again, j, "the same run again changed the job")
		}
		d.same(d.totals(), want, "the same run again changed the sums")
		// Another run, and nothing left that can have caused it.
		_, _, err = d.Late(d.ctx, d.id, seq, runOf("another", 1, ended), "")
		d.refused(err, batch.Internal)
		// What has succeeded isn't sent again.
		_, err = d.admit(seq, ledger.Go)
		d.refused(err, batch.Internal)
	}

	// What is refused changes nothing.
	d.send(8)
	d.into(9, batch.Unknown)
	d.absent(10)
	sums, key := d.totals(), d.standing()
	for seq, run := range map[int]ledger.Charge{
		7:  runOf("x", 1, time.Time{}),                              // never sent
		8:  runOf("x", 1, time.Time{}),                              // under way
		9:  runOf("x", 1, time.Time{}),                              // in doubt
		10: runOf("", 1, time.Time{}),                               // not named
		11: runOf("\x00", 1, time.Time{}),                           // never sent, and strange
		-1: runOf("x", 1, time.Time{}),                              // no such job
		0:  runOf("x", 1, d.clock.Now()),                            // its only attempt is charged
		6:  runOf("x", 2_000_000*money.Dollar, d.clock.Now()),       // both are
		5:  runOf("x", -1, d.clock.Now().Add(-365*24*time.Hour)),    // long before
		4:  runOf("x", money.USD(1), d.clock.Now().Add(-time.Hour)), // before
	} {
		_, booked, err := d.Late(d.ctx, d.id, seq, run, "x")
		want := batch.Internal
		if seq < 0 {
			want = batch.NotFound
		}
		if batch.KindOf(err) != want || booked {
			t.Errorf("job %d: %v, booked is %t", seq, err, booked)
		}
	}
	_, _, err = d.Late(d.ctx, d.id, 10, runOf("x", -1, time.Time{}), "x")
	d.refused(err, batch.Internal)
	d.same(d.totals(), sums, "refusals changed the sums")
	d.same(d.standing(), key, "refusals changed the key")
	if v := d.sound(); v.Charges != 8 {
		t.Errorf("%d charges", v.Charges)
	}
}

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
