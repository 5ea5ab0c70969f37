package httpapi_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/sqlite"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
)

// TestAlerts: what is open in the books is told over HTTP as in the shell.
func TestAlerts(t *testing.T) {
	l, err := sqlite.Open(t.Context(), filepath.Join(world.dir, "offpeak.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	const key = "audit/http/2026-11-22"
	_, err = l.RaiseAlerts(t.Context(), "run 1", []batch.Alert{{
		Key: key, Kind: batch.AlertAudit, Severity: batch.Critical, Title: "it failed", Lines: []string{"one"}, Dollars: 41 * money.Cent, Batch: "http/2026-11-22", At: time.Now(),
	}}, []ledger.Outlet{{Sink: "s", Place: "slack hooks.slack.com", Takes: func(batch.Alert) bool { return true }}}, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"", "?all=true&limit=1000"} {
		got := want[books.Incidents](t, http.StatusOK, call{path: "/v1/alerts" + query, key: world.read})
		found := false
		for _, i := range got.Incidents {
			found = found || i.Key == key && i.State == "open" && i.Dollars == 41*money.Cent && len(i.Tellings) == 1 && i.Tellings[0].State == batch.DeliveryDue
		}
		if !found {
			t.Errorf("%q: %+v", query, got)
		}
	}
	if a := do(t, call{path: "/v1/alerts?limit=0", key: world.read}); a.status != http.StatusUnprocessableEntity && a.status != http.StatusBadRequest {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := do(t, call{path: "/v1/alerts", key: "none"}); a.status != http.StatusUnauthorized || strings.Contains(a.body, key) {
		t.Errorf("%d %s", a.status, a.body)
	}
}
