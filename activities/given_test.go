package activities_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/offpeak/offpeak/batch"
)

// TestPlanHowever: the one value is understood however a form hands it over.
func TestPlanHowever(t *testing.T) {
	t.Parallel()
	const night = "name: digest\ndefaults: {agents: [{agent_name: A, model_name: gpt-4o-mini, max_tokens: 64}]}\njobs: [{name: one, task: x}]\n"
	path := filepath.Join(t.TempDir(), "night of mine.yaml")
	if err := os.WriteFile(path, []byte(night), 0o600); err != nil {
		t.Fatal(err)
	}
	place := "file://" + strings.ReplaceAll(path, " ", "%20")
	inline := `{"name": "digest", "jobs": [{"name": "one", "task": "x", "agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 64}]}]}`
	for name, c := range map[string]struct{ id, input string }{
		"a manifest":                     {"wf", inline},
		"encoded twice":                  {"wf", strconv.Quote(inline)},
		"YAML as text":                   {"wf", strconv.Quote(night)},
		"a reference encoded twice":      {"wf", strconv.Quote(`{"manifest": "` + place + `"}`)},
		"a URL as text":                  {"wf", strconv.Quote(" " + place + "\n")},
		"no input under a manifest's id": {place, ""},
		"null under a manifest's id":     {place, " null\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			p, err := w.planAs(c.id, c.input)
			if err != nil || p.Batch.Name() != "digest" || p.Jobs != 1 {
				t.Errorf("planned %+v, %v", p, err)
			}
		})
	}
}

// TestPlanTouchesNothing: what a form can get wrong is answered for good, with
// all that is wrong with it, before the ledger is written or the provider asked.
func TestPlanTouchesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		id, input string
		say       []string
	}{
		"nothing":          {"wf", "", []string{"there is no input", `{"manifest": "file:///srv/night.yaml"}`, "the workflow id"}},
		"null":             {"wf", "null", []string{"there is no input"}},
		"a list":           {"wf", `[1]`, []string{"want an object, got a list"}},
		"a number":         {"wf", `12`, []string{"want an object, got a number"}},
		"a word":           {"wf", `"market-digest"`, []string{"want an object, got text"}},
		"text three times": {"wf", strconv.Quote(strconv.Quote(`{"name": "x"}`)), []string{"want an object, got text"}},
		"mistakes in text": {"wf", strconv.Quote("nme: x\njobs:\n  - {name: A, task: x}\n  - {name: A}\nbudget: {per_job: five}\n"), []string{
			"input:1:1: nme: is not a field of a manifest", "name: is missing", "input:4:5: jobs[1]: has none of task", `"A" is given twice`, "input:5:19: budget.per_job: five",
		}},
		"beside a batch":  {"wf", `{"batch": "digest/2026-11-22", "jobs": []}`, []string{`can't stand beside "batch"`}},
		"a secret in it":  {"https://ada:hunter2@example.com/night.yaml", "", []string{"has a user or a password in its URL"}},
		"a URL of no use": {"gopher://h/night.yaml", "", []string{"names no file"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			var asked atomic.Int64
			provider := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				w.api.ServeHTTP(out, r)
			}))
			defer provider.Close()
			w.newHands(provider.URL)
			_, err := w.planAs(c.id, c.input)
			if kindOf(t, err) != batch.BadInput || !applicationError(t, err).NonRetryable() {
				t.Errorf("%v, want BadInput for good", err)
			}
			for _, s := range c.say {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q isn't said: %v", s, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the secret is repeated: %v", err)
			}
			if all, err := w.books.Batches(t.Context(), 10); err != nil || len(all) != 0 {
				t.Errorf("%d batches in the ledger, %v", len(all), err)
			}
			if n := asked.Load(); n != 0 {
				t.Errorf("the provider was asked %d times", n)
			}
		})
	}
}
