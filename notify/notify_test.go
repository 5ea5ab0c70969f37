package notify_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/notify"
)

// noticed is the instant of every note here.
var noticed = time.Date(2026, 11, 23, 14, 4, 0, 0, time.UTC)

// missed is an ordinary alert.
func missed() notify.Note {
	return notify.Note{
		Delivery: "0123456789abcdef0123456789abcdef", Occasion: batch.Opened, At: noticed,
		Alert: batch.Alert{
			Key: "audit/market-digest/2026-11-22", Kind: batch.AlertAudit, Severity: batch.Critical,
			Title:  "market-digest/2026-11-22: 3 charges missed the discount: $0.41 too much",
			Lines:  []string{"DiscountMissed: 3 jobs, $0.41: they ended after 06:00 Pacific", "EU Market Digest", "US Market Digest"},
			Remedy: "lower window.finish_by; claim the difference with the request ids in the report", Dollars: 41 * money.Cent,
			Batch: "market-digest/2026-11-22", Link: "https://offpeak.example.com/nights/market-digest/2026-11-22", At: noticed,
		},
	}
}

// request is one that a sink made.
type request struct {
	URL    string
	Header http.Header
	Body   []byte
}

// receiver is a server of somebody else's: it keeps what it gets and answers as
// told.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	got    []request
	answer func(http.ResponseWriter, request)
}

func newReceiver(t *testing.T, answer func(http.ResponseWriter, request)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		one := request{req.URL.String(), req.Header.Clone(), body}
		r.mu.Lock()
		r.got = append(r.got, one)
		r.mu.Unlock()
		if r.answer != nil {
			r.answer(w, one)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) all() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// RoundTrip brings a request for anybody to the receiver.
func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	to := req.Clone(req.Context())
	to.URL.Scheme, to.URL.Host = "http", r.Listener.Addr().String()
	return http.DefaultTransport.RoundTrip(to)
}

func openOne(t *testing.T, address string, o notify.Options) *notify.Sink {
	t.Helper()
	sinks, err := notify.Open(address, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(sinks) != 1 {
		t.Fatalf("%d sinks", len(sinks))
	}
	return sinks[0]
}

func faultOf(t *testing.T, err error) *batch.Fault {
	t.Helper()
	var f *batch.Fault
	if !errors.As(err, &f) {
		t.Fatalf("no fault: %v", err)
	}
	return f
}

// TestAnswers: what each answer means, and that nothing is sent twice here.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		header string // Retry-After
		want   batch.Kind
		after  time.Duration
	}{
		{200, "", "", 0},
		{202, "", "", 0},
		{204, "", "", 0},
		{301, "", batch.RejectedByAPI, 0},
		{307, "", batch.RejectedByAPI, 0},
		{400, "", batch.RejectedByAPI, 0},
		{401, "", batch.RejectedByAPI, 0},
		{404, "5", batch.RejectedByAPI, 0},
		{410, "", batch.RejectedByAPI, 0},
		{408, "", batch.OutOfReach, 0},
		{425, "", batch.OutOfReach, 0},
		{429, "90", batch.OutOfReach, 90 * time.Second},
		{429, "-3", batch.OutOfReach, 0},
		{429, "1000000", batch.OutOfReach, 6 * time.Hour},
		{500, "soon", batch.OutOfReach, 0},
		{503, "7", batch.OutOfReach, 7 * time.Second},
	} {
		r := newReceiver(t, func(w http.ResponseWriter, _ request) {
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
		})
		err := openOne(t, r.URL+"/hook", notify.Options{}).Send(t.Context(), missed())
		if batch.KindOf(err) != c.want {
			t.Errorf("%d: %v, want %q", c.status, err, c.want)
		}
		if err != nil {
			if f := faultOf(t, err); f.After != c.after || f.Status != c.status || f.Moved != batch.MovedNo {
				t.Errorf("%d with Retry-After %q: %+v", c.status, c.header, f)
			}
		}
		if n := len(r.all()); n != 1 {
			t.Errorf("%d: %d requests, want one", c.status, n)
		}
	}
	r := newReceiver(t, nil)
	gone := openOne(t, r.URL+"/hook-with-a-secret", notify.Options{})
	r.Close()
	if err := gone.Send(t.Context(), missed()); batch.KindOf(err) != batch.OutOfReach || strings.Contains(err.Error(), "hook-with") {
		t.Errorf("nobody listens: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := openOne(t, newReceiver(t, nil).URL, notify.Options{}).Send(ctx, missed()); batch.KindOf(err) != batch.OutOfReach {
		t.Errorf("cancelled: %v", err)
	}
}

// TestTakes: who is told of what.
func TestTakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query string
		kind  batch.AlertKind
		sev   batch.Severity
		want  bool
	}{
		{"", batch.AlertAudit, batch.Info, true},
		{"?min=warning", batch.AlertAudit, batch.Info, false},
		{"?min=warning", batch.AlertAudit, batch.Warning, true},
		{"?min=critical", batch.AlertAudit, batch.Warning, false},
		{"?kinds=audit,usage", batch.AlertUsage, batch.Info, true},
		{"?kinds=audit,usage", batch.AlertCap, batch.Critical, false},
		{"?kinds=audit&min=critical", batch.AlertAudit, batch.Critical, true},
		{"?kinds=audit", batch.AlertTest, batch.Info, true},
		{"", batch.AlertReport, batch.Info, false},
		{"?report=1&min=critical", batch.AlertReport, batch.Info, true},
		{"?report=0", batch.AlertReport, batch.Info, false},
		{"?kinds=report", batch.AlertReport, batch.Info, true},
		{"?kinds=report", batch.AlertAudit, batch.Critical, false},
	} {
		for _, base := range []string{"https://example.com/x", "slack://hooks.slack.com/services/T0/B0/abcdefgh"} {
			s := openOne(t, base+c.query, notify.Options{})
			if got := s.Takes(batch.Alert{Kind: c.kind, Severity: c.sev}); got != c.want {
				t.Errorf("%s%s takes %s %s: %t", base, c.query, c.sev, c.kind, got)
			}
		}
	}
	pager := openOne(t, "pagerduty://0123456789abcdef0123456789abcdef?report=1", notify.Options{})
	if pager.Takes(batch.Alert{Kind: batch.AlertReport, Severity: batch.Info}) {
		t.Error("a pager rings for a report")
	}
}

// TestAddresses: what is wrong is said at once, and never shows an address.
func TestAddresses(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-t0ken"
	for _, c := range []struct{ address, want string }{
		{secret, "it is no URL"},
		{"https://" + secret + "%zz", "it is no URL"},
		{"carrier-pigeon://" + secret, "there is no kind of address"},
		{"logger://" + secret, "there is no kind of address"},
		{"http://example.com/" + secret, "in the clear"},
		{"https:///" + secret, "no host"},
		{"https://example.com/" + secret + "?min=dire", "min is none of"},
		{"https://example.com/" + secret + "?kinds=audit,pigeons", "kinds has one that there isn't"},
		{"https://example.com/" + secret + "?report=perhaps", "report is neither"},
		{"pagerduty://" + secret, "ROUTING_KEY"},
		{"pagerduty://0123456789abcdef0123456789abcdef?endpoint=http://example.com", "endpoint is no"},
		{"pagerduty://0123456789abcdef0123456789abcdef?region=mars", "region is neither"},
		{"pagerduty://0123456789abcdef0123456789abcdef?sever=1", "no parameter"},
		{"smtp://u:" + secret + "@example.com?to=a@example.com", "from is no mail address"},
		{"smtp://u:" + secret + "@example.com?from=a@example.com", "to is no list"},
		{"smtp://u:" + secret + "@example.com?from=a@example.com&to=b@example.com&starttls=never", "starttls is neither"},
		{"smtps://u:" + secret + "@example.com?from=a@example.com&to=b@example.com&starttls=optional", "TLS from the first byte"},
		{"smtp://u:" + secret + "@example.com?from=a@example.com&to=b@example.com&cc=c@example.com", "no parameter"},
		{"slack://hooks.slack.com/services/T0/B0/" + secret + "?colour=red", "no parameter"},
		{"telegram://" + secret, "telegram"},
		{"discord://" + secret, "discord"},
	} {
		_, err := notify.Open("https://fine.example.com/x\n"+c.address, notify.Options{})
		if batch.KindOf(err) != batch.BadInput {
			t.Errorf("%s: %v, want BadInput", c.address, err)
			continue
		}
		if text := err.Error(); !strings.Contains(text, c.want) || !strings.Contains(text, "address 2") || strings.Contains(text, secret) {
			t.Errorf("%s: says %q, want %q, which address, and no secret", c.address, text, c.want)
		}
	}
	_, err := notify.Open("nonsense https://x.example.com/1 https://x.example.com/1?min=critical gopher://there", notify.Options{})
	for _, want := range []string{"address 1", "address 3 is the same place", "address 4"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("all at once: %v, want %q", err, want)
		}
	}
	sinks, err := notify.Open(" \n\t", notify.Options{})
	if err != nil || len(sinks) != 0 {
		t.Errorf("nobody: %v, %v", sinks, err)
	}
	sinks, err = notify.Open("https://x.example.com/1 https://x.example.com/2\nslack://hooks.slack.com/services/T0/B0/abcdefgh", notify.Options{})
	if err != nil || sinks[0].Place == sinks[1].Place || !strings.HasPrefix(sinks[0].Place, "webhook x.example.com #") || sinks[2].Place != "slack hooks.slack.com" {
		t.Errorf("two on one server: %+v, %v", sinks, err)
	}
	a := openOne(t, "smtp://ops:one@example.com?from=a@example.com&to=b@example.com", notify.Options{})
	b := openOne(t, "smtp://ops:two@example.com?from=a@example.com&to=b@example.com&min=critical", notify.Options{})
	if a.ID != b.ID {
		t.Error("a mailbox whose password or filter changed is another one")
	}
}
