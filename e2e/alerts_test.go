package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/smtptest"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/workflows"
)

// hookSecret is in the addresses of the sinks. It is nowhere else.
const hookSecret = "hook-5d1e0c9f7ab24-never-to-be-seen"

// heard is what one sink got: how often each telling, by what names it there.
type heard struct {
	mu    sync.Mutex
	raw   int
	names map[string]int
}

func (s *heard) add(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[string]int{}
	}
	s.names[name]++
	s.raw++
	return s.raw
}

func (s *heard) counts() (tellings, raw int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.names), s.raw
}

// sinks are the receivers of a test: real servers on loopback, each of which
// says by what it would know a repeat.
type sinks struct {
	hook, slack, pager, ntfy heard
	post                     *smtptest.Server
	server                   *httptest.Server
	hung, answered           chan struct{}
}

func newSinks(t *testing.T) *sinks {
	t.Helper()
	s := &sinks{post: smtptest.New(t), hung: make(chan struct{}), answered: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hook/{secret}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // its sender died
		}
		var told struct{ Delivery, Occasion string }
		if err := json.Unmarshal(body, &told); err != nil || told.Delivery != r.Header.Get("Offpeak-Delivery") {
			t.Errorf("%v: %s", err, body)
		}
		switch s.hook.add(told.Occasion + " " + told.Delivery) {
		case 1: // the worker dies while it waits for the answer
			close(s.hung)
			<-r.Context().Done()
		case 2: // the worker dies when it has the answer
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			close(s.answered)
		}
	})
	mux.HandleFunc("POST /services/", func(_ http.ResponseWriter, r *http.Request) { // Slack knows no repeats: by its text
		body, _ := io.ReadAll(r.Body)
		var told struct{ Text string }
		if err := json.Unmarshal(body, &told); err != nil || told.Text == "" {
			t.Errorf("%v: %s", err, body)
		}
		s.slack.add(told.Text)
	})
	mux.HandleFunc("POST /v2/enqueue", func(w http.ResponseWriter, r *http.Request) {
		var told struct {
			Dedup  string `json:"dedup_key"`
			Action string `json:"event_action"`
		}
		if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
			t.Error(err)
		}
		s.pager.add(told.Action + " " + told.Dedup)
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		defer func() { _, _ = fmt.Fprint(w, `{"id":"sPs71M8A2T","event":"message"}`) }()
		s.ntfy.add(r.URL.Path + r.Header.Get("Title") + string(body))
	})
	s.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.server.CloseClientConnections()
		s.server.Close()
	})
	return s
}

// notify is the setting.
func (s *sinks) notify() string {
	at := s.server.Listener.Addr().String()
	return "OFFPEAK_NOTIFY=" + strings.Join([]string{
		"http://" + at + "/hook/" + hookSecret,
		"slack://" + at + "/services/T0/B0/" + hookSecret,
		"pagerduty://0123456789abcdef0123456789abcdef?endpoint=http://" + at + "/v2/enqueue",
		"ntfy://" + at + "/" + hookSecret + "?scheme=http",
		s.post.URL(""),
	}, "\n")
}

// mails are the different messages by their ids, and how many came in all.
func (s *sinks) mails(t *testing.T) (tellings, raw int) {
	t.Helper()
	ids := map[string]bool{}
	all := s.post.Messages()
	for _, m := range all {
		p, err := mail.ReadMessage(strings.NewReader(m.Text))
		if err != nil {
			t.Fatal(err)
		}
		ids[p.Header.Get("Message-ID")] = true
	}
	return len(ids), len(all)
}

// wantEach wants every sink to know of so many tellings, by whatever names a
// repeat there, and bounds the raw repeats: one for each worker that died.
func (s *sinks) wantEach(t *testing.T, tellings, deaths int) {
	t.Helper()
	mails, rawMails := s.mails(t)
	counted := map[string][2]int{"mail": {mails, rawMails}}
	for name, h := range map[string]*heard{"hook": &s.hook, "slack": &s.slack, "pager": &s.pager, "ntfy": &s.ntfy} {
		n, raw := h.counts()
		counted[name] = [2]int{n, raw}
	}
	for name, c := range counted {
		if c[0] != tellings || c[1] > tellings+deaths {
			t.Errorf("%s: %d tellings in %d messages, want %d in at most %d", name, c[0], c[1], tellings, tellings+deaths)
		}
	}
}

// TestAlertsAreTold: a night misses its discount. The worker is killed before
// the alert is answered, and the next one when it has just been; the third one
// ends what they began. Each of five receivers has been told once, by what it
// knows repeats by, and once more when it is over; what is announced twice is
// told once.
func TestAlertsAreTold(t *testing.T) {
	t.Parallel()
	s := newSinks(t)
	h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) {
		o.Faults = []simulator.Rule{{Match: "Job 001", Kind: simulator.KindFullPrice}}
	}})
	first := h.worker(s.notify())
	d := h.starter("run", "--json", h.manifest("told", 3, ""))
	if d.code != batch.ExitAudit {
		t.Fatalf("exit %d, want %d\n%s\n%s", d.code, batch.ExitAudit, d.out, d.stderr)
	}
	id := d.result(t).Batch
	h.awaitChan(s.hung, "the alert at its receiver", first)
	first.kill()
	second := h.worker(s.notify())
	h.awaitChan(s.answered, "the second attempt", second)
	second.kill()
	third := h.worker(s.notify())

	run, err := h.client.DescribeWorkflowExecution(t.Context(), id.WorkflowID(), "")
	if err != nil {
		t.Fatal(err)
	}
	telling := batch.AnnounceID(id.WorkflowID(), run.GetWorkflowExecutionInfo().GetExecution().GetRunId())
	var told batch.Announced
	if err := h.client.GetWorkflow(t.Context(), telling, "").Get(t.Context(), &told); err != nil {
		t.Fatal(err)
	}
	if told.Told != 5 || told.Sent != 5 {
		t.Errorf("announced: %+v, want five tellings, all of them sent", told)
	}
	s.wantEach(t, 1, 2)

	key := "audit/" + string(id)
	over := batch.Alert{Key: key, Kind: batch.AlertAudit, Severity: batch.Info, Title: "told: the audit passes", Over: true, At: time.Now().Add(time.Minute)}
	for i, want := range []int{5, 0} {
		run, err := h.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: fmt.Sprint("alerts/by-hand/", i), TaskQueue: workflows.TaskQueue},
			workflows.AnnounceName, batch.Announcement{Alerts: []batch.Alert{over}})
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Get(t.Context(), &told); err != nil {
			t.Fatal(err)
		}
		if told.Told != want {
			t.Errorf("its end, %d: %+v, want %d tellings", i, told, want)
		}
	}
	s.wantEach(t, 2, 2)
	h.wantNowhere(hookSecret)
	if strings.Contains(first.text()+second.text()+third.text(), hookSecret) {
		t.Error("a log shows an address")
	}
	if d := h.starter("reconcile", "--json", "told"); d.code != batch.ExitAudit {
		t.Errorf("reconcile: exit %d\n%s", d.code, d.stderr)
	}
	h.history(id.WorkflowID(), "nightly-told")
	h.history(telling, "announce")
	h.history("reconcile/"+string(id), "reconcile-told")
}

// awaitChan waits for an event, and says what didn't come.
func (h *house) awaitChan(c <-chan struct{}, what string, w *proc) {
	h.t.Helper()
	patience := time.NewTimer(90 * time.Second)
	defer patience.Stop()
	select {
	case <-c:
	case <-patience.C:
		h.t.Fatalf("%s didn't come\n%s", what, tail(w.text(), 20))
	}
}
