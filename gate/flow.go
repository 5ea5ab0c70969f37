package gate

import (
	"fmt"
	"slices"
	"time"
)

// Flow is the law by which a worker bounds its requests in flight: additive
// increase, multiplicative decrease, as TCP does it. A provider that is near
// its end says so by errors and by taking longer, long before a rate limit
// speaks; then fewer at once get more done.
//
// It goes by rounds. A round is as many answers as requests could be in
// flight when it began, of requests that left since: so each judgement is of
// requests that left under the bound it judges. After a round
//
//	a tenth or more of the answers were errors   half as many at once
//	the middle one took twice as long as usual,
//	and a quarter of a second more               seven tenths
//	else                                         a thirty-second of the most is added,
//	                                             at most as many as there were
//
// What is usual is learnt for each shape of job, and follows what is seen by an
// eighth a round upwards and by half downwards: a provider that is slower for
// good, whatever is in flight, is taken for usual after some rounds, and the
// bound finds its way back.
//
// A refusal by a rate limit says nothing here: the floor and the windows see to
// that. The zero value isn't ready: use NewFlow. It isn't safe for concurrent
// use.
type Flow struct {
	most, bound int
	why         string // of the last decrease; empty when the bound is the most

	began    time.Time // answers to requests that left before are of the round before
	size     int       // answers that make the round
	answers  int
	failed   int
	peak     int   // most in flight during the round
	percent  []int // of what is usual, for each answer that wasn't an error
	usual    map[Shape]time.Duration
	thisTime map[Shape]span
}

// span is what the answers of one shape took together.
type span struct {
	sum time.Duration
	n   int
}

// Ended is a request that ended.
type Ended struct {
	Shape    Shape         // jobs of one shape take about as long
	SentAt   time.Time     // when it left
	Took     time.Duration // until its answer
	Failed   bool          // a 5xx, a timeout, no connection: not a refusal
	InFlight int           // requests of this worker, with this one
}

const (
	flowErrors = 10  // one answer in so many
	flowSlow   = 200 // percent of what is usual
	flowRound  = 16  // answers at least: fewer say nothing
	flowStep   = 32  // the most divided by it is added a round
	flowShapes = 256 // kept at most; a manifest that has more is known by its overall time
	flowOther  = Shape("")

	// flowMoment more than usual is what a busy machine of ours, or a line, adds to
	// any answer by itself. Runs of agents take seconds, and twice as long is more.
	flowMoment = 250 * time.Millisecond
)

// NewFlow bounds by at most so many, and begins there.
func NewFlow(most int) *Flow {
	most = max(most, 1)
	return &Flow{most: most, bound: most, usual: map[Shape]time.Duration{}, thisTime: map[Shape]span{}}
}

// Bound is how many may be in flight; at least one.
func (f *Flow) Bound() int { return f.bound }

// Why is the reason for a bound below the most; else empty.
func (f *Flow) Why() string { return f.why }

// Note takes a request's end into account, which ended at now. It says whether
// the bound has changed.
func (f *Flow) Note(e Ended, now time.Time) bool {
	f.peak = max(f.peak, e.InFlight)
	if f.size == 0 {
		f.begin(e.SentAt, e.InFlight)
	}
	if e.SentAt.Before(f.began) {
		return false
	}
	f.answers++
	if e.Failed {
		f.failed++
	} else {
		f.took(e)
	}
	if f.answers < f.size {
		return false
	}
	was := f.bound
	f.judge()
	f.begin(now, e.InFlight)
	return f.bound != was
}

func (f *Flow) begin(at time.Time, inFlight int) {
	f.began, f.size = at, max(flowRound, min(inFlight, f.bound))
	f.answers, f.failed, f.peak, f.percent = 0, 0, inFlight, f.percent[:0]
	clear(f.thisTime)
}

func (f *Flow) took(e Ended) {
	shape := e.Shape
	if _, known := f.usual[shape]; !known && len(f.usual)+len(f.thisTime) >= flowShapes {
		shape = flowOther
	}
	took := max(e.Took, time.Microsecond)
	s := f.thisTime[shape]
	f.thisTime[shape] = span{s.sum + took, s.n + 1}
	usual := f.usual[shape]
	switch {
	case usual == 0:
	case took < usual+flowMoment:
		f.percent = append(f.percent, 100)
	default:
		f.percent = append(f.percent, int(min(took/max(usual/100, 1), 1_000_000)))
	}
}

// judge ends a round.
func (f *Flow) judge() {
	slices.Sort(f.percent)
	middle := 100
	if n := len(f.percent); n > 0 {
		middle = f.percent[n/2]
	}
	// A bound that nothing came near is no bound: the decrease is of what was
	// really in flight.
	real := min(f.bound, max(f.peak, 1))
	switch {
	case f.failed*flowErrors >= f.answers:
		f.bound, f.why = max(1, real/2), fmt.Sprintf("%d of the last %d answers were errors", f.failed, f.answers)
	case middle >= flowSlow:
		f.bound, f.why = max(1, real*7/10), fmt.Sprintf("answers take %d.%d times as long as usual", middle/100, middle%100/10)
	default:
		f.bound = min(f.most, f.bound+min(f.bound, max(1, f.most/flowStep)))
	}
	if f.bound == f.most {
		f.why = ""
	}
	for shape, s := range f.thisTime {
		mean, usual := s.sum/time.Duration(s.n), f.usual[shape]
		switch {
		case usual == 0:
			usual = mean
		case mean > usual:
			usual += (mean - usual + 7) / 8
		default:
			usual -= (usual - mean) / 2
		}
		f.usual[shape] = usual
	}
}
