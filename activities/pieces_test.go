package activities_test

import (
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
)

// Four minutes before the end of a stretch of cheap hours: what is known to
// take 20 s still leaves, a job of which nothing is known waits for the next
// stretch, holds up nobody, and is sent in it.
func TestASlowJobPassesByAStretch(t *testing.T) {
	const window = `"window": {"buffer": "1m", "intervals": [{"open": "20:00", "close": "21:45"}, {"open": "22:30", "close": "23:30"}]},`
	hours, err := simulator.ParseWindow("20:00-21:45,22:30-23:30@America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *simulator.Options) { o.Window = hours })
	w.planned(strings.Replace(manifest(103, window), `{"name": "job-101",`, `{"name": "job-101", "swarm_type": "ConcurrentWorkflow",`, 1))
	if n := len(w.plan.Start.Span.Pieces); n != 2 {
		t.Fatalf("%d pieces: %+v", n, w.plan.Start.Span)
	}
	for seq := range 100 {
		if out, _ := w.send(seq); out.State != batch.Succeeded {
			t.Fatalf("job %d: %+v", seq, out)
		}
	}
	again := nine.Add(91 * time.Minute) // 22:31
	w.at(nine.Add(40 * time.Minute))
	_, failed := w.hands.SubmitSwarm(t.Context(), w.submit(101))
	if e := applicationError(t, failed); e.NextRetryDelay() != again.Sub(w.clock.Now()) || !strings.Contains(e.Error(), "open again for sends from 22:31:00 PST") {
		t.Errorf("the slow one: %v, again after %s", e, e.NextRetryDelay())
	}
	if look, err := w.hands.LookNight(t.Context(), batch.LookRequest{Batch: w.plan.Batch}); err != nil || look.Wait.Reason != "window" || !look.Wait.Until.Equal(again) {
		t.Errorf("whoever looks sees %+v, %v", look.Wait, err)
	}
	if out, delays := w.send(100); out.State != batch.Succeeded || len(delays) > 0 {
		t.Errorf("a quick one beside it: %+v after %s", out, delays)
	}
	w.at(nine.Add(50 * time.Minute)) // by day
	if out, delays := w.send(102); out.State != batch.Succeeded || len(delays) != 1 || delays[0] != 41*time.Minute {
		t.Errorf("a quick one between the two: %+v after %s", out, delays)
	}
	if out, _ := w.send(101); out.State != batch.Succeeded {
		t.Errorf("the slow one in the end: %+v", out)
	}
	for _, p := range w.posts() {
		if _, open := w.plan.Start.Span.Open(p.At.Add(20 * time.Second)); !open {
			t.Errorf("%s ended by day, at %s", p.Name, p.At.Add(20*time.Second))
		}
	}
	r, err := w.audit()
	if err != nil || !r.Audit.Passed || r.Discount.Landed != 103 {
		t.Errorf("%+v, %v", r.Audit, err)
	}
	w.honest()
}
