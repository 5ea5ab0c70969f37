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
