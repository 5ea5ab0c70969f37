package simulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/simulator"
)

func TestAdminBooks(t *testing.T) {
	w := start(t, simulator.Options{Tokens: guide, Clock: simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))})
	w.want(w.post(job(tag("a", 1))), 200)
	w.want(w.post(job(tag("a", 1))), 200)
	noKey := func(r *http.Request) { r.Header.Del("x-api-key") }
	a := w.want(w.do(http.MethodGet, "/__admin/books?window=5s", "", noKey), 200)
	w.expect(a, "executions", "2")
	w.expect(a, "billed", "0.194500")
	w.expect(a, "double_billed.0", id(1))
	w.expect(a, "max_in_window.5s", "2")
	w.expect(a, "accounts.0.credits", "999.805500")
	a = w.want(w.get("/__admin/books?full=1"), 200)
	w.expect(a, "executions", "2")
	w.expect(a, "all.1.request_id", id(1))
	w.expect(a, "all.1.attempt", "2")
	w.expect(a, "all.1.billed", "0.097250")
	w.expect(a, "all.1.ended", "2026-11-23T05:00:00Z")
	if strings.Contains(string(a.body), simulator.DefaultKey) {
		t.Error("the books show a key")
	}
}

func TestAdminControls(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 12:00:00"))
	w := start(t, simulator.Options{Tokens: guide, Clock: clock})
	a := w.admin("faults", "- {match: EU, kind: hang, attempts: first 2}\n- {match: US, kind: status, status: 503}\n")
	w.expect(a, "0.attempts", "first 2")
	w.want(w.post(job("US")), 503)
	w.expect(w.want(w.get("/__admin/faults"), 200), "1.status", "503")
	w.admin("faults", `[]`)
	w.want(w.post(job("US")), 200)

	w.expect(w.admin("clock", `{"set":"2026-11-23T05:59:59-08:00"}`), "now", "2026-11-23T05:59:59-08:00")
	w.expect(w.want(w.post(job("a")), 200), "usage.billing_info.total_cost", "0.09725")
	w.expect(w.admin("clock", `{"advance":"1s"}`), "now", "2026-11-23T06:00:00-08:00")
	w.expect(w.want(w.post(job("a")), 200), "usage.billing_info.total_cost", "0.1445")
	w.expect(w.admin("clock", `{"scale":60}`), "scale", "60")
	w.admin("clock", `{"scale":0,"offset":"-3h"}`)

	w.expect(w.admin("switches", `{"batch_shape":"C","log_drop":0.02}`), "log_drop", "0.020000")
	w.expect(w.admin("switches", `{"log_lag":"2m"}`), "batch_shape", "C") // the others stay
	w.expect(w.admin("accounts", `{"credit":"5.00","free":"1.50","tier":"free"}`), "0.credits", "6.500000")
	w.want(w.batch(job("a")), 403)

	a = w.admin("reset", "")
	w.expect(a, "executions", "0")
	w.expect(a, "accounts.0.tier", "premium")
	if sw := w.sim.Switches(); sw.BatchShape != "A" || sw.LogLag != 0 {
		t.Errorf("after reset: %+v", sw)
	}
	w.want(w.batch(job("a")), 200)
	if n := w.sim.Books().Executions("a"); n != 1 {
		t.Errorf("after reset: %d runs", n)
	}
}

func TestAdminRefuses(t *testing.T) {
	w := start(t, simulator.Options{})
	for _, c := range []struct {
		method, what, body string
		status             int
		says               string
	}{
		{"POST", "faults", `- {match: "*", kind: explode}`, 400, "unknown"},
		{"POST", "switches", `{"batch_shape":"Z"}`, 400, "none of A, B, C, D, E"},
		{"POST", "switches", `{"nope":1}`, 400, "nope"},
		{"POST", "switches", `{"invalid_key":404,"missing_key":400,"multiplier":"2"}`, 400, "missing_key"},
		{"POST", "clock", `{"scale":-1}`, 400, "not within 0 and"},
		{"POST", "clock", `{"offset":"soon"}`, 400, "soon"},
		{"POST", "clock", `{} {}`, 400, "follows"},
		{"POST", "accounts", `{"tier":"gold"}`, 400, "gold"},
		{"POST", "accounts", `{"account":"nobody"}`, 400, "nobody"},
		{"DELETE", "faults", ``, 405, "DELETE"},
		{"GET", "nothing", ``, 404, "books, faults"},
	} {
		a := w.want(w.do(c.method, "/__admin/"+c.what, c.body), c.status)
		if got := fmt.Sprint(dig(t, a.body, "error")); !strings.Contains(got, c.says) {
			t.Errorf("%s %s %s: %s", c.method, c.what, c.body, got)
		}
	}
	if err := w.sim.SetSwitches(simulator.Switches{Discount: "half"}); err == nil {
		t.Error("an unknown discount was set")
	}
}

func TestAdminIsForLoopback(t *testing.T) {
	ask := func(o simulator.Options, from string) int {
		sim := simulator.New(o)
		defer sim.Close()
		r := httptest.NewRequest(http.MethodGet, "/__admin/books", nil)
		r.RemoteAddr = from
		rec := httptest.NewRecorder()
		sim.ServeHTTP(rec, r)
		return rec.Code
	}
	for _, c := range []struct {
		from string
		open bool
		want int
	}{{"127.0.0.1:5", false, 200}, {"[::1]:5", false, 200}, {"192.0.2.1:5", false, 403}, {"nonsense", false, 403}, {"192.0.2.1:5", true, 200}} {
		if got := ask(simulator.Options{OpenAdmin: c.open}, c.from); got != c.want {
			t.Errorf("from %s, open %v: %d, want %d", c.from, c.open, got, c.want)
		}
	}
}
