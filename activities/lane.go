package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// SubmitLane sends a stretch of jobs, each as SubmitSwarm would: with its own
// states, gate, attempt, receipt and charge. It ends when every job is over or
// unknown for good. What a job has to wait for, it waits for here: a retry's
// backoff and the next look into the log cost no place among those under way.
//
// A lane that is cancelled, or that Temporal no longer takes heartbeats of,
// begins nothing new and drains; the same when its worker shuts down, after
// which another one goes on with what the ledger says is left.
func (h *Hands) SubmitLane(ctx context.Context, in batch.Lane) (batch.LaneResult, error) {
	out, err := h.submitLane(ctx, in)
	return out, raise(err)
}

func (h *Hands) submitLane(ctx context.Context, in batch.Lane) (batch.LaneResult, error) {
	b, err := h.Ledger.Batch(context.WithoutCancel(ctx), in.Batch)
	if err != nil {
		return batch.LaneResult{}, err
	}
	l := &lane{
		Hands: h, in: in, batch: b, gate: h.stiles.enter(in.Batch),
		ended: make(chan ending, in.Width), todo: make(chan int),
	}
	defer h.stiles.leave(in.Batch, l.gate)
	again := l.resume(ctx)
	l.pulse = beatWith(ctx, "reading the books", l.beat)
	defer l.pulse.record() // tells the next attempt how far this one came
	defer l.pulse.end()
	if err := l.run(ctx); err != nil {
		return batch.LaneResult{}, err
	}
	if again {
		err = l.recount(context.WithoutCancel(ctx))
	}
	return l.result, err
}

// lane is one attempt of SubmitLane. Its fields belong to the goroutine of run,
// except for what mu guards.
type lane struct {
	*Hands
	in    batch.Lane
	batch ledger.Batch
	gate  *turnstile
	pulse *pulse
	open  context.Context // until nothing new may begin

	pages  <-chan page // jobs to send, listed ahead; nil when all are listed
	ready  []int       // listed, not begun
	waits  waits       // begun, and to go on at a time of their own
	poor   poor        // begun, and to go on when there is room under a cap
	under  int         // under way
	crew   int         // goroutines that carry jobs
	hands  sync.WaitGroup
	todo   chan int
	ended  chan ending
	broken error // the first error that no waiting mends

	still time.Time // nothing begins before: the ledger is out of reach
	faint int       // times in a row that it was
	alarm alarm

	plight plight

	mu     sync.Mutex
	result batch.LaneResult
}

// ending is how a job left the ranks: over, or with an error that says why not.
type ending struct {
	seq int
	out batch.Outcome
	err error
}

// run keeps as many jobs under way as the lane is wide.
func (l *lane) run(ctx context.Context) error {
	open, cancel := l.whileOpen(ctx)
	defer cancel()
	l.open = open
	l.pages = l.list(open)
	defer l.hands.Wait()
	defer close(l.todo)
	defer l.alarm.off()
	for {
		for l.under < l.in.Width {
			seq, ok := l.take(open)
			if !ok {
				break
			}
			l.begin(ctx, seq)
		}
		l.plight.apart(l.waits, l.poor.waits())
		stopped := open.Err() != nil || l.broken != nil
		if l.under == 0 && (stopped || l.pages == nil && len(l.ready) == 0 && len(l.waits) == 0 && len(l.poor.seqs) == 0) {
			return l.verdict(ctx, stopped)
		}
		l.wait(open, stopped)
	}
}

// verdict is why the lane ends now.
func (l *lane) verdict(ctx context.Context, stopped bool) error {
	switch {
	case l.broken != nil:
		return l.broken
	case ctx.Err() != nil:
		return ctx.Err()
	case stopped:
		return waiting("submit lane", l.thing(), "this worker shuts down; another goes on", least)
	}
	return nil
}

func (l *lane) thing() string {
	return fmt.Sprintf("%s jobs %d to %d", l.in.Batch, l.in.From, l.in.To-1)
}

// take is the job that begins next, if there is one that may begin now.
func (l *lane) take(open context.Context) (seq int, ok bool) {
	now := l.now()
	if open.Err() != nil || l.broken != nil || l.still.After(now) {
		return 0, false
	}
	if seq, ok = l.waits.due(now); ok {
		return seq, true
	}
	if len(l.poor.seqs) > 0 { // what comes behind them would ask for the same room
		return l.poor.next(now, l.in.Width)
	}
	if len(l.ready) == 0 && l.pages != nil {
		select { // perhaps it is there already
		case p, more := <-l.pages:
			l.listed(p, more)
		default:
		}
	}
	if len(l.ready) == 0 {
		return 0, false
	}
	seq, l.ready = l.ready[0], l.ready[1:]
	return seq, true
}

// begin hands a job to one of the crew, who grow as they are needed.
func (l *lane) begin(ctx context.Context, seq int) {
	l.under++
	if l.under > l.crew {
		l.crew++
		l.hands.Go(func() {
			for seq := range l.todo {
				out, err := l.carry(ctx, seq)
				l.ended <- ending{seq, out, err}
			}
		})
	}
	l.todo <- seq
}

// carry brings one job as far as it goes without waiting for long.
func (l *lane) carry(ctx context.Context, seq int) (batch.Outcome, error) {
	s := &submission{
		Hands: l.Hands, batch: l.batch, began: l.now(), pulse: l.pulse, plight: &l.plight, gate: l.gate, lane: true, open: l.open,
		in: batch.Submit{Batch: l.in.Batch, Seq: seq, Span: l.in.Span, RequestTimeout: l.in.RequestTimeout},
	}
	j := job{l.in.Batch, seq}
	if !l.enter(j) {
		return batch.Outcome{}, waiting("submit lane", thing(s.in), "another attempt on this worker is still at it", short)
	}
	defer l.leave(j)
	return s.run(ctx)
}

// wait waits for whatever lets the lane go on.
func (l *lane) wait(open context.Context, stopped bool) {
	var (
		pages <-chan page
		alarm <-chan struct{}
		shut  <-chan struct{}
	)
	if !stopped {
		shut = open.Done()
		if l.under < l.in.Width {
			if len(l.ready) == 0 {
				pages = l.pages
			}
			alarm = l.alarm.at(l.wakes(), l.Clock)
		}
	}
	select {
	case e := <-l.ended:
		l.over(open, e)
	case p, more := <-pages:
		l.listed(p, more)
	case <-alarm:
		l.alarm.off()
	case <-shut:
	}
}

// wakes is when something can begin that can't now; zero when nothing waits.
func (l *lane) wakes() time.Time {
	at := l.waits.first()
	if len(l.poor.seqs) > 0 && (at.IsZero() || l.poor.at.Before(at)) {
		at = l.poor.at
	}
	if l.still.After(l.now()) {
		at = l.still
	}
	return at
}

// over takes note of a job that is no longer under way.
func (l *lane) over(open context.Context, e ending) {
	l.under--
	var back later
	switch {
	case e.err == nil:
		l.faint = 0
		l.mu.Lock()
		l.result.Add(e.out)
		l.mu.Unlock()
	case open.Err() != nil: // whoever goes on finds it in the books
	case errors.As(e.err, &back) && back.wait.Reason == string(ledger.ReasonBudget):
		l.poor.add(e.seq, l.now().Add(back.delay), back.wait)
	case errors.As(e.err, &back):
		l.waits.add(l.now().Add(max(back.delay, 0)), e.seq)
	case batch.KindOf(e.err) == batch.OutOfReach:
		l.pause(e.err)
		l.waits.add(l.still, e.seq)
	case l.broken == nil:
		l.broken = e.err
	}
}

// pause has nothing begin for a while: without the books nothing may leave,
// and asking for each job would only show that once more.
func (l *lane) pause(err error) {
	now := l.now()
	if !l.still.After(now) { // else those that were under way found out together
		wait := faintly(l.faint)
		l.faint++
		l.still = now.Add(wait)
		l.Log.Warn("a lane waits for what is out of reach", zap.String("batch", string(l.in.Batch)), zap.Duration("again_in", wait), zap.Error(err))
	}
}

// faintly is how long to wait after the n-th failure in a row, from 0: as the
// story spaces attempts.
func faintly(n int) time.Duration { return min(backoff<<min(n, 6), time.Minute) }

// beat is what the lane's heartbeat says.
func (l *lane) beat(b Beat) any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return batch.LaneBeat{Beat: l.plight.tell(Beat{Doing: b.Doing}, l.gate, l.flow.why()), Lane: l.result}
}

// resume takes over the count of the attempt before. again says that there was
// one.
func (l *lane) resume(ctx context.Context) (again bool) {
	if !activity.IsActivity(ctx) {
		return false
	}
	var before batch.LaneBeat
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &before) == nil {
		l.result = before.Lane
	}
	return activity.GetInfo(ctx).Attempt > 1
}

// recount makes sure of the skipped jobs of a lane that had more than one
// attempt: whether there are any decides whether the stretch is sent once more
// when a budget is raised.
func (l *lane) recount(ctx context.Context) error {
	skipped := 0
	for from := l.in.From; from < l.in.To; from += lanePage {
		jobs, err := l.Ledger.Jobs(ctx, l.in.Batch, from, min(from+lanePage, l.in.To))
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if j.State == batch.Skipped {
				skipped++
			}
		}
	}
	if more := skipped - l.result.Jobs.Skipped; more > 0 {
		l.result.Jobs.Add(batch.Skipped, more)
	}
	return nil
}
