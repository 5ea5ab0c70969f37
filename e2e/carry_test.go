package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// TestWhatDidntFit: a rate limit leaves four of six jobs no time in a short
// window. The night ends at once, exit 3, and what is left waits for tomorrow
// by itself. It gives way to whoever runs the batch meanwhile: its manifest again,
// which meets the same limit, and, since tomorrow can't be had in a test, a
// person in a window that is open: without its manifest, with the same request
// ids, nothing twice.
func TestWhatDidntFit(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	w := h.worker("OFFPEAK_LIMITS=2/10m")
	long := h.window
	h.window = windowFrom(time.Now(), -time.Minute, 8*time.Minute)
	file := h.manifest("carried", 6, "")
	short := h.window
	d := h.starter("run", "--json", file)
	if d.code != batch.ExitIncomplete {
		t.Fatalf("exit %d, want %d\n%s\n%s", d.code, batch.ExitIncomplete, d.out, d.stderr)
	}
	r := d.result(t)
	if r.Jobs.Succeeded != 2 || r.Jobs.Parked != 4 || r.Carried == nil || r.Carried.Jobs != 4 || !r.Audit.Passed {
		t.Fatalf("%+v, carried %+v", r.Jobs, r.Carried)
	}
	h.history(r.Batch.WorkflowID(), "nightly-parked")
	next, err := short.Next(r.Span.Closes)
	if err != nil || !r.Carried.Begins.Equal(next.StartAt) {
		t.Errorf("it begins at %s, want %s, %v", r.Carried.Begins, next.StartAt, err)
	}

	// It is there, has the batch in hand, and waits; the report is the first
	// night's, and the manifest isn't run beside it.
	status := h.starter("status", string(r.Batch))
	for tries := 0; !strings.Contains(status.out, r.Carried.WorkflowID) || !strings.Contains(status.out, "begins"); tries++ {
		if tries == 100 {
			t.Fatalf("status: exit %d\n%s\n%s", status.code, status.out, status.stderr)
		}
		status = h.starter("status", string(r.Batch)) // a search shows a run a moment after it began
	}
	report := h.starter("report", string(r.Batch))
	if report.code != batch.ExitIncomplete || !strings.Contains(report.out, "4 parked: they run in the next night") || !strings.Contains(report.stderr, "the batch goes on: waiting") {
		t.Errorf("report: exit %d\n%s\n%s", report.code, report.out, report.stderr)
	}
	// Run again in the same night, it gives way: the manifest's run has the batch,
	// meets the same limit, and what it leaves over is carried on once more.
	waiting := h.client.GetWorkflow(t.Context(), r.Carried.WorkflowID, "")
	first := waiting.GetRunID()
	again := h.starter("run", "--json", file)
	if again.code != batch.ExitIncomplete {
		t.Fatalf("run again: exit %d\n%s\n%s", again.code, again.out, again.stderr)
	}
	if a := again.result(t); a.Batch != r.Batch || a.Jobs != r.Jobs || a.Carried == nil || a.Carried.WorkflowID != r.Carried.WorkflowID || !strings.HasSuffix(a.Report, "/report-2") {
		t.Errorf("run again: %+v, carried %+v", a, a.Carried)
	}
	h.wantGaveWay(r.Carried.WorkflowID, first, r.Batch.WorkflowID())
	h.wantSent(2)
	second := h.client.GetWorkflow(t.Context(), r.Carried.WorkflowID, "").GetRunID()
	if second == first {
		t.Error("what was left over again isn't carried on")
	}
	w.stop()
	h.worker() // without that limit
	input, err := json.Marshal(map[string]any{"batch": r.Batch, "window": map[string]any{
		"timezone": long.Zone, "open": long.Open, "close": long.Close, "start_at": long.StartAt, "finish_by": long.FinishBy, "buffer": "0s",
	}})
	if err != nil {
		t.Fatal(err)
	}
	run, err := h.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "by-hand", TaskQueue: workflows.TaskQueue}, workflows.NightlyBatchName, json.RawMessage(input))
	if err != nil {
		t.Fatal(err)
	}
	carry := r.Carried.WorkflowID
	r = batch.Result{}
	if err := run.Get(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	h.history("by-hand", "nightly-carried")
	h.wantGaveWay(carry, second, "by-hand")
	h.history(carry, "nightly-gave-way")
	if r.Jobs.Succeeded != 6 || r.Discount.Landed != 6 || !r.Audit.Passed || r.Carried != nil || !strings.HasSuffix(r.Report, "/report-3") {
		t.Errorf("by hand: %+v", r)
	}
	books := h.books()
	ids := map[string]bool{}
	for _, p := range books.posts {
		ids[p.RequestID] = true
	}
	if len(books.posts) != 6 || len(ids) != 6 || books.billed != r.Money.Billed {
		t.Errorf("%d requests for %d request ids, billed %s; the report says %s", len(books.posts), len(ids), books.billed, r.Money.Billed)
	}
}

// wantGaveWay wants a night that waited to carry a batch on to have ended well,
// and to name who has the batch.
func (h *house) wantGaveWay(id, run, to string) {
	h.t.Helper()
	var r batch.Result
	if err := h.client.GetWorkflow(h.t.Context(), id, run).Get(h.t.Context(), &r); err != nil {
		h.t.Errorf("the night that waited: %v", err)
	}
	if r.State != workflows.StateGaveWay || r.Elsewhere != to {
		h.t.Errorf("the night that waited ended %+v, want it to have left the batch to %s", r, to)
	}
}
