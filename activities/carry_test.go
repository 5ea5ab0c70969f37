package activities_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
)

// alone has every other run count as ended.
func (w *world) alone() *world {
	w.deps.Running = func(context.Context, string, string) (bool, error) { return false, nil }
	w.hands = activities.New(w.deps)
	return w
}

// carry plans the night that the last result names, as the story does.
func (w *world) carry(c *batch.Carry) batch.Plan {
	w.Helper()
	if c == nil || c.WorkflowID == "" {
		w.Fatalf("nothing is carried over: %+v", c)
	}
	before, err := w.books.Batch(w.Context(), w.plan.Batch)
	if err != nil {
		w.Fatal(err)
	}
	input, err := json.Marshal(batch.GoOn{Batch: w.plan.Batch, After: w.plan.Start.Span.Closes})
	if err != nil {
		w.Fatal(err)
	}
	plan, err := w.hands.PlanNight(w.Context(), batch.PlanRequest{
		Input: input, WorkflowID: c.WorkflowID, RunID: c.WorkflowID + "-run", Asked: w.clock.Now(),
		Parent: batch.Run{WorkflowID: before.Owner.WorkflowID, RunID: before.Owner.RunID},
	})
	if err != nil {
		w.Fatal(err)
	}
	w.plan = plan
	return plan
}

// ends is audit by whichever run has the night in hand.
func (w *world) ends() (batch.Result, error) {
	w.Helper()
	b, err := w.books.Batch(w.Context(), w.plan.Batch)
	if err != nil {
		w.Fatal(err)
	}
	books, err := w.hands.Reconcile(w.Context(), batch.ReconcileRequest{
		Batch: b.ID, Span: w.plan.Start.Span, WorkflowID: b.Owner.WorkflowID, RunID: b.Owner.RunID,
	})
	if err != nil {
		w.Fatal(err)
	}
	return w.hands.AuditDiscount(w.Context(), batch.AuditRequest{Batch: b.ID, Span: w.plan.Start.Span, Books: &books})
}

func (w *world) at(t time.Time) {
	w.clock.mu.Lock()
	defer w.clock.mu.Unlock()
	w.clock.at = t
}

// What a night parked is planned from the books: the manifest is gone, and
// every job keeps its request id. What succeeded and what was rejected isn't
// sent again, what is unknown is only looked for, and the second report judges
// the whole batch.
func TestGoOnFromTheBooks(t *testing.T) {
	w := newWorld(t, nil)
	path := filepath.Join(t.TempDir(), "night.json")
	if err := os.WriteFile(path, []byte(manifest(6, `"window": {"weekdays": ["sun", "tue"]},`)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.faults(simulator.Rule{Match: "job-1", Kind: simulator.KindStatus, Status: 422})
	w.planned(fmt.Sprintf(`{"manifest": "file://%s"}`, path))
	first := w.plan
	ids := map[string]string{}
	for seq := range 6 {
		ids[w.job(seq).Name] = w.job(seq).RequestID
	}
	for seq := range 3 {
		w.send(seq)
	}
	w.at(first.Start.Span.Deadline.Add(-time.Minute)) // too late for a request of ten minutes
	for seq := 3; seq < 6; seq++ {
		if out, _ := w.send(seq); out.State != batch.Parked {
			t.Errorf("%+v", out)
		}
	}
	result, err := w.ends()
	if err != nil {
		t.Fatal(err)
	}
	c := result.Carried
	if result.Jobs.Parked != 3 || c == nil || c.Jobs != 3 || c.WorkflowID != "nightly/digest/2026-11-22/carry/2026-11-24" ||
		!c.Begins.Equal(time.Date(2026, 11, 25, 5, 0, 0, 0, time.UTC)) {
		t.Fatalf("%+v, carried %+v", result.Jobs, c)
	}
	text := strings.Join(strings.Fields(w.report("report.txt")), " ")
	if !strings.Contains(text, "3 parked: they run in the next night, from 2026-11-24 21:00") {
		t.Errorf("the report doesn't say what becomes of them:\n%s", text)
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	posts := len(w.posts())
	plan := w.carry(c)
	if plan.Batch != first.Batch || plan.Jobs != 6 || plan.Pending != 3 || !plan.Carried || !plan.Start.At.Equal(c.Begins) ||
		plan.Estimate != 3*67_250 || plan.DayPrice != 3*114_500 || plan.Policy.RequestTimeout != first.Policy.RequestTimeout {
		t.Errorf("%+v", plan)
	}
	w.at(plan.Start.At)
	for seq := range 6 {
		w.send(seq)
		if j := w.job(seq); j.RequestID != ids[j.Name] {
			t.Errorf("%s has another request id", j.Name)
		}
	}
	if n := len(w.posts()) - posts; n != 3 {
		t.Errorf("%d requests in the second night, want 3", n)
	}
	result, err = w.ends()
	if err != nil || result.Jobs.Succeeded != 5 || result.Jobs.Rejected != 1 || result.Night != "2026-11-24" || result.Carried != nil || !strings.HasSuffix(result.Report, "/report-2") {
		t.Errorf("%+v, %v", result, err)
	}
	w.honest()
}

// report is a file of the archive.
func (w *world) report(name string) string {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "archive", "digest", "2026-11-22", name))
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

// By hand, with another window, and what is refused.
func TestGoOnByHand(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(2, `"policy": {"carry_over": false},`))
	if _, err := w.planAs("by hand", `{"batch": "digest/2026-11-22"}`); kindOf(t, err) != batch.NightClaimed {
		t.Errorf("%v, want the night to be its owner's", err)
	}
	w.alone()
	w.send(0)
	w.at(w.plan.Start.Span.Deadline)
	w.send(1)
	result, err := w.ends()
	if err != nil || result.Carried == nil || result.Carried.WorkflowID != "" || !strings.Contains(result.Carried.Not, "carry_over") {
		t.Fatalf("%+v, %v", result.Carried, err)
	}
	if text := result.Carried.Text(result.Batch, time.UTC); !strings.Contains(text, `1 parked, and they don't run by themselves`) || !strings.Contains(text, `{"batch": "digest/2026-11-22"}`) {
		t.Error(text)
	}
	for input, say := range map[string]string{
		`{"batch": "digest"}`:                                     "not a batch id",
		`{"batch": "digest/2026-11-22", "jobs": []}`:              `can't stand beside "batch"`,
		`{"batch": "digest/2026-11-22", "after": "tomorrow"}`:     "not an instant",
		`{"batch": "digest/2026-11-22", "manifest": "file:///x"}`: `can't stand beside "manifest"`,
	} {
		if _, err := w.planAs("by hand", input); kindOf(t, err) != batch.BadInput || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", input, err)
		}
	}
	if _, err := w.planAs("by hand", `{"batch": "nobody/2026-11-22"}`); kindOf(t, err) != batch.NotFound {
		t.Errorf("%v", err)
	}
	// Now, in a window that is open now.
	plan, err := w.planAs("by hand", `{"batch": "digest/2026-11-22", "window": {"timezone": "UTC", "open": "12:00", "close": "20:00"}}`)
	if err != nil || plan.Pending != 1 || plan.Window.Zone != "UTC" || !strings.Contains(plan.Start.Reason, "starts at") {
		t.Fatalf("%+v, %v", plan, err)
	}
	again, err := w.planAs("by hand", `{"batch": "digest/2026-11-22"}`)
	if err != nil || again.Window.Zone != "UTC" {
		t.Errorf("the books don't keep the window that was given: %+v, %v", again.Window, err)
	}
}

// A person runs the manifest while its rest is being sent: it has begun, and
// doesn't give way. While it only waits it does, and what it would have sent is
// sent now, each job once; what is left over is carried on again.
func TestACarryHoldsTheNight(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(2, ""))
	w.send(0)
	w.at(w.plan.Start.Span.Deadline)
	w.send(1)
	result, err := w.ends()
	if err != nil {
		t.Fatal(err)
	}
	w.carry(result.Carried)
	waits, asked := false, []string{}
	w.deps.Running = func(context.Context, string, string) (bool, error) { return true, nil }
	w.deps.GiveWay = func(_ context.Context, workflowID, runID, by string) (bool, error) {
		asked = append(asked, workflowID+" "+runID+" for "+by)
		return waits, nil
	}
	w.hands = activities.New(w.deps)
	w.at(nine.Add(time.Hour))
	_, err = w.planAs("nightly/digest/2026-11-22", w.input)
	if kindOf(t, err) != batch.NightClaimed || !strings.Contains(err.Error(), "nightly/digest/2026-11-22/carry/2026-11-23") || !strings.Contains(err.Error(), "starter status digest/2026-11-22") {
		t.Errorf("%v", err)
	}
	waits = true
	plan, err := w.planAs("nightly/digest/2026-11-22", w.input)
	if err != nil || plan.Pending != 1 || plan.Jobs != 2 {
		t.Fatalf("%+v, %v", plan, err)
	}
	carry := "nightly/digest/2026-11-22/carry/2026-11-23"
	if want := carry + " " + carry + "-run for nightly/digest/2026-11-22"; len(asked) != 2 || asked[1] != want {
		t.Errorf("asked %q, want %q", asked, want)
	}
	w.plan = plan
	for seq := range 2 {
		if out, _ := w.send(seq); out.State != batch.Succeeded {
			t.Errorf("%+v", out)
		}
	}
	if n := len(w.posts()); n != 2 {
		t.Errorf("%d requests for two jobs", n)
	}
	w.honest()
}

// What only a person can mend isn't carried over, and the result says why.
func TestWhatIsNotCarried(t *testing.T) {
	for name, c := range map[string]struct {
		do  func(w *world, in *batch.AuditRequest)
		say string
	}{
		"cancelled": {func(_ *world, in *batch.AuditRequest) { in.Cancelled = true }, "cancelled"},
		"stopped": {func(w *world, _ *batch.AuditRequest) {
			if err := w.books.StopBatch(w.Context(), w.plan.Batch, "the key was refused"); err != nil {
				w.Fatal(err)
			}
		}, "the key was refused"},
		"paused": {func(w *world, _ *batch.AuditRequest) {
			if _, err := w.books.Pause(w.Context(), w.plan.Batch, "ada", "wait"); err != nil {
				w.Fatal(err)
			}
		}, "paused by ada"},
		"reconciled again": {func(_ *world, in *batch.AuditRequest) { in.Again = true }, "reconciliation"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil).planned(manifest(2, ""))
			w.send(0)
			w.at(w.plan.Start.Span.Deadline)
			w.send(1)
			in := batch.AuditRequest{Batch: w.plan.Batch, Span: w.plan.Start.Span}
			c.do(w, &in)
			r, err := w.hands.AuditDiscount(t.Context(), in)
			if err != nil || r.Jobs.Parked != 1 || r.Carried == nil || r.Carried.WorkflowID != "" || !strings.Contains(r.Carried.Not, c.say) {
				t.Errorf("%+v, carried %+v, %v", r.Jobs, r.Carried, err)
			}
		})
	}
	t.Run("no night price", func(t *testing.T) {
		w := newWorld(t, func(o *simulator.Options) { o.Switches.Discount = "off" }).planned(manifest(2, ""))
		w.send(0)
		w.at(w.plan.Start.Span.Deadline)
		w.send(1)
		_, err := w.ends()
		var (
			f batch.Fault
			r batch.Result
		)
		if e := applicationError(t, err); e.Details(&f, &r) != nil || r.Carried == nil || !strings.Contains(r.Carried.Not, "night price") {
			t.Errorf("%v, %+v", err, r.Carried)
		}
	})
}

// A week of nights that don't get to it is enough.
func TestCarriesAreBounded(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(2, ""))
	w.send(0)
	var nights []tariff.Night
	for {
		w.at(w.plan.Start.Span.Deadline)
		w.send(1)
		r, err := w.ends()
		if err != nil || r.Carried == nil || r.Jobs.Parked != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		if r.Carried.WorkflowID == "" {
			if !strings.Contains(r.Carried.Not, "carried for 7 days") {
				t.Error(r.Carried.Not)
			}
			break
		}
		nights = append(nights, w.carry(r.Carried).Start.Span.Night)
	}
	if len(nights) != batch.MaxCarries || nights[0] != "2026-11-23" || nights[6] != "2026-11-29" {
		t.Errorf("carried through %v", nights)
	}
	w.honest()
}
