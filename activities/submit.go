package activities

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
)

const (
	// maxTries is one try and four retries, as the provider's readiness
	// checklist asks. Refusals by a rate limit and waits aren't tries.
	maxTries = 5

	// backoff is the base of the full jitter: the n-th retry comes after
	// uniform(0, backoff x 2^(n-1)).
	backoff = 1500 * time.Millisecond

	// short waits before the gate are spent in process, longer ones in Temporal.
	short = 2 * time.Second

	// patience is how long one attempt of the activity may have been under way
	// and still begin a request: the story gives it the request timeout and five
	// minutes, and the books want a minute of them.
	patience = 4 * time.Minute
)

// SubmitSwarm sends one job, settles it and keeps its answer; or, when an
// earlier attempt left it in doubt, settles the doubt. It ends with an outcome
// for every state that is over and for unknown; an error means "not yet".
//
// An attempt of the activity makes one HTTP request, and another one only when
// the backoff between them is below a second, which Temporal's server would
// round up.
func (h *Hands) SubmitSwarm(ctx context.Context, in batch.Submit) (batch.Outcome, error) {
	out, err := h.submit(ctx, in)
	out.Seq = 0 // who asked knows; a history has this for every job
	return out, raise(err)
}

func (h *Hands) submit(ctx context.Context, in batch.Submit) (batch.Outcome, error) {
	j := job{in.Batch, in.Seq}
	if !h.enter(j) {
		return batch.Outcome{}, waiting("submit", thing(in), "another attempt on this worker is still at it", short)
	}
	defer h.leave(j)
	b, err := h.Ledger.Batch(context.WithoutCancel(ctx), in.Batch) // a cancelled night is still answered, see run
	if err != nil {
		return batch.Outcome{}, err
	}
	if in.Span.Opens.IsZero() {
		in.Span = b.Span
	}
	if in.RequestTimeout == 0 {
		in.RequestTimeout = b.Policy.RequestTimeout
	}
	s := &submission{Hands: h, in: in, batch: b, began: h.now(), plight: &plight{}, gate: h.stiles.enter(in.Batch)}
	defer h.stiles.leave(in.Batch, s.gate)
	s.pulse = beatAfter(ctx, settled, "reading the books", func(b Beat) any { return s.plight.tell(b, s.gate, h.flow.why()) })
	defer s.pulse.end()
	return s.run(ctx)
}

// submission is one attempt of SubmitSwarm.
type submission struct {
	*Hands
	in       batch.Submit
	batch    ledger.Batch
	began    time.Time
	pulse    *pulse
	gate     *turnstile
	bill     *ledger.Charge  // once it is settled
	wrote    *ledger.Job     // as the settlement left it
	open     context.Context // of a lane, until nothing new may begin; nil for a job of its own
	reserved bool            // its ceiling is set aside: it has been before the gate before
	aloft    bool            // it has a place among the worker's requests at once
	lane     bool            // it is one of a lane's: what it has to wait for before the gate it waits for here
	group    int             // jobs in its request of the batch endpoint; 0 for a request of its own
	plight   *plight         // counted in the activity's heartbeat
	shape    gate.Shape      // what its job has in common with those that take as long; "" while it isn't to be sent
}

func thing(in batch.Submit) string { return fmt.Sprintf("%s job %d", in.Batch, in.Seq) }

// run moves the job from state to state until it rests.
func (s *submission) run(ctx context.Context) (batch.Outcome, error) {
	for {
		// Also when cancelled: how a job ended that was in flight is an answer.
		j, err := s.look(context.WithoutCancel(ctx))
		if err != nil {
			return batch.Outcome{}, err
		}
		if j.State.Over() {
			return s.outcome(ctx, j)
		}
		if err := ctx.Err(); err != nil && j.State != batch.Unknown {
			return batch.Outcome{}, err
		}
		switch j.State {
		case batch.Sending:
			err = s.elsewhere(ctx, j, s.crashed(ctx, j))
		case batch.Unknown:
			var stays bool
			if stays, err = s.settle(ctx, j); stays && err == nil {
				if j, err = s.Ledger.Glance(context.WithoutCancel(ctx), s.in.Batch, s.in.Seq); err == nil { // with why
					return s.outcome(ctx, j)
				}
			}
			err = s.elsewhere(ctx, j, err)
		default:
			err = s.send(ctx, j)
		}
		if err != nil {
			return batch.Outcome{}, err
		}
	}
}

// look is the job as it stands: as this attempt has just written it, else as
// the books have it.
func (s *submission) look(ctx context.Context) (ledger.Job, error) {
	if j := s.wrote; j != nil {
		s.wrote = nil
		return *j, nil
	}
	return s.Ledger.Job(ctx, s.in.Batch, s.in.Seq)
}

// outcome is what the story learns of a job.
func (s *submission) outcome(ctx context.Context, j ledger.Job) (batch.Outcome, error) {
	out := batch.Outcome{Seq: j.Seq, State: j.State, Why: j.Why}
	if j.State != batch.Succeeded {
		return out, nil
	}
	out.Why = ""
	if s.bill == nil {
		// Settled by an attempt whose answer to Temporal was lost.
		bill, err := s.billOf(context.WithoutCancel(ctx), j)
		if err != nil {
			return batch.Outcome{}, err
		}
		s.bill = &bill
	}
	out.Billed, out.DayPrice = s.bill.Total, s.bill.DayPrice
	return out, nil
}

// billOf is the charge of a job that has succeeded; the first one, when it was
// billed twice.
func (s *submission) billOf(ctx context.Context, j ledger.Job) (ledger.Charge, error) {
	bills, err := s.Ledger.ChargesFor(ctx, []string{j.RequestID})
	switch {
	case err != nil:
		return ledger.Charge{}, err
	case len(bills) == 0:
		return ledger.Charge{}, &batch.Fault{Kind: batch.Internal, Op: "submit", Thing: thing(s.in), Moved: batch.MovedYes, Detail: "the job has succeeded and has no charge"}
	}
	return bills[0], nil
}

// crashed takes note of an attempt that died with its worker: it may or may
// not have sent its request.
func (s *submission) crashed(ctx context.Context, j ledger.Job) error {
	s.Log.Warn("an attempt died while it was sending: the outcome is unknown",
		zap.String("batch", string(s.in.Batch)), zap.String("job", j.Name), zap.String("request_id", j.RequestID), zap.Int("attempt", j.Attempts))
	_, err := s.Ledger.Crashed(ctx, s.in.Batch, s.in.Seq, s.in.RequestTimeout, s.batch.Policy.LogLag)
	return err
}

// send passes the gate and makes the one request.
func (s *submission) send(ctx context.Context, j ledger.Job) error {
	if j.Tries >= maxTries {
		return s.giveUp(ctx, j)
	}
	s.shape, s.reserved = shape(j), j.State == batch.Reserved
	// Made before the gate: a request that can't be made must not leave a job
	// that looks like sending.
	payload, err := s.request(j)
	if err != nil {
		_, err = s.Ledger.Give(ctx, s.in.Batch, s.in.Seq, batch.Rejected, "not sent: "+err.Error())
		return err
	}
	if s.fits(j.NotBefore) { // else the gate parks it at once
		why := &batch.Fault{Kind: batch.Waiting, Op: "submit", Thing: thing(s.in), Detail: j.Why}
		if err := s.rest(ctx, j.NotBefore, least, why); err != nil {
			return err
		}
	}
	attempt, err := s.admit(ctx)
	if err != nil {
		return s.elsewhere(ctx, j, err)
	}
	if attempt == 0 {
		return nil
	}
	defer s.depart()
	s.pulse.now(Beat{Doing: "sending", Attempt: attempt})
	// From here on nothing stops it: what is in flight is paid for, so it drains.
	out := swarms.WithTimeout(context.WithoutCancel(ctx), s.in.RequestTimeout)
	s.sending.Add(1)
	defer s.sending.Add(-1)
	s.plight.aloft.Add(1)
	defer s.plight.aloft.Add(-1)
	run, receipt, err := s.Swarms.Complete(out, payload)
	s.pulse.now(Beat{Doing: "writing the books", Attempt: attempt})
	defer s.gate.answered(len(receipt.Limits.Windows) > 0)
	return s.book(context.WithoutCancel(ctx), j, attempt, answer{run, receipt, err})
}

// request is a job's request as it will leave, once it may: the rule of
// regulated work is asked of these very bytes, whoever planned them.
func (s *submission) request(j ledger.Job) ([]byte, error) {
	if len(j.Request) == 0 { // can't be: a purge leaves what runs alone, and a plan brings prompts back
		return nil, &batch.Fault{
			Kind: batch.NotFound, Op: "submit", Thing: thing(s.in), Moved: batch.MovedNo, Detail: "its prompt was deleted from the ledger",
			Hint: "run its manifest again: that brings the prompts of jobs back that weren't sent",
		}
	}
	payload, err := swarms.Payload(j.Request, j.Name, j.RequestID)
	if err != nil || s.batch.Policy.Compliance != batch.ComplianceRegulated {
		return payload, err
	}
	if err := manifest.Regulated(payload); err != nil {
		return nil, fmt.Errorf("policy.compliance is regulated: %w", err)
	}
	return payload, nil
}

// rest waits until an instant: in process when that is less than most away,
// else by handing the job back to Temporal with why and the delay.
func (s *submission) rest(ctx context.Context, until time.Time, most time.Duration, why *batch.Fault) error {
	wait := until.Sub(s.now())
	if wait <= 0 && !s.tooOld(0) {
		return nil
	}
	if wait >= most || s.tooOld(wait) {
		return later{Fault: why, delay: wait}
	}
	open, cancel := s.whileOpen(ctx)
	defer cancel()
	if err := s.Clock.Wait(open, wait); err != nil {
		return s.interrupted(ctx)
	}
	return nil
}

// interrupted is the error of a wait that was ended: by a person who cancelled
// the night, or by this worker's shutdown, after which another one goes on.
func (s *submission) interrupted(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return waiting("submit", thing(s.in), "this worker shuts down; another goes on", least)
}

// giveUp ends a job whose tries are used up. Nothing of it was billed: each
// try was either never written or is proven absent from the provider's log.
func (s *submission) giveUp(ctx context.Context, j ledger.Job) error {
	attempts, err := s.Ledger.Attempts(ctx, s.in.Batch, s.in.Seq)
	if err != nil {
		return err
	}
	state := batch.Rejected
	if n := len(attempts); n > 0 && attempts[n-1].Outcome == batch.NotSent {
		state = batch.Parked // the provider can't be reached: tomorrow it can
	}
	_, err = s.Ledger.Give(ctx, s.in.Batch, s.in.Seq, state, fmt.Sprintf("%d tries, the last: %s", j.Tries, j.Why))
	return err
}

// jitter is the delay before the n-th retry, from 1.
func (h *Hands) jitter(n int) time.Duration { return h.Jitter(backoff << min(max(n-1, 0), maxTries)) }
