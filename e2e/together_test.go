package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// asked is what one client was told in the end.
type asked struct {
	door   string
	result batch.Result
	err    error
}

// TestTenClientsAtOnce: ten clients start the same night at the same moment,
// by every door there is. It is one batch, each job of it is sent once, and
// each client is told so: how the night ended, where it runs, or that it is
// claimed, and by whom.
func TestTenClientsAtOnce(t *testing.T) {
	t.Parallel()
	const jobs = 6
	h := open(t, want{opens: 12 * time.Second, server: []string{"--namespace", callers}})
	h.worker()
	served := h.serve()
	theirs := h.neighbour()
	path := h.manifest("together", jobs, "")
	input := h.inline(path)
	door := nightly.New(h.client, h.temporal.Address)
	if _, err := door.CreateSchedule(t.Context(), nightly.ScheduleRequest{Night: nightly.Request{Manifest: input}}); err != nil {
		t.Fatal(err)
	}

	doors := []struct {
		name    string
		clients int
		ask     func(i int) (batch.Result, error)
	}{
		{"HTTP", 2, func(int) (batch.Result, error) { return served.night(t.Context(), input) }},
		{"Go", 2, func(int) (batch.Result, error) {
			n, err := door.Start(t.Context(), nightly.Request{Manifest: input})
			if err != nil {
				return batch.Result{}, err
			}
			return n.Wait(t.Context())
		}},
		{"shell", 2, func(int) (batch.Result, error) { return told(h.starter("run", "--json", path)) }},
		{"Nexus", 2, func(i int) (r batch.Result, err error) {
			err = call(t, theirs, fmt.Sprintf("digest-%d", i), digest, input).Get(t.Context(), &r)
			return r, err
		}},
		{"schedule", 1, func(int) (batch.Result, error) {
			if err := door.TriggerSchedule(t.Context(), "together"); err != nil {
				return batch.Result{}, err
			}
			id := h.awaitWorkflow(func() string {
				s, err := door.Schedule(t.Context(), "together")
				if err != nil || len(s.Recent) == 0 {
					return ""
				}
				return s.Recent[0].WorkflowID
			})
			return h.firstResult(id), nil
		}},
		{"Temporal UI", 1, func(i int) (r batch.Result, err error) { // an id that a person typed
			o := client.StartWorkflowOptions{ID: fmt.Sprintf("typed-by-hand-%d", i), TaskQueue: workflows.TaskQueue}
			run, err := h.client.ExecuteWorkflow(t.Context(), o, workflows.NightlyBatchName, input)
			if err != nil {
				return r, err
			}
			err = run.Get(t.Context(), &r)
			return r, err
		}},
	}

	var (
		now  = make(chan struct{})
		all  = make([]asked, 10)
		n    int
		done sync.WaitGroup
	)
	for _, d := range doors {
		for i := range d.clients {
			told := &all[n]
			n++
			done.Go(func() {
				<-now
				told.door = d.name
				told.result, told.err = d.ask(i)
			})
		}
	}
	close(now)
	done.Wait()

	id := batch.ID("together/" + string(h.night()))
	ran := 0
	for _, a := range all {
		switch {
		case a.err == nil && a.result.Batch == id && a.result.Jobs.Succeeded == jobs && a.result.Audit.Passed:
			ran++
		case a.err == nil && a.result.Batch == id && a.result.State == workflows.StateElsewhere && a.result.Elsewhere != "":
		case a.err != nil && kindOf(a.err) == batch.NightClaimed && strings.Contains(a.err.Error(), string(id)):
		default:
			t.Errorf("%s was told %+v, %v", a.door, a.result, a.err)
		}
		t.Logf("%s: %s %s %v", a.door, a.result.State, a.result.Elsewhere, a.err)
	}
	if ran == 0 {
		t.Error("nobody was told how the night ended")
	}
	books := h.sim.Books()
	if n := books.Totals(); n.Executions != jobs || len(n.DoubleBilled) != 0 {
		t.Errorf("the provider's books: %+v, want %d runs", n, jobs)
	}
	if posts := len(h.books().posts); posts != jobs {
		t.Errorf("%d paid requests for %d jobs", posts, jobs)
	}
	report := h.starter("report", "--json", string(id))
	if r := report.result(t); report.code != 0 || r.Jobs.Succeeded != jobs || r.Money.Billed != books.Totals().Billed {
		t.Errorf("the report: exit %d, %+v\n%s", report.code, r, report.stderr)
	}
}

// told is what a command under --json was told: a result, or a fault.
func told(d done) (batch.Result, error) {
	var said struct {
		batch.Result
		Error *batch.Fault `json:"error"`
	}
	if err := json.Unmarshal([]byte(d.out), &said); err != nil {
		return said.Result, fmt.Errorf("exit %d, %w: %s%s", d.code, err, d.out, d.stderr)
	}
	if said.Error != nil {
		return said.Result, said.Error
	}
	return said.Result, nil
}

// kindOf is the kind of a fault, whether it came by our own client or as
// Temporal's error.
func kindOf(err error) batch.Kind {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return batch.Kind(app.Type())
	}
	return batch.KindOf(err)
}
