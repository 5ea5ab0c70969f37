package activities_test

import (
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
)

// hundred is a world in which a hundred runs of 20 s have been seen; three jobs
// are left.
func hundred(t *testing.T, change func(*simulator.Options)) *world {
	t.Helper()
	w := newWorld(t, change).planned(manifest(103, ""))
	for seq := range 100 {
		if out, _ := w.send(seq); out.State != batch.Succeeded {
			t.Fatalf("job %d: %+v", seq, out)
		}
	}
	return w
}

// before sets the clock to so long before the deadline.
func (w *world) before(d time.Duration) { w.at(w.plan.Start.Span.Deadline.Add(-d)) }

// wantEnded makes sure that every run ended by the deadline, on the provider's
// clock.
func (w *world) wantEnded() {
	w.Helper()
	for _, p := range w.posts() {
		if end := p.At.Add(20 * time.Second); end.After(w.plan.Start.Span.Deadline) {
			w.Errorf("%s ended at %s, after the deadline", p.Name, end)
		}
	}
}

// Runs of 20 s: a job is sent 25 s before the deadline, not one second later,
// and not ten minutes before it only.
func TestWhatRunsTakeIsLearned(t *testing.T) {
	w := hundred(t, nil)
	w.before(5 * time.Minute)
	if out, _ := w.send(100); out.State != batch.Succeeded {
		t.Errorf("five minutes before the deadline: %+v", out)
	}
	w.before(25 * time.Second)
	if out, _ := w.send(101); out.State != batch.Succeeded {
		t.Errorf("25 s before the deadline: %+v", out)
	}
	w.before(24 * time.Second)
	if out, _ := w.send(102); out.State != batch.Parked || !strings.Contains(out.Why, "may take 25s") {
		t.Errorf("24 s before the deadline: %+v", out)
	}
	w.wantEnded()
	w.honest()
}

// A worker that starts near the close reads in the books what runs took; one
// that doesn't takes the request timeout.
func TestWhatRunsTakeIsRecalled(t *testing.T) {
	w := hundred(t, nil)
	w.before(5 * time.Minute)
	w.newHands(w.server.URL)
	if out, _ := w.send(100); out.State != batch.Parked || !strings.Contains(out.Why, "may take 10m") {
		t.Errorf("of a worker that knows nothing: %+v", out)
	}
	w.hands = activities.New(w.deps)
	if err := w.hands.RecallDurations(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.before(25 * time.Second)
	if out, _ := w.send(101); out.State != batch.Succeeded {
		t.Errorf("25 s before the deadline: %+v", out)
	}
	w.before(24 * time.Second)
	if out, _ := w.send(102); out.State != batch.Parked {
		t.Errorf("24 s before the deadline: %+v", out)
	}
	w.wantEnded()
	w.honest()
}

// A run whose end nobody saw may have taken all of its time: near the close
// that counts for the others.
func TestWhatNeverAnsweredTookItsTime(t *testing.T) {
	reset := simulator.Rule{Match: "job-7", Kind: simulator.KindReset, AfterWork: true, Attempts: firstTry}
	w := newWorld(t, nil).faults(reset).planned(manifest(104, ""))
	for seq := range 103 {
		w.send(seq)
	}
	w.before(9 * time.Minute)
	if out, _ := w.send(103); out.State != batch.Parked || !strings.Contains(out.Why, "may take 10m") {
		t.Errorf("%+v", out)
	}
	w.honest()
}

// A night of heavy tails against its deadline: jobs go until there is no time
// for the slowest that was seen, and what is sent ends in time.
func TestHeavyTailsEndInTime(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) {
		o.Latency = simulator.Latency{Kind: "lognormal", Median: 45 * time.Second, Sigma: 0.7}
		o.Seed = 7
	}).planned(manifest(260, ""))
	var (
		largest time.Duration
		parked  int
	)
	deadline := w.plan.Start.Span.Deadline
	for seq := range 260 {
		if seq == 220 {
			w.before(20 * time.Minute)
		}
		began := w.clock.Now()
		out, _ := w.send(seq)
		switch took := w.clock.Now().Sub(began); {
		case out.State == batch.Parked:
			parked++
			if left := deadline.Sub(began); left > 10*time.Minute || left > largest*5/4+largest/10 {
				t.Errorf("job %d was parked with %s left; the largest so far took %s", seq, left, largest)
			}
		case took <= largest && w.clock.Now().After(deadline):
			t.Errorf("job %d was sent %s before the deadline and took %s; the largest so far was %s", seq, deadline.Sub(began), took, largest)
		default:
			largest = max(largest, took)
		}
	}
	if parked == 0 || parked == 40 {
		t.Errorf("%d of the last 40 jobs were parked", parked)
	}
	w.honest()
}

// Of another kind of work nothing is known.
func TestAnotherShapeIsNotKnown(t *testing.T) {
	w := hundred(t, nil)
	more := strings.Replace(manifest(1, ""), "SequentialWorkflow", "ConcurrentWorkflow", 1)
	w.plan = batch.Plan{}
	w.planned(strings.Replace(more, `"digest"`, `"other"`, 1))
	w.before(5 * time.Minute)
	if out, _ := w.send(0); out.State != batch.Parked || !strings.Contains(out.Why, "may take 10m") {
		t.Errorf("%+v", out)
	}
}
