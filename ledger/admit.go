package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Ask is one job that would like to be sent.
type Ask struct {
	Batch batch.ID
	Seq   int
	Span  tariff.Span   // the night in which it must begin and end
	Slow  time.Duration // how long it may take
}

// Admit asks judge whether a job may leave now, and writes down what it says,
// in one transaction: nothing that judge saw changes before its verdict is in
// the books. On Go the job is sending, its ceiling is reserved and the attempt
// with the returned number is on the disk; only then may the first byte leave.
//
//	Go                  -> sending; Ceiling set aside, Attempts + 1
//	Park, Skip, Cancel  -> parked, skipped, cancelled; a reservation returned
//	Wait                -> nothing is written
//
// A job is admitted from planned, reserved or parked; from any other state the
// fault is Internal and names it: found sending, the job has met a crash
// (Crashed). The caps are checked again after judge: whoever would pass one
// gets OverBudget, and nothing is written.
//
// judge must be quick and pure: the books stand still while it thinks, and it
// may be asked twice.
func (l *Ledger) Admit(ctx context.Context, a Ask, judge func(Standing) Verdict) (Verdict, int, error) {
	var (
		v Verdict
		n int
	)
	ref := JobRef{a.Batch, a.Seq}
	_, err := l.onJob(ctx, "admit", ref, func(d *docket) (err error) {
		v, n, err = d.admit(a, judge)
		return err
	})
	if err != nil {
		return Verdict{}, 0, err
	}
	return v, n, nil
}

func (d *docket) admit(a Ask, judge func(Standing) Verdict) (Verdict, int, error) {
	switch d.job.State {
	case batch.Planned, batch.Reserved, batch.Parked:
	default:
		return Verdict{}, 0, d.refuse("only a planned, reserved or parked one can be sent")
	}
	b, found, err := d.w.batches.get(a.Batch)
	if err != nil {
		return Verdict{}, 0, err
	}
	if !found {
		return Verdict{}, 0, noBatch(d.op, a.Batch)
	}
	k, _, err := d.w.keys.get(b.Key)
	if err != nil {
		return Verdict{}, 0, err
	}
	seen, err := d.w.view(k)
	if err != nil {
		return Verdict{}, 0, err
	}
	held := d.tally.Held
	if holds(d.job.State) {
		held -= d.job.Ceiling
	}
	v := judge(Standing{
		// To the nanosecond: cut off, it would lie before an instant that the judge
		// has just told somebody to wait for.
		Now: d.w.exact, Job: d.job.Job, Batch: b, Span: a.Span, Slow: a.Slow,
		Held: held, Charged: d.tally.Charged, Key: seen,
	})
	switch v.Action {
	case Wait:
		return v, 0, nil
	case Park:
		d.to(batch.Parked, v.why())
	case Skip:
		d.to(batch.Skipped, v.why())
	case Cancel:
		d.to(batch.Cancelled, v.why())
	case Go:
		if err := d.afford(b, held); err != nil {
			return Verdict{}, 0, err
		}
		d.send(k, b.Policy)
		return v, d.job.Attempts, nil
	default:
		return Verdict{}, 0, internal(d.op, d.job.Ref().String(), "the judge said %q, which is no verdict", v.Action)
	}
	d.save()
	return v, 0, nil
}

// noTimeout is how long a request may be under way when the policy doesn't say.
const noTimeout = 24 * time.Hour

// send writes down that the job leaves now.
func (d *docket) send(k KeyRow, p batch.Policy) {
	d.to(batch.Sending, "")
	if !d.job.Raised {
		d.job.Raised = true
		d.tally.Raised += d.job.Ceiling
	}
	d.job.Attempts++
	d.job.NotBefore = time.Time{}
	d.save()
	timeout := p.RequestTimeout
	if timeout <= 0 {
		timeout = noTimeout
	}
	a := AttemptRow{Attempt: Attempt{
		Batch: d.job.Batch, Seq: d.job.Seq, RequestID: d.job.RequestID, N: d.job.Attempts, Key: k.ID, SentAt: k.Tick,
	}, Until: instant(k.Tick.Add(timeout + p.LogLag))}
	d.w.attempts.put(a.Ref(), a)
	k.InFlight++
	k.LastSent = k.Tick
	d.w.keys.put(k.ID, k)
}

// afford checks the caps once more, whatever the judge said.
func (d *docket) afford(b Batch, held money.USD) error {
	fault := &batch.Fault{Kind: batch.OverBudget, Op: d.op, Thing: d.job.Ref().String(), Hint: "raise the budget in the manifest"}
	switch {
	case d.job.Ceiling > b.Budget.PerJob:
		fault.Detail = fmt.Sprintf("it can cost %s, the cap per job is %s", d.job.Ceiling.Dollars(), b.Budget.PerJob.Dollars())
	case held+d.tally.Charged+d.job.Ceiling > b.Budget.Batch:
		fault.Detail = fmt.Sprintf("%s charged, %s set aside and its ceiling of %s pass the batch's cap of %s",
			d.tally.Charged.Dollars(), held.Dollars(), d.job.Ceiling.Dollars(), b.Budget.Batch.Dollars())
	default:
		return nil
	}
	return fault
}

func (v Verdict) why() string {
	if v.Detail != "" {
		return v.Detail
	}
	return string(v.Reason)
}
