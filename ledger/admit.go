package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/tariff"
)

// Ask is one job that would like to be sent.
type Ask struct {
	Batch batch.ID
	Seq   int
	Span  tariff.Span   // the night in which it must begin and end
	Slow  time.Duration // how long it may take
	Caps  Caps          // the operator's, beside the batch's own

	Batched bool // it leaves in one HTTP request together with other jobs

	Step   string // of the job's dialect; "" where there is but one
	Free   bool   // it moves no money: see Admit
	Repeat bool   // it repeats the job's doubted request, which can't buy twice: see Admit
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
// (Crashed). Caps and switches are checked again after judge: whoever would
// pass a cap gets OverBudget, a halted or paused job Internal, and nothing is
// written.
//
// A free request (a quote, a look at how far the work is) is counted like any
// other and changes no state: it is admitted from planned, reserved or parked,
// and also while the job is sending under a Reference, or unknown; there only
// Go and Wait are verdicts. Heard ends it.
//
// A repeat is a paid request that is sent again from unknown, because the
// provider honours what it carries once at most (a quote's id). The doubt stays
// until it is answered: a refusal that says nothing of the doubted request leaves the job
// unknown.
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
	under := false // it was sent before, and nothing but a free request or a repeat may leave
	switch d.job.State {
	case batch.Planned, batch.Reserved, batch.Parked:
		if a.Repeat {
			return Verdict{}, 0, d.refuse("only an unknown one can be repeated")
		}
	case batch.Unknown:
		under = a.Free || a.Repeat
	case batch.Sending:
		under = a.Free && d.job.Reference != ""
	}
	if !under && d.job.State != batch.Planned && d.job.State != batch.Reserved && d.job.State != batch.Parked {
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
	s, err := d.standing(a, b, k)
	if err != nil {
		return Verdict{}, 0, err
	}
	v := judge(s)
	if under && v.Action != Go && v.Action != Wait {
		return Verdict{}, 0, d.refuse("the judge said %q of a request for what was sent before", v.Action)
	}
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
		if !a.Free || !under { // a look at what is under way is free, and no switch holds it
			if err := d.may(s); err != nil {
				return Verdict{}, 0, err
			}
		}
		if a.Free {
			d.fly(k, b.Policy, a)
			d.save()
			return v, d.job.Attempts, nil
		}
		d.send(k, b.Policy, a)
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
func (d *docket) send(k KeyRow, p batch.Policy, a Ask) {
	d.repeat = a.Repeat
	d.to(batch.Sending, "")
	d.sender = k.ID
	if !d.job.Raised {
		d.job.Raised = true
		d.tally.Raised += d.job.Ceiling
	}
	d.job.NotBefore, d.job.Reference = time.Time{}, ""
	d.fly(k, p, a)
	d.job.Paid = d.job.Attempts
	d.save()
}

// fly writes down a request that is under way from now on. The caller saves the
// job.
func (d *docket) fly(k KeyRow, p batch.Policy, ask Ask) {
	d.job.Attempts++
	timeout := p.RequestTimeout
	if timeout <= 0 {
		timeout = noTimeout
	}
	a := AttemptRow{Attempt: Attempt{
		Batch: d.job.Batch, Seq: d.job.Seq, RequestID: d.job.RequestID, N: d.job.Attempts, Key: k.ID,
		Batched: ask.Batched, Free: ask.Free, Step: ask.Step, SentAt: k.Tick,
	}, Until: instant(k.Tick.Add(timeout + p.LogLag))}
	d.w.attempts.add(a.Ref(), a)
	k.InFlight++
	k.LastSent = k.Tick
	d.w.keys.put(k.ID, k)
}

// standing is what the judge is shown.
func (d *docket) standing(a Ask, b Batch, k KeyRow) (Standing, error) {
	seen, err := d.w.view(k)
	if err != nil {
		return Standing{}, err
	}
	s := Standing{
		// To the nanosecond: cut off, it would lie before an instant that the judge
		// has just told somebody to wait for.
		Now: d.w.exact, Job: d.job.Job, Batch: b, Span: a.Span, Slow: a.Slow,
		Held: d.tally.Held, Charged: d.tally.Charged, Caps: a.Caps, Key: seen,
	}
	if s.Halt, err = d.w.halt(k.ID); err != nil {
		return Standing{}, err
	}
	if s.Purse, _, err = d.w.purses.get(pocket{b.ID.Night(), k.ID}); err != nil {
		return Standing{}, err
	}
	if s.Night, _, err = d.w.purses.get(pocket{b.ID.Night(), ""}); err != nil {
		return Standing{}, err
	}
	if d.holder != "" {
		s.Held -= d.job.Ceiling
		s.Night.Held -= d.job.Ceiling
		if d.holder == k.ID {
			s.Purse.Held -= d.job.Ceiling
		}
	}
	return s, nil
}

// may checks once more, whatever the judge said, that nobody has pulled a
// switch and that no cap is passed.
func (d *docket) may(s Standing) error {
	switch {
	case s.Halt.On():
		return d.refuse("nothing is sent: halted %s", s.Halt)
	case s.Batch.Paused.On():
		return d.refuse("nothing is sent: paused %s", s.Batch.Paused)
	}
	fault := &batch.Fault{Kind: batch.OverBudget, Op: d.op, Thing: d.job.Ref().String(), Hint: "raise the budget in the manifest"}
	if d.job.Ceiling > s.Batch.Budget.PerJob {
		fault.Detail = fmt.Sprintf("it can cost %s, the cap per job is %s", d.job.Ceiling.Dollars(), s.Batch.Budget.PerJob.Dollars())
		return fault
	}
	for _, r := range s.Rooms() {
		if r.Held+r.Charged+d.job.Ceiling > r.Cap {
			fault.Detail = fmt.Sprintf("%s charged, %s set aside and its ceiling of %s pass %s of %s",
				r.Charged.Dollars(), r.Held.Dollars(), d.job.Ceiling.Dollars(), r.Name, r.Cap.Dollars())
			return fault
		}
	}
	return nil
}

func (v Verdict) why() string {
	if v.Detail != "" {
		return v.Detail
	}
	return string(v.Reason)
}
