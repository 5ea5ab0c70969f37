package activities_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/notify"
)

// receiver is a webhook's server that answers with a status, and keeps the ids
// of what it got.
type receiver struct {
	mu     sync.Mutex
	status int
	after  string
	got    []string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, req.Header.Get("Offpeak-Delivery"))
	if r.after != "" {
		w.Header().Set("Retry-After", r.after)
	}
	w.WriteHeader(r.status)
}

func (r *receiver) answers(status int, after string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.after = status, after
}

func (r *receiver) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.got...)
}

// TestDelivery: one attempt is one message under the telling's own id; what was
// taken is never sent again; what isn't is tried for a day, and then named.
func TestDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	r := &receiver{status: 503, after: "90"}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	sinks, err := notify.Open(server.URL+"/s3cret-path", notify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	deps := w.deps
	deps.Sinks = sinks
	hands := activities.New(deps)
	raise := func(n int) batch.Telling {
		t.Helper()
		got, err := hands.RaiseAlerts(t.Context(), batch.RaiseRequest{By: fmt.Sprint("run ", n), Alerts: []batch.Alert{
			{Key: fmt.Sprint("audit/", n), Kind: batch.AlertAudit, Severity: batch.Critical, Title: "it failed"},
			{Key: "audit/never", Kind: batch.AlertAudit, Severity: batch.Info, Over: true},
		}})
		if err != nil || len(got.Tellings) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		return got.Tellings[0]
	}
	first := raise(1)
	if again := raise(1); again != first {
		t.Errorf("asked again it is to tell %+v, before %+v", again, first)
	}
	_, err = hands.DeliverAlert(t.Context(), first)
	if app := applicationError(t, err); app.NonRetryable() || app.NextRetryDelay() != 90*time.Second || app.Type() != string(batch.OutOfReach) {
		t.Errorf("try again in 90 s: %v", err)
	}
	r.answers(200, "")
	for range 2 {
		d, err := hands.DeliverAlert(t.Context(), first)
		if err != nil || d.State != batch.DeliverySent || d.Attempts != 2 {
			t.Errorf("%+v, %v", d, err)
		}
	}
	if ids := r.ids(); len(ids) != 2 || ids[0] != first.Delivery || ids[1] != first.Delivery {
		t.Errorf("it got %v, want %s twice", ids, first.Delivery)
	}

	second := raise(2)
	r.answers(404, "")
	for range 2 {
		_, err = hands.DeliverAlert(t.Context(), second)
		if app := applicationError(t, err); !app.NonRetryable() || !strings.Contains(err.Error(), "404") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("refused for good: %v", err)
		}
	}
	if n := len(r.ids()); n != 3 {
		t.Errorf("%d messages: what was refused was sent again", n)
	}

	third := raise(3)
	r.answers(500, "")
	w.at(w.clock.Now().Add(24 * time.Hour))
	_, err = hands.DeliverAlert(t.Context(), third) // workers that were down for a day try once
	if app := applicationError(t, err); !app.NonRetryable() {
		t.Errorf("after a day: %v", err)
	}
	if d, err := w.books.Delivery(t.Context(), third.Delivery); err != nil || d.State != batch.DeliveryFailed || !strings.Contains(d.Error, "500") || strings.Contains(d.Error, "s3cret") {
		t.Errorf("the books say %+v, %v", d, err)
	}

	// A worker whose settings don't have the sink leaves it to others, for a while.
	fourth := raise(4)
	deps.Sinks = nil
	other := activities.New(deps)
	_, err = other.DeliverAlert(t.Context(), fourth)
	if app := applicationError(t, err); app.NonRetryable() || app.NextRetryDelay() == 0 {
		t.Errorf("another worker may know the sink: %v", err)
	}
	w.at(w.clock.Now().Add(10 * time.Minute))
	_, err = other.DeliverAlert(t.Context(), fourth)
	if app := applicationError(t, err); !app.NonRetryable() || !strings.Contains(err.Error(), "OFFPEAK_NOTIFY") {
		t.Errorf("nobody knows the sink: %v", err)
	}
	fourth.Delivery = "none"
	if _, err := hands.DeliverAlert(t.Context(), fourth); kindOf(t, err) != batch.NotFound {
		t.Errorf("books without it: %v", err)
	}
	if strings.Contains(w.log.String(), "s3cret") {
		t.Error("the log shows an address")
	}
}
