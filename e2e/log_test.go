package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/workflows"
)

// doubtful is a short night of six jobs, of which three lose their answers
// after they were billed. Its window closes soon: while it is open, nobody
// gives up looking for them.
func doubtful(t *testing.T, log func(*simulator.Options)) *house {
	t.Helper()
	return open(t, want{opens: -time.Minute, length: 105 * time.Second, sim: func(o *simulator.Options) {
		first := simulator.Attempts{From: 1, To: 1}
		o.Faults = []simulator.Rule{
			{Match: "Job 001", Kind: simulator.KindHang, AfterWork: true, Attempts: first},
			{Match: "Job 002", Kind: simulator.KindStatus, Status: 500, AfterWork: true, Attempts: first},
			{Match: "Job 003", Kind: simulator.KindReset, AfterWork: true, Attempts: first},
		}
		log(o)
	}})
}

var lostJobs = []string{"Job 001", "Job 002", "Job 003"}

// wantUnknown runs the night and wants it to fail its audit, which names the
// three, and nothing to have been sent twice.
func (h *house) wantUnknown(name, policy string) batch.ID {
	h.t.Helper()
	h.worker()
	d := h.starter("run", "--json", h.manifest(name, 6, policy))
	if d.code != batch.ExitAudit {
		h.t.Fatalf("exit %d, want %d\n%s\n%s", d.code, batch.ExitAudit, d.out, d.stderr)
	}
	r := d.result(h.t)
	if r.Jobs.Succeeded != 3 || r.Jobs.Unknown != 3 {
		h.t.Errorf("jobs: %+v", r.Jobs)
	}
	h.wantFinding(r, batch.OutcomesUnknown, lostJobs)
	h.wantReport(r, string(batch.OutcomesUnknown))
	h.wantSent(6)
	return r.Batch
}

// wantSent wants n requests to have been sent, each for a job of its own.
func (h *house) wantSent(n int) {
	h.t.Helper()
	books := h.books()
	if len(books.posts) != n || len(books.boughtTwice()) > 0 {
		h.t.Errorf("%d requests, want %d; bought twice: %v", len(books.posts), n, books.boughtTwice())
	}
}

// reconciled runs starter reconcile and wants it to send nothing.
func (h *house) reconciled(name string, code int) batch.Result {
	h.t.Helper()
	before := len(h.books().posts)
	d := h.starter("reconcile", "--json", name)
	if d.code != code {
		h.t.Fatalf("reconcile: exit %d, want %d\n%s\n%s", d.code, code, d.out, d.stderr)
	}
	if after := len(h.books().posts); after != before {
		h.t.Errorf("reconcile sent %d requests", after-before)
	}
	return d.result(h.t)
}

// wantClosed wants a reconciliation to find the three, at the provider's
// price, and another one to change nothing.
func (h *house) wantClosed(id batch.ID) {
	h.t.Helper()
	name := string(id.Name())
	r := h.reconciled(name, batch.ExitDone)
	if r.Jobs.Succeeded != 6 || r.Jobs.Unknown != 0 || !r.Audit.Passed || r.Money.Billed != h.books().billed {
		h.t.Errorf("after it: %+v; the provider billed %s", r, h.books().billed)
	}
	h.wantRecorded(id)
	h.wantFindable(id, workflows.StateDone)
	if again := h.reconciled(name, batch.ExitDone); again.Money != r.Money || again.Jobs != r.Jobs {
		h.t.Errorf("a second one says %+v, the first %+v", again, r)
	}
}

// wantFindable wants a batch's reconciliation to be found by its search
// attributes, as a night is.
func (h *house) wantFindable(id batch.ID, state string) {
	h.t.Helper()
	d, err := h.client.DescribeWorkflowExecution(h.t.Context(), batch.ReconcileInput{Batch: id}.WorkflowID(), "")
	if err != nil {
		h.t.Fatal(err)
	}
	has := d.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()
	for name, want := range map[string]string{workflows.AttrBatch: string(id), workflows.AttrNight: string(id.Night()), workflows.AttrState: state} {
		if got := string(has[name].GetData()); got != fmt.Sprintf("%q", want) {
			h.t.Errorf("%s is %s, want %q", name, got, want)
		}
	}
}

// TestALogThatIsDown: it is refused, cut short, no JSON, and at last an error
// behind a good status. Nothing in doubt is sent again, the audit names it, and
// when the log is back a reconciliation finds it.
func TestALogThatIsDown(t *testing.T) {
	t.Parallel()
	h := doubtful(t, func(o *simulator.Options) {
		down := func(r simulator.Rule) { r.Match, r.Endpoint = "*", swarms.PathLogs; o.Faults = append(o.Faults, r) }
		down(simulator.Rule{Kind: simulator.KindStatus, Status: 503, Times: 2})
		down(simulator.Rule{Kind: simulator.KindTruncate, Times: 2})
		down(simulator.Rule{Kind: simulator.KindBadJSON, Times: 2})
		down(simulator.Rule{Kind: simulator.KindStatus, Status: 200})
	})
	id := h.wantUnknown("log-down", "")
	broken := map[string]bool{}
	for a := range h.sim.Books().Arrivals() {
		if a.Path == swarms.PathLogs {
			broken[a.Fault] = true
		}
	}
	if len(broken) != 4 || broken[""] {
		t.Errorf("the log was broken in these ways: %v, want four", broken)
	}
	if r := h.reconciled("log-down", batch.ExitAudit); r.Jobs.Unknown != 3 {
		t.Errorf("while the log is down: %+v", r.Jobs)
	}
	if err := h.sim.SetFaults(); err != nil {
		t.Fatal(err)
	}
	h.wantClosed(id)
}

// TestALogAnHourLate: it can be read and is later than policy.log_lag grants
// it. Nothing testifies that it keeps up, and the credits say that something
// was billed: nothing in doubt is sent again, the audit names it, and an hour
// later a reconciliation finds it.
func TestALogAnHourLate(t *testing.T) {
	t.Parallel()
	clock := simulator.NewClock()
	h := doubtful(t, func(o *simulator.Options) {
		o.Clock = clock
		o.Switches.LogLag = simulator.Duration(time.Hour)
	})
	id := h.wantUnknown("log-late", "")
	if r := h.reconciled("log-late", batch.ExitAudit); r.Jobs.Unknown != 3 {
		t.Errorf("while the log is late: %+v", r.Jobs)
	}
	clock.Advance(time.Hour)
	h.wantClosed(id)
}

// TestALogThatNeverShows: not the jobs in doubt alone, under policy hold, or
// nothing at all, under verify. They stay unknown, whoever asks, and are named;
// nothing is sent again.
func TestALogThatNeverShows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, policy string
		log          func(*simulator.Options)
	}{
		{"ghosts", "policy: {request_timeout: 5s, log_lag: 1s, on_unknown: hold}\n", func(o *simulator.Options) {
			for _, job := range lostJobs {
				o.Faults = append(o.Faults, simulator.Rule{Match: job, Kind: simulator.KindGhost})
			}
		}},
		{"an-empty-log", "", func(o *simulator.Options) { o.Switches.LogDrop = simulator.Certain }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := doubtful(t, c.log)
			h.wantUnknown(c.name, c.policy)
			r := h.reconciled(c.name, batch.ExitAudit)
			i := slices.IndexFunc(r.Audit.Findings, func(f batch.Finding) bool { return f.Rule == batch.OutcomesUnknown })
			if r.Jobs.Unknown != 3 || i < 0 || fmt.Sprint(r.Audit.Findings[i].Jobs) != fmt.Sprint(lostJobs) {
				t.Errorf("after a reconciliation: %+v, %+v", r.Jobs, r.Audit)
			}
			h.wantSent(6)
		})
	}
}
