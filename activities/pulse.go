package activities

import (
	"context"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/offpeak/offpeak/batch"
)

// pulseEvery is how often an activity shows that it lives; the story gives up
// on one after 10 s of silence.
const pulseEvery = 2 * time.Second

// pulse beats for one attempt of an activity, by the machine's clock. What it
// says shows in the Temporal UI.
type pulse struct {
	ctx  context.Context
	say  atomic.Pointer[Beat]
	form func(Beat) any // what is sent instead; nil for the beat itself
	stop context.CancelFunc
	done chan struct{}
}

// Beat is what a heartbeat says.
type Beat = batch.Beat

// beat begins to beat until end is called. Outside of an activity (a test that
// calls a method directly) it is silent.
func beat(ctx context.Context, doing string) *pulse { return beatWith(ctx, doing, nil) }

// beatWith is beat with heartbeats of another form.
func beatWith(ctx context.Context, doing string, form func(Beat) any) *pulse {
	return beatAfter(ctx, 0, doing, form)
}

// settled is how long an activity that sends waits before its first heartbeat.
// Temporal's client keeps back what comes within 8 s of it, so that one at the
// very start would say "reading the books" for that long. A killed worker is
// missed as soon as before: the server counts its 10 s from the start.
const settled = time.Second

// beatAfter is beatWith that is silent at first.
func beatAfter(ctx context.Context, silent time.Duration, doing string, form func(Beat) any) *pulse {
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &pulse{ctx: ctx, form: form, stop: stop, done: make(chan struct{})}
	p.say.Store(&Beat{Doing: doing})
	go func() {
		defer close(p.done)
		if silent > 0 {
			first := time.NewTimer(silent)
			defer first.Stop()
			select {
			case <-inner.Done():
				return
			case <-first.C:
			}
		}
		t := time.NewTicker(pulseEvery)
		defer t.Stop()
		for {
			p.record()
			select {
			case <-inner.Done():
				return
			case <-t.C:
			}
		}
	}()
	return p
}

// record is the only caller of RecordHeartbeat, besides the goroutine it runs
// on there is none: the SDK takes concurrent ones, but details would overtake
// each other.
func (p *pulse) record() {
	if !activity.IsActivity(p.ctx) {
		return
	}
	if p.form != nil {
		activity.RecordHeartbeat(p.ctx, p.form(*p.say.Load()))
		return
	}
	activity.RecordHeartbeat(p.ctx, *p.say.Load())
}

// now says what is being done from now on.
func (p *pulse) now(b Beat) { p.say.Store(&b) }

// end stops the beating and waits for the last one.
func (p *pulse) end() {
	p.stop()
	<-p.done
}

// stopping is closed when this worker begins to shut down; nil, which blocks
// for ever, outside of an activity.
func stopping(ctx context.Context) <-chan struct{} {
	if !activity.IsActivity(ctx) {
		return nil
	}
	return activity.GetWorkerStopChannel(ctx)
}

// whileOpen is ctx, cancelled also when the worker begins to shut down: for
// waits, which a shutdown ends at once. What is in flight isn't waited for with
// it.
func (h *Hands) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(ctx)
	stop := stopping(ctx)
	if closed(stop) || closed(h.resting) { // at once, and not when the goroutine below gets to it
		cancel()
		return out, cancel
	}
	go func() {
		select {
		case <-stop:
			cancel()
		case <-h.resting:
			cancel()
		case <-out.Done():
		}
	}()
	return out, cancel
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
