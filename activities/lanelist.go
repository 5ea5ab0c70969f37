package activities

import (
	"container/heap"
	"context"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// lanePage is how many jobs a lane lists at a time. Their requests aren't read
// with them: each is read when its job begins.
const lanePage = 500

// page is some of a lane's jobs, in the order in which they go.
type page struct {
	seqs []int
	err  error // that they can't be listed; the lane ends with it
}

// list lists the lane's jobs one page ahead of need, so that the first request
// waits for one page and memory holds two, whatever the length of the lane.
func (l *lane) list(open context.Context) <-chan page {
	pages := make(chan page)
	go func() {
		defer close(pages)
		for from, faint := l.in.From, 0; from < l.in.To; {
			seqs, err := l.pendingJobs(open, batch.Page{Batch: l.in.Batch, From: from, To: min(from+lanePage, l.in.To)})
			if batch.KindOf(err) == batch.OutOfReach {
				if l.Clock.Wait(open, faintly(faint)) != nil {
					return
				}
				faint++
				continue
			}
			from, faint = from+lanePage, 0
			select {
			case pages <- page{seqs, err}:
			case <-open.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return pages
}

// listed takes in a page, or that there are no more.
func (l *lane) listed(p page, more bool) {
	if !more {
		l.pages = nil
		return
	}
	l.ready = p.seqs
	if p.err != nil && l.broken == nil {
		l.broken = p.err
	}
}

// waits are jobs that go on at a time of their own, the earliest first: one
// heap instead of a sleeping goroutine for each of what may be thousands.
type waits []wait

type wait struct {
	at  time.Time
	seq int
}

func (w *waits) add(at time.Time, seq int) { heap.Push((*pile)(w), wait{at, seq}) }

// due takes out the earliest, if its time has come.
func (w *waits) due(now time.Time) (seq int, ok bool) {
	if len(*w) == 0 || (*w)[0].at.After(now) {
		return 0, false
	}
	return heap.Pop((*pile)(w)).(wait).seq, true //nolint:forcetypeassert // pile holds nothing else
}

// first is the earliest time; zero when nothing waits.
func (w *waits) first() time.Time {
	if len(*w) == 0 {
		return time.Time{}
	}
	return (*w)[0].at
}

// pile is waits as container/heap wants it.
type pile []wait

func (p *pile) Len() int { return len(*p) }
func (p *pile) Less(i, k int) bool {
	a, b := (*p)[i], (*p)[k]
	return a.at.Before(b.at) || a.at.Equal(b.at) && a.seq < b.seq
}
func (p *pile) Swap(i, k int) { (*p)[i], (*p)[k] = (*p)[k], (*p)[i] }
func (p *pile) Push(x any)    { *p = append(*p, x.(wait)) } //nolint:forcetypeassert // only add pushes
func (p *pile) Pop() any {
	old := *p
	last := old[len(old)-1]
	*p = old[:len(old)-1]
	return last
}

// alarm rings at one instant by the hands' clock.
type alarm struct {
	when time.Time
	ring chan struct{}
	stop context.CancelFunc
}

// at is closed at an instant; nil, which blocks for ever, for none. An alarm
// that is set already for no later stays as it is.
func (a *alarm) at(when time.Time, clock Clock) <-chan struct{} {
	if when.IsZero() {
		return nil
	}
	if a.ring != nil && !a.when.After(when) {
		return a.ring
	}
	a.off()
	ctx, stop := context.WithCancel(context.Background())
	ring := make(chan struct{})
	a.when, a.ring, a.stop = when, ring, stop
	go func() {
		if clock.Wait(ctx, when.Sub(clock.Now())) == nil {
			close(ring)
		}
	}()
	return ring
}

// off ends it.
func (a *alarm) off() {
	if a.stop != nil {
		a.stop()
	}
	*a = alarm{}
}
