package simulator_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

func TestLogRows(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
	w := start(t, simulator.Options{Tokens: guide, Clock: clock})
	answered := w.want(w.post(job(tag("EU", 1))), 200)
	clock.Advance(time.Second)
	w.want(w.post(job(tag("US", 2))), 200)
	a := w.want(w.get("/v1/swarm/logs"), 200)
	w.expect(a, "status", "success")
	w.expect(a, "count", "<nil>")
	w.expect(a, "logs.0.id", "1")
	w.expect(a, "logs.0.category", "completion")
	w.expect(a, "logs.0.created_at", "2026-11-23T05:00:00+00:00")
	w.expect(a, "logs.0.api_key", simulator.DefaultKey) // in clear, as the API does it
	w.expect(a, "logs.1.data.swarm_name", tag("US", 2))
	if got, want := string(mustJSON(t, dig(t, a.body, "logs.0.data"))), string(mustJSON(t, dig(t, answered.body, "status"))); len(got) < len(want) {
		t.Errorf("%s", got)
	}
	for _, path := range []string{"job_id", "usage", "output", "execution_time"} {
		if got, want := fmt.Sprint(dig(t, a.body, "logs.0.data."+path)), fmt.Sprint(dig(t, answered.body, path)); got != want {
			t.Errorf("%s: the log says %s, the answer %s", path, got, want)
		}
	}
	w.admin("switches", `{"log_count":"int"}`)
	w.expect(w.get("/v1/swarm/logs"), "count", "2")
}

func TestLogLag(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
	w := start(t, simulator.Options{Clock: clock, Switches: simulator.Switches{LogLag: simulator.Duration(2 * time.Minute)}, Faults: []simulator.Rule{
		{Match: "late", Kind: simulator.KindLateLog, Delay: simulator.Duration(time.Hour)},
	}})
	w.want(w.post(job("on time")), 200)
	w.want(w.post(job("late")), 200)
	for _, c := range []struct {
		ahead time.Duration
		rows  int
	}{{2*time.Minute - 1, 0}, {1, 1}, {time.Hour - 1, 1}, {1, 2}} {
		clock.Advance(c.ahead)
		if n := w.rows(); n != c.rows {
			t.Errorf("at %s: %d rows, want %d", clock.Now(), n, c.rows)
		}
	}
}

func TestLogFaults(t *testing.T) {
	w := start(t, simulator.Options{Tokens: guide, Clock: simulator.FrozenClock(at(t, "2026-11-22 21:00:00")), Faults: []simulator.Rule{
		{Match: "ghost", Kind: simulator.KindGhost},
		{Match: "dup", Kind: simulator.KindDupLog},
		{Match: "wrong", Kind: simulator.KindWrongLog},
	}})
	w.want(w.post(job(tag("ghost", 1))), 200)
	if n := w.rows(); n != 0 {
		t.Errorf("a ghost left %d rows", n)
	}
	w.ran(1, 1)
	w.want(w.post(job(tag("dup", 2))), 200)
	if n := w.rows(); n != 2 {
		t.Errorf("%d rows of one run, want 2", n)
	}
	w.ran(2, 1)
	w.expect(w.want(w.post(job(tag("wrong", 3))), 200), "usage.billing_info.total_cost", "0.09725")
	w.expect(w.get("/v1/swarm/logs"), "logs.2.data.usage.billing_info.total_cost", "0.097251")
	if twice := w.sim.Books().DoubleBilled(); len(twice) != 0 {
		t.Errorf("billed twice: %v", twice)
	}
}

func TestLogDrop(t *testing.T) {
	w := start(t, simulator.Options{Switches: simulator.Switches{LogDrop: 200_000}, Accounts: limited()})
	for i := range 1000 {
		w.want(w.post(job(tag("j", i))), 200)
	}
	if n := w.rows(); n < 740 || n > 860 {
		t.Errorf("%d of 1000 rows with a fifth dropped", n)
	}
}

func TestUnpaidAndRefusedLeaveNoRow(t *testing.T) {
	w := start(t, simulator.Options{Faults: []simulator.Rule{{Match: "broken", Kind: simulator.KindStatus, Status: 500}}})
	w.want(w.post(job("broken")), 500)
	w.want(w.post(`{}`), 400)
	if n := w.rows(); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// A log too long to be held is streamed, whole and valid.
func TestLongLogIsStreamed(t *testing.T) {
	w := start(t, simulator.Options{
		Tokens: guide, Clock: simulator.FrozenClock(at(t, "2026-11-22 21:00:00")),
		Accounts: []simulator.Account{{Keys: []string{simulator.DefaultKey}, Credit: 10_000 * money.Dollar, Limits: &simulator.Limits{}}},
	})
	items := make([]string, 9_000)
	for i := range items {
		items[i] = job(tag("row", i))
	}
	w.want(w.batch(items...), 200)
	a := w.want(w.get("/v1/swarm/logs"), 200)
	if a.header.Get("Content-Length") != "" || len(a.body) < 8<<20 {
		t.Errorf("%d bytes, content length %q", len(a.body), a.header.Get("Content-Length"))
	}
	rows, _ := dig(t, a.body, "logs").([]any)
	if len(rows) != len(items) {
		t.Errorf("%d rows, want %d", len(rows), len(items))
	}
	if got := w.sim.Books().Totals().Billed; got != usd(t, "0.09725").Times(9_000) {
		t.Errorf("billed %s", got)
	}
}
