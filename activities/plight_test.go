package activities

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// TestPlight is what a heartbeat says of an activity's jobs.
func TestPlight(t *testing.T) {
	at := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	gate := &turnstile{stile: stile{room: wide}}
	var p plight
	if got := p.tell(batch.Beat{Doing: "reading the books"}, gate, ""); got.InFlight != 0 || got.Waits != nil {
		t.Errorf("nothing has begun: %+v", got)
	}
	p.before.Add(5)
	if got := p.tell(batch.Beat{}, gate, ""); got.Waits != nil {
		t.Errorf("jobs that pass the gate as they come wait for nothing: %+v", got)
	}
	full := batch.Wait{Reason: string(ledger.ReasonQuota), Detail: "100 of 100 are used", Until: at}
	gate.hold(full)
	p.strained.Add(2)
	p.aloft.Add(3)
	var later waits
	later.add(at.Add(time.Hour), 7)
	later.add(at.Add(time.Minute), 8)
	var none poor
	none.add(9, at, batch.Wait{Reason: "budget", Detail: "no room under $5.00"})
	p.apart(later, none.waits())
	full.Jobs = 3
	want := batch.Beat{Doing: "sending", InFlight: 3, Waits: []batch.Wait{
		full,
		{Reason: "strain", Detail: "fewer requests at once: 503s", Jobs: 2},
		{Reason: "budget", Detail: "no room under $5.00", Jobs: 1},
		{Reason: "retry", Detail: "their next try, or their next look into the provider's log", Until: at.Add(time.Minute), Jobs: 2},
	}}
	if d := cmp.Diff(want, p.tell(batch.Beat{Doing: "sending"}, gate, "503s")); d != "" {
		t.Error(d)
	}
}

// TestHeldTravels: what a job that comes back later waits for is a detail of
// its error, beside the fault, so that whoever describes the workflow reads it.
func TestHeldTravels(t *testing.T) {
	w := batch.Wait{Reason: "quota", Detail: "the minute is full", Until: time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)}
	app, ok := raise(held("submit", "digest/2026-11-22 job 3", w, time.Minute)).(*temporal.ApplicationError)
	if !ok || app.Type() != string(batch.Waiting) || app.NextRetryDelay() != time.Minute {
		t.Fatalf("%+v", app)
	}
	var (
		f    batch.Fault
		told batch.Wait
	)
	if err := app.Details(&f, &told); err != nil || f.Detail != w.Detail || told != w {
		t.Errorf("%+v, %+v, %v", f, told, err)
	}
	app, ok = raise(waiting("submit", "x", "this worker shuts down", time.Minute)).(*temporal.ApplicationError)
	if !ok || app.Details(&f) != nil {
		t.Errorf("one that waits for nothing of the gate's: %+v", app)
	}
}
