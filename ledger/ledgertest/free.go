package ledgertest

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// probe admits a free request of a job.
func (d *desk) probe(seq int, step string) (int, error) {
	_, n, err := d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: seq, Step: step, Free: true}, always(ledger.Go))
	return n, err
}

func (d *desk) heard(seq, n int, kind batch.Kind, ret ledger.Returning) ledger.Job {
	d.Helper()
	c := d.closing(seq, n)
	c.Kind = kind
	j, err := d.Heard(d.ctx, c, kind != batch.NotSent, ret)
	d.ok(err)
	return j
}

// free requests are counted and change nothing else.
func free(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 4)
	d.ok(d.Learn(d.ctx, d.key, []ledger.Window{{Name: "two seconds", Span: 2 * time.Second, Limit: 3, Remaining: -1, ToldAt: d.clock.Now()}}))
	n, err := d.probe(0, "quote")
	d.ok(err)
	if j := d.job(0); j.State != batch.Planned || j.Attempts != 1 || j.Paid != 0 {
		t.Errorf("a free request changed the job: %+v", j)
	}
	if k := d.standing(); k.InFlight != 1 || d.window("two seconds").Used != 1 || !k.LastSent.Equal(d.clock.Now()) {
		t.Errorf("it isn't counted while in flight: %+v", k)
	}
	d.clock.Add(time.Second)
	due := d.clock.Now().Add(time.Minute)
	if j := d.heard(0, n, "", ledger.Returning{NotBefore: due}); j.State != batch.Planned || !j.NotBefore.Equal(due) {
		t.Errorf("heard: %+v", j)
	}
	d.heard(0, n, batch.RateLimited, ledger.Returning{Limited: true}) // the second word changes nothing
	attempts, err := d.Attempts(d.ctx, d.id, 0)
	d.ok(err)
	if a := attempts[0]; !a.Free || a.Step != "quote" || a.Status != 200 || a.Outcome != "" || a.EndedAt.IsZero() {
		t.Errorf("its receipt: %+v", a)
	}
	if k := d.standing(); k.InFlight != 0 || d.window("two seconds").Used != 1 || !k.Proven.Equal(d.clock.Now()) {
		t.Errorf("it isn't counted: %+v", k)
	}
	// Refused ones count, too; what wasn't sent doesn't.
	n, err = d.probe(1, "quote")
	d.ok(err)
	if j := d.heard(1, n, batch.RateLimited, ledger.Returning{Why: "429", Limited: true}); j.Limited != 1 || j.Tries != 0 {
		t.Errorf("limited: %+v", j)
	}
	n, err = d.probe(1, "quote")
	d.ok(err)
	if j := d.heard(1, n, batch.NotSent, ledger.Returning{Why: "refused", Counts: true}); j.Tries != 1 || j.Limited != 0 {
		t.Errorf("not sent: %+v", j)
	}
	if used := d.window("two seconds").Used; used != 2 {
		t.Errorf("%d are counted, not 2", used)
	}
	d.clock.Add(2 * time.Second)
	if used := d.window("two seconds").Used; used != 0 {
		t.Errorf("%d are counted after the window", used)
	}
	d.sound()

	// A free one goes before the paid one, whose crash is a crash all the same.
	d.into(2, batch.Sending)
	_, err = d.probe(2, "poll")
	d.refused(err, batch.Internal) // nobody says that it was taken on
	_, err = d.Crashed(d.ctx, d.id, 2, 0, 0)
	d.ok(err)
	n, err = d.probe(2, "look")
	d.ok(err)
	if j := d.heard(2, n, "", ledger.Returning{}); j.State != batch.Unknown || j.Doubt.Attempt != 1 || j.Attempts != 2 {
		t.Errorf("a look changed the doubt: %+v", j)
	}
	_, err = d.Found(d.ctx, d.id, 2, chargeOf(97_250), "x")
	d.ok(err)
	_, err = d.probe(2, "look") // it is over
	d.refused(err, batch.Internal)
	_, err = d.Heard(d.ctx, d.closing(2, 1), true, ledger.Returning{})
	d.refused(err, batch.Internal)

	// A free one obeys the budget's and the switches' rules before the paid one.
	d.ok(d.Halt(d.ctx, d.key, "ada", ""))
	_, err = d.probe(3, "quote")
	d.refused(err, batch.Internal)
	d.sound()
}

// accepted work is asked for until it is there.
func accepted(t *testing.T, r *room) {
	l := r.open(t)
	d := r.plan(t, l, 5)
	take := func(seq int) int {
		t.Helper()
		n := d.send(seq)
		j, err := d.Accept(d.ctx, d.closing(seq, n), "job_1", d.clock.Now().Add(time.Minute))
		d.ok(err)
		if j.State != batch.Sending || j.Reference != "job_1" {
			t.Errorf("accepted: %+v", j)
		}
		return n
	}
	n := take(0)
	_, err := d.Accept(d.ctx, d.closing(0, n), "job_1", time.Time{})
	d.ok(err)
	if k := d.standing(); k.InFlight != 0 || !k.Proven.Equal(d.clock.Now()) {
		t.Errorf("an accepted request is over: %+v", k)
	}
	// Whoever takes over finds no crash, and asks on.
	d.Ledger = r.open(t)
	j, err := d.Crashed(d.ctx, d.id, 0, 0, 0)
	d.ok(err)
	if j.State != batch.Sending || j.Reference != "job_1" {
		t.Errorf("taken for a crash: %+v", j)
	}
	_, err = d.admit(0, ledger.Go) // never bought again
	d.refused(err, batch.Internal)
	for range 3 {
		poll, err := d.probe(0, "poll")
		d.ok(err)
		d.heard(0, poll, "", ledger.Returning{Why: "at 40 %", NotBefore: d.clock.Now()})
	}
	if j := d.job(0); j.State != batch.Sending || j.Attempts != 4 || j.Paid != n || j.Why != "at 40 %" {
		t.Errorf("while it is asked for: %+v", j)
	}
	_, _, err = d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: 0, Free: true}, always(ledger.Park))
	d.refused(err, batch.Internal) // what is under way isn't parked
	receipt, err := d.Attempts(d.ctx, d.id, 0)
	d.ok(err)
	d.clock.Add(time.Hour)
	c := d.closing(0, n)
	c.Receipt = []byte("another")
	_, err = d.Settle(d.ctx, c, chargeOf(97_250), "x")
	d.ok(err)
	_, err = d.Settle(d.ctx, c, chargeOf(97_250), "x")
	d.ok(err)
	after, err := d.Attempts(d.ctx, d.id, 0)
	d.ok(err)
	d.same(after, receipt, "the receipt of the request that was accepted")
	charges, err := l.ChargesFor(d.ctx, []string{d.job(0).RequestID})
	d.ok(err)
	if len(charges) != 1 || charges[0].Attempt != n || !charges[0].EndedAt.Equal(d.clock.Now()) {
		t.Errorf("the charge: %+v", charges)
	}

	n = take(1) // the work failed
	if j, err = d.Reject(d.ctx, d.closing(1, n), "RENDERING_ERROR"); err != nil || j.State != batch.Rejected {
		t.Errorf("rejected: %+v, %v", j, err)
	}
	n = take(2) // nobody can say how it ended
	if j, err = d.Doubt(d.ctx, d.closing(2, n), doubted(), time.Time{}); err != nil || j.State != batch.Unknown || j.Doubt.Attempt != n {
		t.Errorf("doubted: %+v, %v", j, err)
	}
	// An acceptance that comes after its job was taken for crashed.
	n = d.send(3)
	_, err = d.Crashed(d.ctx, d.id, 3, 0, 0)
	d.ok(err)
	if j, err = d.Accept(d.ctx, d.closing(3, n), "job_1", time.Time{}); err != nil || j.State != batch.Sending || j.Doubt != (ledger.Doubt{}) {
		t.Errorf("accepted late: %+v, %v", j, err)
	}
	n = d.send(4)
	_, err = d.Accept(d.ctx, d.closing(4, n), " ", time.Time{})
	d.refused(err, batch.Internal)
	d.sound()
}

// repeated requests carry what is honoured once; the doubt stays until one is
// answered.
func repeated(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 5)
	again := func(seq int) (int, error) {
		_, n, err := d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: seq, Repeat: true}, always(ledger.Go))
		return n, err
	}
	_, err := again(0)
	d.refused(err, batch.Internal)
	for seq := range 5 {
		d.into(seq, batch.Unknown)
	}
	doubt := d.job(0).Doubt
	held := d.totals().Held

	n, err := again(0)
	d.ok(err)
	if j := d.job(0); j.State != batch.Sending || j.Doubt != doubt || j.Paid != n || n != 2 {
		t.Errorf("repeated: %+v", j)
	}
	// A refusal that says nothing of the doubted one.
	for _, end := range []func() (ledger.Job, error){
		func() (ledger.Job, error) {
			return d.Return(d.ctx, d.closing(0, n), ledger.Returning{Why: "429", Limited: true})
		},
		func() (ledger.Job, error) { return d.Reject(d.ctx, d.closing(0, n), "HTTP 400") },
	} {
		j, err := end()
		d.ok(err)
		if j.State != batch.Unknown || j.Doubt != doubt {
			t.Errorf("a refused repeat: %+v", j)
		}
		n, err = again(0)
		d.ok(err)
	}
	if d.totals().Held != held {
		t.Errorf("%s are held, not %s", d.totals().Held, held)
	}
	_, err = d.Settle(d.ctx, d.closing(0, n), chargeOf(97_250), "x")
	d.ok(err)

	n, err = again(1) // its worker dies
	d.ok(err)
	if j, err := d.Crashed(d.ctx, d.id, 1, 0, 0); err != nil || j.State != batch.Unknown || j.Doubt.Attempt != n {
		t.Errorf("a repeat that crashed: %+v, %v", j, err)
	}
	n, err = again(2) // in doubt, too
	d.ok(err)
	if j, err := d.Doubt(d.ctx, d.closing(2, n), ledger.Doubt{Why: "used up"}, time.Time{}); err != nil || j.State != batch.Unknown || j.Doubt.Why != "used up" {
		t.Errorf("a repeat in doubt: %+v, %v", j, err)
	}
	d.ok(d.Halt(d.ctx, d.key, "ada", ""))
	_, err = again(3) // a kill switch holds a repeat, too
	d.refused(err, batch.Internal)
	d.sound()
}

// ofOneStep is a window that counts quotes alone.
func ofOneStep(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 6)
	d.ok(d.Learn(d.ctx, d.key, []ledger.Window{
		{Name: "month", Step: "quote", Span: 31 * 24 * time.Hour, Limit: 100, Remaining: -1, ToldAt: d.clock.Now()},
		{Name: "minute", Span: time.Minute, Limit: 10, Remaining: -1, ToldAt: d.clock.Now()},
	}))
	for seq := range 3 {
		n, err := d.probe(seq, "quote")
		d.ok(err)
		d.heard(seq, n, "", ledger.Returning{})
		d.into(seq, batch.Succeeded)
	}
	wants := func(month, minute int64) {
		t.Helper()
		if a, b := d.window("month").Used, d.window("minute").Used; a != month || b != minute {
			t.Errorf("%d this month and %d this minute, want %d and %d", a, b, month, minute)
		}
	}
	wants(3, 6)
	d.sound()
	d.clock.Add(time.Hour)
	wants(3, 0)
	// A window that is told of later counts what was before.
	d.ok(d.Learn(d.ctx, d.key, []ledger.Window{{Name: "day", Step: "quote", Span: 24 * time.Hour, Limit: 100, Remaining: -1, ToldAt: d.clock.Now()}}))
	if used := d.window("day").Used; used != 3 {
		t.Errorf("%d of the day are counted, not 3", used)
	}
	d.clock.Add(31 * 24 * time.Hour)
	wants(0, 0)
	d.sound()
}
