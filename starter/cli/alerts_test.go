package cli_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
)

// raised enters an alert into the desk's books, told to a sink that takes
// everything.
func (d *desk) raised(by string, a batch.Alert) []ledger.Delivery {
	d.Helper()
	a.At = d.at
	told, err := d.RaiseAlerts(d.Context(), by, []batch.Alert{a}, []ledger.Outlet{{Sink: "s", Place: "mail ops@example.com", Takes: func(batch.Alert) bool { return true }}}, 24*time.Hour)
	d.ok(err)
	return told
}

// TestAlerts: what is open, who was told, silence and its end, in the books
// themselves.
func TestAlerts(t *testing.T) {
	d := newDesk(t)
	if got := d.run("alerts"); got.code != 0 || !strings.Contains(got.out, "no incident is open") {
		t.Errorf("%+v", got)
	}
	const key = "audit/digest/2026-11-22"
	told := d.raised("1", batch.Alert{
		Key: key, Kind: batch.AlertAudit, Severity: batch.Critical, Title: "digest/2026-11-22: the audit failed: DiscountMissed, $0.41",
		Lines: []string{"DiscountMissed: 1 job, $0.41", "\x1b[31mAPAC"}, Remedy: "lower finish_by", Dollars: 41 * money.Cent, Batch: "digest/2026-11-22",
	})
	_, err := d.BeginDelivery(t.Context(), told[0].ID)
	d.ok(err)
	_, err = d.EndDelivery(t.Context(), told[0].ID, batch.DeliveryFailed, "tell mail ops@example.com: 535 wrong password")
	d.ok(err)
	d.at = d.at.Add(time.Hour)
	d.raised("2", batch.Alert{Key: "usage/k-1", Kind: batch.AlertUsage, Severity: batch.Warning, Title: "spend leapt"})
	d.raised("3", batch.Alert{Key: "usage/k-1", Kind: batch.AlertUsage, Severity: batch.Info, Title: "spend is as usual", Over: true})

	got := d.run("alerts")
	for _, want := range []string{"CRITICAL  " + key, "told 2026-11-23 06:15 CET (opened)", "do: lower finish_by", "failed after 1 attempt: tell mail ops@example.com: 535 wrong password"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%q isn't in\n%s%s", want, got.out, got.err)
		}
	}
	if strings.Contains(got.out, "usage/k-1") || strings.Contains(got.out, "\x1b") || got.code != 0 {
		t.Errorf("%+v", got)
	}
	if all := d.run("alerts", "--all"); !strings.Contains(all.out, "OVER  usage/k-1") {
		t.Errorf("%+v", all)
	}
	var list books.Incidents
	if err := json.Unmarshal([]byte(d.run("alerts", "--json", "--all", "--limit", "1").out), &list); err != nil || len(list.Incidents) != 1 || !list.More {
		t.Errorf("%v: %+v", err, list)
	}

	got = d.run("alerts", "silence", key, "--for", "48h", "--why", "known", "--by", "ada")
	if got.code != 0 || !strings.Contains(got.out, "silenced until") || !strings.Contains(got.out, "by ada: known") {
		t.Errorf("%+v", got)
	}
	var one books.Incident
	if err := json.Unmarshal([]byte(d.run("alerts", "show", key, "--json").out), &one); err != nil || one.State != "silenced" || one.Dollars != 41*money.Cent || len(one.Tellings) != 1 {
		t.Errorf("%v: %+v", err, one)
	}
	if got := d.run("alerts", "unsilence", key); got.code != 0 || strings.Contains(got.out, "silenced") {
		t.Errorf("%+v", got)
	}
	for _, bad := range [][]string{{"alerts", "show", "nobody"}, {"alerts", "show"}, {"alerts", "silence", "usage/k-1"}, {"alerts", "silence", key, "--for", "1s"}, {"alerts", "silence", "nobody"}, {"alerts", "--limit", "0"}} {
		if got := d.run(bad...); got.code != batch.ExitBadInput || got.err == "" {
			t.Errorf("%v: %+v", bad, got)
		}
	}
}

// TestAlertsTry: every sink is tried, once, and what it answered is said
// without its address.
func TestAlertsTry(t *testing.T) {
	const secret = "T0-secret-token"
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.HasPrefix(r.URL.Path, "/fine"):
			if r.Header.Get("Offpeak-Signature") == "" || !strings.Contains(string(body), "This is a test") {
				t.Errorf("%v %s", r.Header, body)
			}
		case strings.HasPrefix(r.URL.Path, "/v2"):
			w.WriteHeader(http.StatusAccepted)
		default:
			http.Error(w, "no such hook: "+r.URL.Path, http.StatusNotFound)
		}
	}))
	defer server.Close()
	ask := func(addresses string, args ...string) said {
		return try(t, "", []string{"OFFPEAK_NOTIFY=" + addresses, "OFFPEAK_NOTIFY_SECRET=whsec"}, append([]string{"alerts", "test"}, args...)...)
	}
	fine := server.URL + "/fine/" + secret + "?min=warning pagerduty://0123456789abcdef0123456789abcdef?endpoint=" + server.URL + "/v2/enqueue"
	if got := ask(fine); got.code != 0 || strings.Count(got.out, "taken") != 2 || asked.Load() != 3 || strings.Contains(got.out+got.err, secret) || !strings.Contains(got.out, "from warning") {
		t.Errorf("%d asked: %+v", asked.Load(), got)
	}
	bad := fine + "\n" + server.URL + "/gone/" + secret
	got := ask(bad)
	if got.code != batch.ExitOutOfReach || !strings.Contains(got.out, "FAILED") || !strings.Contains(got.err, "1 of 3 sinks took no alert") || strings.Contains(got.out+got.err, secret) {
		t.Errorf("%+v", got)
	}
	var all struct {
		Sinks []struct {
			Place string
			Taken bool
			Error string
		}
	}
	if got := ask(bad, "--json"); json.Unmarshal([]byte(got.out), &all) != nil || len(all.Sinks) != 3 || all.Sinks[2].Taken || all.Sinks[2].Error == "" || strings.Contains(got.out, secret) {
		t.Errorf("%+v", got)
	}
	if got := ask(""); got.code != batch.ExitBadInput || !strings.Contains(got.err, "OFFPEAK_NOTIFY") {
		t.Errorf("no sink: %+v", got)
	}
	if got := ask("gopher://" + secret); got.code != batch.ExitBadInput || strings.Contains(got.err, secret) {
		t.Errorf("a bad address: %+v", got)
	}
}
