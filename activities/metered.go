package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/dialect"
)

// SubmitRequest does for a provider that a dialect speaks to what SubmitSwarm
// does for Swarms. It ends with an outcome for every state that is over and for
// unknown; and with state sending and Again for a job whose work the provider
// has taken on: to be asked for then, or when it says that it is done. An error
// means "not yet".
//
// One attempt of the activity makes the requests of a job's steps up to the paid
// one, and one look at work that is under way.
func (h *Hands) SubmitRequest(ctx context.Context, in batch.Submit) (batch.Outcome, error) {
	out, err := h.submitRequest(ctx, in)
	return out, raise(err)
}

func (h *Hands) submitRequest(ctx context.Context, in batch.Submit) (batch.Outcome, error) {
	j := job{in.Batch, in.Seq}
	if !h.enter(j) {
		return batch.Outcome{}, waiting("submit", thing(in), "another attempt on this worker is still at it", short)
	}
	defer h.leave(j)
	b, err := h.Ledger.Batch(context.WithoutCancel(ctx), in.Batch)
	if err != nil {
		return batch.Outcome{}, err
	}
	api, ok, err := h.metered(b)
	switch {
	case err != nil:
		return batch.Outcome{}, err
	case !ok:
		return batch.Outcome{}, &batch.Fault{Kind: batch.Internal, Op: "submit", Thing: thing(in), Moved: batch.MovedNo, Detail: "provider " + b.Provider + " has no dialect"}
	}
	if in.Span.Opens.IsZero() {
		in.Span = b.Span
	}
	if in.RequestTimeout == 0 {
		in.RequestTimeout = b.Policy.RequestTimeout
	}
	w := &work{Hands: h, in: in, batch: b, api: api, d: api.Dialect(), began: h.now(), gate: h.stiles.enter(in.Batch), plight: &plight{}}
	defer h.stiles.leave(in.Batch, w.gate)
	w.pulse = beatAfter(ctx, settled, "reading the books", func(b Beat) any { return w.plight.tell(b, w.gate, "") })
	defer w.pulse.end()
	return w.run(ctx)
}

// work is one attempt of SubmitRequest.
type work struct {
	*Hands
	in       batch.Submit
	batch    ledger.Batch
	api      *dialect.Client
	d        *dialect.Dialect
	began    time.Time
	gate     *turnstile
	pulse    *pulse
	plight   *plight
	kept     map[string]json.RawMessage // what the steps before the paid one made
	redone   int                        // steps made anew because the provider said so, in a row
	again    int                        // repeats of a paid request so far
	useless  bool                       // what it carries can't be repeated any more
	reserved bool                       // its ceiling is set aside: it has been before the gate before
}

// run moves the job from state to state until it rests.
func (w *work) run(ctx context.Context) (batch.Outcome, error) {
	books := context.WithoutCancel(ctx) // how a job ended that was under way is an answer
	for {
		j, err := w.Ledger.Job(books, w.in.Batch, w.in.Seq)
		if err != nil {
			return batch.Outcome{}, err
		}
		if j.State.Over() {
			return w.outcome(books, j)
		}
		switch {
		case j.State == batch.Sending && j.Reference != "":
			if early := j.NotBefore.After(w.now()); early || cancelled(ctx) {
				return w.pending(j), nil
			}
			err = w.follow(ctx, j)
		case j.State == batch.Sending:
			err = w.crashed(books, j)
		case j.State == batch.Unknown:
			var stays bool
			if stays, err = w.doubted(ctx, j); stays && err == nil {
				if j, err = w.Ledger.Glance(books, w.in.Batch, w.in.Seq); err == nil {
					return w.outcome(books, j)
				}
			}
		case ctx.Err() != nil:
			return batch.Outcome{}, ctx.Err()
		default:
			err = w.buy(ctx, j)
		}
		if err != nil {
			return batch.Outcome{}, err
		}
	}
}

func cancelled(ctx context.Context) bool { return ctx.Err() != nil }

// pending is the outcome of a job that the provider is at.
func (w *work) pending(j ledger.Job) batch.Outcome {
	at := j.NotBefore
	if !at.After(w.now()) {
		at = w.now().Add(least)
	}
	return batch.Outcome{Seq: j.Seq, State: j.State, Why: j.Why, Again: at}
}

func (w *work) outcome(ctx context.Context, j ledger.Job) (batch.Outcome, error) {
	out := batch.Outcome{Seq: j.Seq, State: j.State, Why: j.Why}
	if j.State != batch.Succeeded {
		return out, nil
	}
	out.Why = ""
	bills, err := w.Ledger.ChargesFor(ctx, []string{j.RequestID})
	for _, c := range bills {
		out.Billed, out.DayPrice = out.Billed+c.Total, out.DayPrice+c.DayPrice
	}
	return out, err
}

// crashed takes note of an attempt that died with its worker.
func (w *work) crashed(ctx context.Context, j ledger.Job) error {
	w.Log.Warn("an attempt died while it was sending: the outcome is unknown", w.about(j)...)
	_, err := w.Ledger.Crashed(ctx, w.in.Batch, w.in.Seq, w.in.RequestTimeout, w.lag())
	return err
}

// lag is how long a job may take to show where it is looked up.
func (w *work) lag() time.Duration {
	if w.d.Lookup != nil {
		return w.d.Lookup.After
	}
	return w.batch.Policy.LogLag
}

func (w *work) about(j ledger.Job) []zap.Field {
	return []zap.Field{
		zap.String("batch", string(w.in.Batch)), zap.String("job", j.Name), zap.String("request_id", j.RequestID), zap.String("provider", w.d.Name),
	}
}

// tries is how often a job is tried in all.
func (w *work) tries() int { return w.d.Backoff.Most + 1 }

// backoff is the delay before the n-th retry, from 1, as the dialect has it.
func (w *work) backoff(n int) time.Duration {
	b := w.d.Backoff
	step := b.Base
	for range n - 1 {
		if step *= 2; step >= b.Cap {
			break
		}
	}
	step = min(step, b.Cap)
	if b.Jitter == dialect.Full {
		return w.Jitter(step)
	}
	return step + w.Jitter(step*time.Duration(b.Add)/100)
}

// buy makes the steps up to the paid one.
func (w *work) buy(ctx context.Context, j ledger.Job) error {
	w.reserved = j.State == batch.Reserved
	if j.Tries >= w.tries() {
		return w.giveUp(ctx, j)
	}
	if wait := j.NotBefore.Sub(w.now()); wait > 0 && w.fits(j.NotBefore) {
		if err := w.rest(ctx, wait, batch.Waiting, j.Why); err != nil {
			return err
		}
	}
	paid := w.d.Paid()
	for i := range paid {
		if w.has(i) {
			continue
		}
		return w.quote(ctx, j, i) // then the job is looked at anew
	}
	attempt, v, err := w.admit(ctx, ledger.Ask{Step: w.d.Steps[paid].Name}, w.decide)
	if err != nil || v.Action != ledger.Go {
		return err
	}
	return w.send(ctx, j, attempt)
}

// has says whether an earlier step's product is at hand.
func (w *work) has(i int) bool {
	s := w.d.Steps[i]
	for name := range s.Keep {
		if _, ok := w.kept[s.Name+"."+name]; !ok {
			return false
		}
	}
	return w.kept != nil
}

// forget has the steps from one on made anew.
func (w *work) forget(from string) {
	first, _ := w.d.Step(from)
	for i := max(first, 0); i < len(w.d.Steps); i++ {
		maps.DeleteFunc(w.kept, func(name string, _ json.RawMessage) bool { return strings.HasPrefix(name, w.d.Steps[i].Name+".") })
	}
	if first <= 0 {
		w.kept = nil
	}
}

func (w *work) keep(a dialect.Answer) {
	if w.kept == nil {
		w.kept = map[string]json.RawMessage{}
	}
	maps.Copy(w.kept, a.Kept)
}

func (w *work) facts(j ledger.Job) dialect.Facts {
	return dialect.Facts{ID: j.RequestID, Name: j.Name, Job: j.Request, Kept: w.kept}
}

// decide is the gate for what leads to a purchase.
func (w *work) decide(step string) func(ledger.Standing) ledger.Verdict {
	return func(st ledger.Standing) ledger.Verdict {
		rules := w.Rules
		rules.Zone = w.in.Span.Location()
		v := gate.Decide(gate.ForStep(st, step), rules)
		if v.Action == ledger.Cancel && st.Key.Closed != "" {
			v.Action = ledger.Park // nobody decided against the job: see submission.judge
		}
		return v
	}
}

// chase is the gate for what is under way.
func (w *work) chase(step string) func(ledger.Standing) ledger.Verdict {
	return func(st ledger.Standing) ledger.Verdict {
		return gate.Follow(gate.ForStep(st, step), w.Rules)
	}
}

// inProcess is the longest wait that isn't handed back to Temporal: with a
// limit of one in two seconds, jobs in line would come and go for nothing.
const inProcess = 45 * time.Second

// admit asks the gate until it has an answer other than "wait a moment".
func (w *work) admit(ctx context.Context, a ledger.Ask, rule func(step string) func(ledger.Standing) ledger.Verdict) (int, ledger.Verdict, error) {
	open, cancel := w.whileOpen(ctx)
	defer cancel()
	a.Batch, a.Seq, a.Span, a.Slow, a.Caps = w.in.Batch, w.in.Seq, w.in.Span, w.in.RequestTimeout, w.Caps
	w.pulse.now(Beat{Doing: "waiting for its turn"})
	w.plight.before.Add(1)
	defer w.plight.before.Add(-1)
	if err := w.gate.pass(open, w.reserved); err != nil {
		return 0, ledger.Verdict{}, w.interrupted(ctx)
	}
	over := false
	defer func() { w.gate.leave(over) }()
	for {
		if open.Err() != nil {
			return 0, ledger.Verdict{}, w.interrupted(ctx)
		}
		if held := w.gate.holds(); held.Until.After(w.now()) && !a.Repeat {
			if err := w.stand(ctx, open, held); err != nil {
				return 0, ledger.Verdict{}, err
			}
		}
		v, n, err := w.Ledger.Admit(ctx, a, rule(a.Step))
		if err != nil {
			return 0, v, err
		}
		w.Log.Debug("gate", zap.String("batch", string(w.in.Batch)), zap.Int("seq", w.in.Seq), zap.String("step", a.Step),
			zap.String("action", string(v.Action)), zap.String("reason", string(v.Reason)), zap.String("detail", v.Detail))
		if v.Action != ledger.Wait {
			over = true
			return n, v, nil
		}
		w.pulse.now(Beat{Doing: "waiting: " + string(v.Reason)})
		if v.Reason == ledger.ReasonRetry || a.Repeat { // its own: it holds up nobody else
			return 0, v, held("submit", thing(w.in), asWait(v), v.Until.Sub(w.now()))
		}
		w.gate.hold(asWait(v))
		if err := w.stand(ctx, open, asWait(v)); err != nil {
			return 0, v, err
		}
		if v.Reason == ledger.ReasonBudget && w.gate.again(open, w.reserved) != nil {
			return 0, v, w.interrupted(ctx)
		}
	}
}

// stand waits for what the gate named, in process when that isn't for long.
func (w *work) stand(ctx, open context.Context, what batch.Wait) error {
	wait := what.Until.Sub(w.now())
	if wait > inProcess || w.tooOld(wait) {
		return held("submit", thing(w.in), what, wait)
	}
	if err := w.Clock.Wait(open, wait); err != nil {
		return w.interrupted(ctx)
	}
	return nil
}

// rest waits in process, or hands the job back to Temporal.
func (w *work) rest(ctx context.Context, wait time.Duration, kind batch.Kind, why string) error {
	if wait > inProcess || w.tooOld(wait) {
		return later{Fault: &batch.Fault{Kind: kind, Op: "submit", Thing: thing(w.in), Detail: why}, delay: wait}
	}
	open, cancel := w.whileOpen(ctx)
	defer cancel()
	if w.Clock.Wait(open, wait) != nil {
		return w.interrupted(ctx)
	}
	return nil
}

func (w *work) interrupted(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return waiting("submit", thing(w.in), "this worker shuts down; another goes on", least)
}

func (w *work) tooOld(wait time.Duration) bool { return w.now().Sub(w.began)+wait > patience }

func (w *work) fits(begin time.Time) bool { return w.in.Span.Fits(begin, w.in.RequestTimeout) }

// giveUp ends a job whose tries are used up; none of them bought anything.
func (w *work) giveUp(ctx context.Context, j ledger.Job) error {
	attempts, err := w.Ledger.Attempts(ctx, w.in.Batch, w.in.Seq)
	if err != nil {
		return err
	}
	state := batch.Rejected
	if n := len(attempts); n > 0 && attempts[n-1].Outcome == batch.NotSent {
		state = batch.Parked // the provider can't be reached: another time it can
	}
	_, err = w.Ledger.Give(ctx, w.in.Batch, w.in.Seq, state, fmt.Sprintf("%d tries, the last: %s", j.Tries, j.Why))
	return err
}
