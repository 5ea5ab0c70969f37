package activities_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
)

func (w *world) planAs(workflowID, input string) (batch.Plan, error) {
	return w.hands.PlanNight(w.Context(), batch.PlanRequest{Input: json.RawMessage(input), WorkflowID: workflowID, RunID: workflowID + "-run", Asked: w.clock.Now()})
}

func TestPlan(t *testing.T) {
	w := newWorld(t, nil)
	w.clock.at = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC) // 10:00 PST
	w.planned(manifest(3, ""))
	p := w.plan
	if p.Batch != "digest/2026-11-22" || p.Jobs != 3 || p.Pending != 3 || !p.Start.At.Equal(nine) {
		t.Errorf("%+v", p)
	}
	// Three runs of 6,000 and 3,000 tokens and two agents each.
	if p.Estimate != 3*67_250 || p.DayPrice != 3*114_500 || p.Ceiling <= p.DayPrice {
		t.Errorf("estimate %s, by day %s, at most %s", p.Estimate, p.DayPrice, p.Ceiling)
	}
	if p.Card.Source != "live" && !strings.HasPrefix(p.Card.Source, "live") {
		t.Errorf("card from %q", p.Card.Source)
	}
	if !p.Fit.Fits || p.Fit.Has != 8*time.Hour || len(p.Warnings) != 0 {
		t.Errorf("%+v, %q", p.Fit, p.Warnings)
	}
	b, err := w.books.Batch(t.Context(), p.Batch)
	if err != nil || !b.Sealed || b.Jobs != 3 || b.Estimate != p.Estimate {
		t.Errorf("%+v, %v", b, err)
	}
	ids := map[string]bool{}
	for seq := range 3 {
		ids[w.job(seq).RequestID] = true
	}
	if len(ids) != 3 {
		t.Errorf("request ids: %v", ids)
	}
	// Again, by a retry of the activity: the same jobs.
	w.planned(w.input)
	if !ids[w.job(2).RequestID] || w.plan.Jobs != 3 {
		t.Errorf("the second plan has other jobs")
	}
	w.discreet()
}

func TestPlanRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		input string
		kind  batch.Kind
		say   []string
	}{
		"bad fields": {`{"name": "digest", "jbos": [], "budget": {"batch": -1}}`, batch.BadInput, []string{"jbos", "budget.batch", "neither jobs nor jobs_from"}},
		"per job": {
			manifest(12, `"budget": {"per_job": 0.05},`), batch.OverBudget,
			[]string{"12 jobs can cost more than budget.per_job of $0.05", `"job-0" up to $`, `"job-9" up to $`, "and 2 more"},
		},
		"batch": {
			manifest(3, `"budget": {"per_job": 5, "batch": 0.20},`), batch.OverBudget,
			[]string{"3 jobs are expected to cost $0.20175 at night, budget.batch is $0.20"},
		},
		"too early": {
			`{"name": "digest", "jobs": [{"name": "a", "task": "x", "agents": [{"agent_name": "A"}], "needed_by": "2026-11-22T21:05:00-08:00"}]}`, batch.BadInput,
			[]string{`1 answer is needed before the night that begins at 2026-11-22 21:00 PST can give it`, "not work for the night", `"a" by 2026-11-22 21:05 PST`},
		},
		"no such file":     {`{"manifest": "file:///nowhere/night.yaml"}`, batch.NotFound, []string{"/nowhere/night.yaml", "the worker's machine"}},
		"relative jobs":    {`{"name": "digest", "jobs_from": "jobs.jsonl"}`, batch.BadInput, []string{`"jobs.jsonl" is relative`, "absolute path"}},
		"another store":    {`{"manifest": "gopher://h/night.yaml"}`, batch.BadInput, []string{"names no file"}},
		"window too short": {manifest(1, `"window": {"timezone": "UTC", "open": "20:00", "close": "20:10"},`), batch.BadInput, []string{"no night is long enough"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			_, err := w.planAs("wf", c.input)
			if kindOf(t, err) != c.kind || !applicationError(t, err).NonRetryable() {
				t.Errorf("%v, want %s for good", err, c.kind)
			}
			for _, s := range c.say {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q isn't said: %v", s, err)
				}
			}
			// Nothing was claimed.
			if all, err := w.books.Batches(t.Context(), 10); err != nil || len(all) != 0 {
				t.Errorf("%d batches in the ledger, %v", len(all), err)
			}
			w.discreet()
		})
	}
}

func TestPlanFromFiles(t *testing.T) {
	w := newWorld(t, nil)
	dir := t.TempDir()
	var lines bytes.Buffer
	for i := range 1203 {
		fmt.Fprintf(&lines, `{"name": "line %d", "task": "item %d", "priority": %d}`+"\n\n", i, i, i%2)
	}
	night := `
name: digest
defaults: {agents: [{agent_name: A, model_name: gpt-4o-mini, max_tokens: 64}], expect: {input_tokens: 100, output_tokens: 50}}
jobs_from: jobs.jsonl
`
	for name, text := range map[string]string{"night.yaml": night, "jobs.jsonl": lines.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.planned(`{"manifest": "file://` + filepath.Join(dir, "night.yaml") + `"}`)
	if w.plan.Jobs != 1203 || w.plan.Pending != 1203 {
		t.Fatalf("%d jobs, %d pending", w.plan.Jobs, w.plan.Pending)
	}
	if j := w.job(1202); j.Name != "line 1202" {
		t.Errorf("the last one is %q", j.Name)
	}
	pending, err := w.hands.PendingJobs(t.Context(), batch.Page{Batch: w.plan.Batch, From: 0, To: 500})
	if err != nil || len(pending) != 500 || pending[0] != 1 || pending[249] != 499 || pending[250] != 0 {
		t.Errorf("pending begins %v, %v; want those of priority 1 first", pending[:3], err)
	}
	// A bad line: all of it is said, and the plan of before stands.
	if err := os.WriteFile(filepath.Join(dir, "jobs.jsonl"), []byte(`{"name": "a"}`+"\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = w.planAs("nightly/digest/2026-11-22", w.input)
	if kindOf(t, err) != batch.BadInput || !strings.Contains(err.Error(), "jobs.jsonl:1") || !strings.Contains(err.Error(), "jobs.jsonl:2") {
		t.Errorf("%v", err)
	}
	w.discreet()
}

func TestNightIsClaimedOnce(t *testing.T) {
	w := newWorld(t, nil)
	runs, broken := true, false
	w.deps.Running = func(_ context.Context, workflowID, runID string) (bool, error) {
		if workflowID != "first" || runID != "first-run" {
			t.Errorf("asked for %s/%s", workflowID, runID)
		}
		if broken {
			return false, errors.New("connection refused")
		}
		return runs, nil
	}
	w.hands = activities.New(w.deps)
	if _, err := w.planAs("first", manifest(2, "")); err != nil {
		t.Fatal(err)
	}
	_, err := w.planAs("second", manifest(2, ""))
	if kindOf(t, err) != batch.NightClaimed || !strings.Contains(err.Error(), "first/first-run") {
		t.Errorf("%v", err)
	}
	// A schedule that finds it running has nothing to do, unless it is other work.
	scheduled := func(input string) (batch.Plan, error) {
		return w.hands.PlanNight(w.Context(), batch.PlanRequest{
			Input: json.RawMessage(input), WorkflowID: "scheduled", RunID: "r", Asked: w.clock.Now(), Scheduled: true,
		})
	}
	if p, err := scheduled(manifest(2, "")); err != nil || p.Elsewhere != "first" || p.Batch == "" || p.Jobs != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := scheduled(manifest(3, "")); kindOf(t, err) != batch.NightClaimed {
		t.Errorf("other work: %v", err)
	}
	broken = true
	if _, err = w.planAs("second", manifest(2, "")); kindOf(t, err) != batch.OutOfReach || applicationError(t, err).NonRetryable() {
		t.Errorf("%v, want to ask again", err)
	}
	broken, runs = false, false
	if _, err = w.planAs("second", manifest(2, "")); err != nil {
		t.Errorf("the first has ended: %v", err)
	}
	// Other work under the same name, the same night.
	if _, err = w.planAs("second", manifest(3, "")); kindOf(t, err) != batch.ManifestDiffers {
		t.Errorf("%v", err)
	}
	w.discreet()
}

// The same night from a changed manifest is refused, and the refusal names what
// differs, never what is in it.
func TestPlanNamesTheDifference(t *testing.T) {
	w := newWorld(t, nil)
	job := func(name, task string) string { return fmt.Sprintf(`{"name": %q, "task": %q}`, name, task) }
	night := func(jobs ...string) string {
		return `{"name": "digest", "defaults": {"agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 1024}]}, "jobs": [` +
			strings.Join(jobs, ",") + `]}`
	}
	eu, us, apac := job("EU", "CONFIDENTIAL-PROMPT 1"), job("US", "CONFIDENTIAL-PROMPT 2"), job("APAC", "CONFIDENTIAL-PROMPT 3")
	w.planned(night(eu, us, apac))
	before, err := w.books.Jobs(t.Context(), w.plan.Batch, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	many := []string{eu, us, apac}
	for i := range 12 {
		many = append(many, job(fmt.Sprintf("more %d", i), "x"))
	}
	for name, c := range map[string]struct {
		input string
		say   []string
		not   string
	}{
		"changed": {
			night(eu, strings.Replace(us, `"task"`, `"max_loops": 2, "task"`, 1), job("APAC", "CONFIDENTIAL-PROMPT changed")),
			[]string{`2 jobs changed: "US" (max_loops), "APAC" (task)`},
			"EU",
		},
		"added":     {night(eu, us, apac, job("LATAM", "x")), []string{`1 job added: "LATAM"`}, "APAC"},
		"many":      {night(many...), []string{`12 jobs added: "more 0", "more 1", "more 2", "more 3", "more 4" and 7 more`}, "more 5"},
		"removed":   {night(us), []string{`2 jobs missing: "EU", "APAC"`}, "US"},
		"renamed":   {night(eu, job("USA", "CONFIDENTIAL-PROMPT 2"), apac), []string{`1 job added: "USA"; 1 job missing: "US"`}, "EU"},
		"reordered": {night(us, eu, apac), []string{`1 job moved up or down: "EU"`}, "APAC"},
	} {
		_, err := w.planAs("nightly/digest/2026-11-22", c.input)
		if kindOf(t, err) != batch.ManifestDiffers || !applicationError(t, err).NonRetryable() {
			t.Errorf("%s: %v, want %s for good", name, err, batch.ManifestDiffers)
			continue
		}
		for _, s := range append(c.say, "digest/2026-11-22") {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q isn't said: %v", name, s, err)
			}
		}
		if strings.Contains(err.Error(), `"`+c.not+`"`) {
			t.Errorf("%s: %s is named and doesn't differ: %v", name, c.not, err)
		}
	}
	after, err := w.books.Jobs(t.Context(), w.plan.Batch, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, after); d != "" {
		t.Errorf("a refused manifest changed the books:\n%s", d)
	}
	// What was planned is planned again without a word.
	if _, err := w.planAs("nightly/digest/2026-11-22", night(eu, us, apac)); err != nil {
		t.Error(err)
	}
	w.discreet()
}

// More jobs than one chunk, from a file.
func TestPlanNamesTheDifferenceOfFiles(t *testing.T) {
	w := newWorld(t, nil)
	path := filepath.Join(t.TempDir(), "jobs.jsonl")
	write := func(change func(i int, line string) string) {
		var lines strings.Builder
		for i := range 1203 {
			lines.WriteString(change(i, fmt.Sprintf("{\"name\": \"line %d\", \"task\": \"item %d\"}\n", i, i)))
		}
		if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(func(_ int, line string) string { return line })
	w.planned(fmt.Sprintf(`{"name": "digest", "defaults": {"agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 64}]}, "jobs_from": %q}`, path))
	write(func(i int, line string) string {
		switch i {
		case 40, 1100:
			return ""
		case 777, 1202:
			return strings.Replace(line, "item", "thing", 1)
		}
		return line
	})
	_, err := w.planAs("nightly/digest/2026-11-22", w.input)
	const want = `2 jobs changed: "line 777" (task), "line 1202" (task); 2 jobs missing: "line 40", "line 1100"`
	if kindOf(t, err) != batch.ManifestDiffers || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

// A re-run sends what is left and nothing else.
func TestRerun(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(3, ""))
	w.send(1)
	if _, err := w.hands.AuditDiscount(t.Context(), batch.AuditRequest{Batch: w.plan.Batch, Span: w.plan.Start.Span, Stop: "stopped"}); err != nil {
		t.Fatal(err)
	}
	if s := w.job(0); s.State != batch.Parked || !strings.Contains(s.Why, "stopped") {
		t.Errorf("%+v", s)
	}
	w.planned(w.input)
	if w.plan.Jobs != 3 || w.plan.Pending != 2 || w.plan.Estimate != 2*67_250 || w.plan.DayPrice != 2*114_500 {
		t.Errorf("%+v", w.plan)
	}
	for seq := range 3 {
		if out, _ := w.send(seq); out.State != batch.Succeeded {
			t.Errorf("%+v", out)
		}
	}
	if n := len(w.posts()); n != 3 {
		t.Errorf("%d requests for 3 jobs", n)
	}
	result, err := w.audit()
	if err != nil || result.Jobs.Succeeded != 3 || !strings.HasSuffix(result.Report, "/report-2") {
		t.Errorf("%+v, %v", result, err)
	}
	w.honest()
}

func TestPlanWarns(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Accounts[0].Tier = simulator.TierFree })
	w.planned(`{"name": "digest", "budget": {"batch": 0.28}, "policy": {"mode": "batch"}, "jobs": [
		{"name": "a", "task": "x", "agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 2000}], "needed_by": "2026-11-23T04:00:00-08:00"},
		{"name": "b", "task": "x", "agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 2000}]},
		{"name": "c", "task": "x", "agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 2000}]},
		{"name": "d", "task": "x", "agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 2000}]}]}`)
	all := strings.Join(w.plan.Warnings, "\n")
	for _, want := range []string{"in the worst case", "4 jobs don't say what to expect", `1 answer is needed before the night ends`, "batch requests need the premium tier, this account's is free"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q isn't said:\n%s", want, all)
		}
	}
}

// The provider can't be asked: the built-in card, said so.
func TestPlanWithoutProvider(t *testing.T) {
	w := newWorld(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.newHands("http://" + l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	w.planned(manifest(1, ""))
	all := strings.Join(w.plan.Warnings, "\n")
	if w.plan.Estimate != 67_250 || !strings.Contains(all, "the rate card can't be read, prices are those of built-in") || !strings.Contains(all, "the rate limits can't be read") {
		t.Errorf("%s; %s", w.plan.Estimate, all)
	}
	w.discreet()
}

// With a refused key there is nothing to plan.
func TestPlanWithRefusedKey(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Accounts[0].Keys = []string{"another"} })
	_, err := w.planAs("wf", manifest(1, ""))
	if kindOf(t, err) != batch.KeyRefused || !applicationError(t, err).NonRetryable() {
		t.Errorf("%v", err)
	}
	w.discreet()
}
