package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/evidence"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// startedAs is what a start answers.
type startedAs struct {
	Batch      batch.ID          `json:"batch"`
	WorkflowID string            `json:"workflow_id"`
	RunID      string            `json:"run_id"`
	State      string            `json:"state"`
	Links      map[string]string `json:"links"`
}

type statusAs struct {
	State    string                 `json:"state"`
	Over     bool                   `json:"over"`
	Jobs     batch.Counts           `json:"jobs"`
	Paused   *batch.Pause           `json:"paused"`
	Ended    *struct{ Kind string } `json:"ended"`
	ExitCode *int                   `json:"exit_code"`
}

func startOf(t testing.TB, manifest string) startedAs {
	t.Helper()
	return want[startedAs](t, http.StatusCreated, call{method: http.MethodPost, path: "/v1/batches", body: manifest})
}

// until asks until the answer is as wanted; the test's own time limit is the
// only one.
func until(t testing.TB, c call, as func(answer) bool) answer {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		a := do(t, c)
		if as(a) {
			return a
		}
		if a.status >= http.StatusBadRequest && a.status != http.StatusNotFound {
			t.Fatalf("%d %s", a.status, a.body)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("never as wanted; last %d %s", a.status, a.body)
		}
	}
}

func read[T any](t testing.TB, a answer) T {
	t.Helper()
	var out T
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return out
}

// over follows a night's events to its end.
func over(t testing.TB, n startedAs) answer {
	t.Helper()
	a := do(t, call{path: n.Links["events"], key: world.read})
	if a.status != http.StatusOK || !strings.Contains(a.body, "event: end\n") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return a
}

// TestNight is a night over HTTP, from its start to its report and every
// answer, twice the same.
func TestNight(t *testing.T) {
	t.Parallel()
	m := nightOf("digest", -2*time.Hour, "one", "two", "lost one")
	n := startOf(t, m)
	if n.State != "started" || n.Links["self"] != "/v1/batches/"+string(n.Batch) || n.WorkflowID != "nightly/"+string(n.Batch) {
		t.Errorf("%+v", n)
	}
	stream := over(t, n)
	last := ""
	for line := range strings.Lines(stream.body) {
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			last = strings.TrimSpace(id)
		}
	}
	if a := do(t, call{path: n.Links["events"], header: map[string]string{"Last-Event-ID": last}}); a.status != http.StatusNoContent {
		t.Errorf("after the end: %d %s", a.status, a.body)
	}
	s := want[statusAs](t, http.StatusOK, call{path: n.Links["self"], key: world.read})
	if !s.Over || s.State != "done" || s.Jobs.Succeeded != 2 || s.Jobs.Rejected != 1 || s.ExitCode == nil || *s.ExitCode != batch.ExitIncomplete {
		t.Errorf("%+v", s)
	}
	r := want[batch.Result](t, http.StatusOK, call{path: n.Links["report"], key: world.read})
	if !r.Audit.Passed || r.Money.Billed <= 0 || r.Batch != n.Batch {
		t.Errorf("%+v", r)
	}
	for accept, part := range map[string]string{
		"text/plain": "MONEY", "text/markdown": "**digest/", "text/csv": ",", "text/html;q=0.9, image/png": "<", "application/json": `"audit"`, "text/*": "",
	} {
		a := do(t, call{path: n.Links["report"], header: map[string]string{"Accept": accept}})
		kind, _, _ := strings.Cut(accept, ";")
		if a.status != http.StatusOK || !strings.Contains(a.body, part) || !strings.HasPrefix(a.header.Get("Content-Type"), strings.TrimSuffix(kind, "*")) {
			t.Errorf("%s: %d %s %.200s", accept, a.status, a.header, a.body)
		}
	}

	// Jobs, page by page, and by state.
	page := want[struct {
		Jobs []struct{ Name, State string }
		Next *int
	}](t, http.StatusOK, call{path: n.Links["jobs"] + "?limit=2", key: world.read})
	if len(page.Jobs) != 2 || page.Next == nil || *page.Next != 1 {
		t.Errorf("%+v", page)
	}
	if a := do(t, call{path: n.Links["jobs"] + "?limit=2&after=1&state=rejected,unknown"}); !strings.Contains(a.body, `"lost one"`) || strings.Contains(a.body, `"two"`) || !strings.Contains(a.body, `"next":null`) {
		t.Errorf("%s", a.body)
	}
	if a := do(t, call{path: "/v1/batches/digest/latest/jobs/lost%20one", key: world.read}); a.status != http.StatusOK || !strings.Contains(a.body, `"status":422`) || !strings.Contains(a.body, `"charge":null`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := do(t, call{path: n.Links["jobs"] + "/one"}); a.status != http.StatusOK || !strings.Contains(a.body, `"source":"answer"`) || strings.Contains(a.body, `"task"`) {
		t.Errorf("%d %s", a.status, a.body)
	}

	// Its evidence, which needs nothing else to be verified.
	file := do(t, call{path: n.Links["self"] + "/evidence?answers=true", key: world.read})
	v, err := evidence.Verify(strings.NewReader(file.body), evidence.Options{})
	if err != nil || !v.OK || v.Batch != n.Batch || v.Answers != 2 || v.Requests != 0 || v.Money.Billed != r.Money.Billed ||
		file.header.Get("Content-Type") != "application/x-tar" || !strings.Contains(file.header.Get("Content-Disposition"), "digest-") {
		t.Errorf("%d %v: %v, %+v", file.status, file.header, err, v)
	}

	// Results, all and some.
	a := do(t, call{path: n.Links["results"], key: world.read})
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/x-ndjson" || strings.Count(a.body, "\n") != 3 || !strings.Contains(a.body, `"output"`) {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	if a := do(t, call{path: "/v1/batches/digest/latest/results?job=two&job=one"}); strings.Count(a.body, "\n") != 2 {
		t.Errorf("%d %s", a.status, a.body)
	}

	// The list, by filter and cursor.
	list := func(query string) string { return do(t, call{path: "/v1/batches?" + query, key: world.read}).body }
	if b := list("name=digest&state=done&night=" + string(n.Batch.Night())); !strings.Contains(b, `"digest/`) || !strings.Contains(b, `"next":null`) {
		t.Errorf("%s", b)
	}
	if b := list("name=digest&after=" + string(n.Batch)); strings.Contains(b, `"digest/`) {
		t.Errorf("%s", b)
	}

	// The morning after: nothing is sent, and the report says so.
	again := want[map[string]any](t, http.StatusAccepted, call{method: http.MethodPost, path: n.Links["self"] + "/reconcile"})
	if again["workflow_id"] == "" {
		t.Errorf("%+v", again)
	}
	until(t, call{path: n.Links["report"]}, func(a answer) bool { return strings.Contains(a.body, `"reconciled"`) })

	// What is over can't be steered; started again it is a new run that sends
	// nothing twice.
	for _, verb := range []string{"pause", "resume", "cancel"} {
		p := want[problem.Problem](t, http.StatusConflict, call{method: http.MethodPost, path: n.Links["self"] + "/" + verb})
		if p.Kind != problem.Conflict || !strings.Contains(p.Detail, "over") {
			t.Errorf("%s: %+v", verb, p)
		}
	}
	want[problem.Problem](t, http.StatusConflict, call{method: http.MethodPost, path: n.Links["self"] + "/budget", body: `{"cap":"90.00"}`})
	want[problem.Problem](t, http.StatusConflict, call{method: http.MethodPost, path: n.Links["self"] + "/told", body: `{"seq":0}`})
}

// TestSteer holds a night, lets it go on, gives it money and ends it.
func TestSteer(t *testing.T) {
	t.Parallel()
	m := nightOf("steered", 6*time.Hour, "one", "two")
	n := startOf(t, m)
	if again := want[startedAs](t, http.StatusOK, call{method: http.MethodPost, path: "/v1/batches", body: m}); again.State != "running" || again.RunID != n.RunID {
		t.Errorf("started twice: %+v, %+v", n, again)
	}
	until(t, call{path: n.Links["self"]}, func(a answer) bool { return read[statusAs](t, a).State == "waiting" })
	p := want[problem.Problem](t, http.StatusConflict, call{path: n.Links["report"]})
	if p.Kind != batch.Waiting || !strings.Contains(p.Hint, "/events") {
		t.Errorf("%+v", p)
	}
	order := func(verb, body string) statusAs {
		t.Helper()
		return want[statusAs](t, http.StatusOK, call{method: http.MethodPost, path: n.Links["self"] + "/" + verb, body: body})
	}
	if s := order("pause", `{"why":"look at it first"}`); s.Paused == nil || s.Paused.By != "a-operate-key" || s.Paused.Why != "look at it first" {
		t.Errorf("%+v", s)
	}
	if s := want[statusAs](t, http.StatusOK, call{path: "/v1/batches/steered/" + string(n.Batch.Night()), key: world.read}); s.Paused == nil {
		t.Errorf("%+v", s)
	}
	if s := order("resume", ""); s.Paused != nil {
		t.Errorf("%+v", s)
	}
	order("budget", `{"cap":"80.00","why":"more to do"}`)
	want[map[string]any](t, http.StatusAccepted, call{method: http.MethodPost, path: n.Links["self"] + "/told", body: `{"seq":0}`}) // nobody waits for it here
	low := want[problem.Problem](t, http.StatusConflict, call{method: http.MethodPost, path: n.Links["self"] + "/budget", body: `{"cap":"1.00"}`})
	if !strings.Contains(low.Detail, "80.00") {
		t.Errorf("%+v", low)
	}
	order("cancel", `{}`)
	over(t, n)
	s := want[statusAs](t, http.StatusOK, call{path: n.Links["self"]})
	if !s.Over || s.Ended == nil || s.Ended.Kind != string(batch.Cancelling) {
		t.Errorf("%+v", s)
	}
	if p := want[problem.Problem](t, http.StatusConflict, call{path: n.Links["report"]}); p.Kind != batch.Cancelling {
		t.Errorf("%+v", p)
	}
}
