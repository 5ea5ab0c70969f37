package nightly_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// TestNight follows a night from its start to its result, attaches to it in
// between, and sees what the shard under way has done.
func TestNight(t *testing.T) {
	release := make(chan struct{})
	holds.Store(batch.Name("held-night"), release)
	c := dial(t, "")
	m := open("held-night")
	first := start(t, c, m)
	if want := batch.NewID("held-night", night(t, m)); first.Batch != want || first.WorkflowID != "nightly/"+string(want) || first.Running {
		t.Fatalf("started %+v, want batch %s, not running before", first, want)
	}
	again := start(t, c, m)
	if !again.Running || again.RunID != first.RunID {
		t.Errorf("started twice: %+v is not attached to run %s", again, first.RunID)
	}
	v := until(t, first, func(v nightly.View) bool { return v.Progress.Jobs.Succeeded == 1 })
	if v.Closed || v.NoWorker || v.Progress.State != workflows.StateSending || v.Progress.Jobs.Total != 2 || v.Progress.Billed != 60*money.Cent {
		t.Errorf("with one job done: %+v", v)
	}
	if _, err := c.Report(t.Context(), first.Batch); batch.KindOf(err) != batch.Waiting {
		t.Errorf("report of a running night: %v, want kind Waiting", err)
	}
	// A door of its own finds it by batch id and waits for it.
	var seen []string
	watching := make(chan batch.Result, 1)
	go func() {
		n, err := c.Find(t.Context(), first.Batch)
		if err == nil {
			var r batch.Result
			r, err = n.Watch(t.Context(), 20*time.Millisecond, func(v nightly.View) {
				if len(seen) == 0 {
					close(release)
				}
				seen = append(seen, v.Progress.State)
			})
			watching <- r
		}
		if err != nil {
			t.Error(err)
			close(watching)
		}
	}()
	r := <-watching
	if !r.Audit.Passed || r.Money.Saved != 80*money.Cent {
		t.Errorf("watched until %+v", r)
	}
	if seen[0] != workflows.StateSending || seen[len(seen)-1] != workflows.StateDone {
		t.Errorf("watched %v, want sending first and done last", seen)
	}
	for _, ask := range []func() (batch.Result, error){
		func() (batch.Result, error) { return c.Report(t.Context(), first.Batch) },
		func() (batch.Result, error) { return c.Wait(t.Context(), first.Batch) },
	} {
		if got, err := ask(); err != nil || got.Batch != first.Batch || got.Jobs.Succeeded != 2 {
			t.Errorf("afterwards: %+v, %v", got, err)
		}
	}
	if p, err := c.Status(t.Context(), first.Batch); err != nil || p.State != workflows.StateDone || p.Billed != 120*money.Cent {
		t.Errorf("status afterwards: %+v, %v", p, err)
	}
	// The same night once more: a new run, which the ledger keeps from sending twice.
	if third := start(t, c, m); third.Running || third.RunID == first.RunID {
		t.Errorf("a night that is over was attached to: %+v", third)
	}
}

// TestFailures decodes how nights end badly.
func TestFailures(t *testing.T) {
	c := dial(t, "")
	t.Run("refused for money", func(t *testing.T) {
		n := start(t, c, open("refused-night"))
		r, err := n.Wait(t.Context())
		var f *batch.Fault
		if !errors.As(err, &f) || f.Kind != batch.CreditsTooLow || f.Hint != "buy credits" || f.Thing != string(n.Batch) || r.Batch != "" {
			t.Errorf("got %+v, %#v", r, err)
		}
		if v, err := n.Look(t.Context()); err != nil || !v.Closed || v.Progress.State != workflows.StateRefused || v.Fault.Kind != batch.CreditsTooLow {
			t.Errorf("look: %+v, %v", v, err)
		}
	})
	t.Run("audit failed", func(t *testing.T) {
		n := start(t, c, open("missed-night"))
		r, err := n.Wait(t.Context())
		if batch.KindOf(err) != batch.DiscountMissed || r.Batch != n.Batch || len(r.Audit.Findings) != 1 || r.ExitCode() != batch.ExitAudit {
			t.Errorf("got %+v, %v", r, err)
		}
		if r, err := c.Report(t.Context(), n.Batch); batch.KindOf(err) != batch.DiscountMissed || r.Batch != n.Batch {
			t.Errorf("report: %+v, %v", r, err)
		}
	})
	t.Run("cancelled before it began", func(t *testing.T) {
		n := start(t, c, shut("shut-night"))
		v := until(t, n, func(v nightly.View) bool { return v.Progress.State == workflows.StateWaiting })
		if !v.Progress.Waiting.Equal(n.Start.At) {
			t.Errorf("waits for %s, want %s", v.Progress.Waiting, n.Start.At)
		}
		other := raw(t)
		if err := other.CancelWorkflow(t.Context(), n.WorkflowID, n.RunID); err != nil {
			t.Fatal(err)
		}
		if r, err := n.Wait(t.Context()); err != nil || r.Jobs.Cancelled != 1 || r.ExitCode() != batch.ExitIncomplete {
			t.Errorf("a cancelled night that was judged: %+v, %v", r, err)
		}
	})
	t.Run("terminated", func(t *testing.T) {
		n := start(t, c, shut("terminated-night"))
		if err := raw(t).TerminateWorkflow(t.Context(), n.WorkflowID, n.RunID, "test"); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Wait(t.Context()); batch.KindOf(err) != batch.Cancelling || !strings.Contains(err.Error(), "terminated") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("bad input", func(t *testing.T) {
		for name, r := range map[string]nightly.Request{
			"nothing":        {},
			"both":           {Manifest: open("a"), Ref: "file:///x", Name: "a"},
			"a name missing": {Ref: "file:///x"},
			"a bad manifest": {Manifest: []byte(`{"name":"a","jobs":[]}`)},
			"no JSON":        {Manifest: []byte(`{`)},
		} {
			if _, err := c.Start(t.Context(), r); batch.KindOf(err) != batch.BadInput {
				t.Errorf("%s: %v, want kind BadInput", name, err)
			}
		}
	})
}

// TestFind finds nights that other doors started under ids of their own.
func TestFind(t *testing.T) {
	c := dial(t, "")
	m := shut("elsewhere")
	id := batch.NewID("elsewhere", night(t, m))
	if _, err := c.Find(t.Context(), id); batch.KindOf(err) != batch.NotFound {
		t.Errorf("before it runs: %v, want kind NotFound", err)
	}
	if _, err := c.Latest(t.Context(), "elsewhere"); batch.KindOf(err) != batch.NotFound {
		t.Errorf("before it runs: %v, want kind NotFound", err)
	}
	run, err := raw(t).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "by-hand", TaskQueue: workflows.TaskQueue}, workflows.NightlyBatchName, m)
	if err != nil {
		t.Fatal(err)
	}
	find := func(ask func() (nightly.Night, error)) nightly.Night {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			n, err := ask()
			if err == nil {
				return n
			}
			if batch.KindOf(err) != batch.NotFound {
				t.Fatal(err)
			}
			<-tick.C // visibility follows the history after a moment
		}
	}
	n := find(func() (nightly.Night, error) { return c.Find(t.Context(), id) })
	if n.WorkflowID != "by-hand" || n.RunID != run.GetRunID() || n.Batch != id {
		t.Errorf("found %+v", n)
	}
	if n := find(func() (nightly.Night, error) { return c.Latest(t.Context(), "elsewhere") }); n.WorkflowID != "by-hand" || n.Batch != id {
		t.Errorf("the latest is %+v", n)
	}
	for _, bad := range []batch.ID{"elsewhere", "x'y/2026-11-22", "elsewhere/tonight"} {
		if _, err := c.Find(t.Context(), bad); batch.KindOf(err) != batch.BadInput {
			t.Errorf("find %q: %v, want kind BadInput", bad, err)
		}
	}
	if _, err := c.Latest(t.Context(), "x' OR 'a' = 'a"); batch.KindOf(err) != batch.BadInput {
		t.Errorf("a name with a quote: %v, want kind BadInput", err)
	}
}

// TestFindPassesOver runs that never were the night: another one had it.
func TestFindPassesOver(t *testing.T) {
	c := dial(t, "")
	m := open("taken-night")
	id := batch.NewID("taken-night", night(t, m))
	run := func(workflowID string) error {
		r, err := raw(t).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflowID, TaskQueue: workflows.TaskQueue}, workflows.NightlyBatchName, m)
		if err != nil {
			t.Fatal(err)
		}
		return r.Get(t.Context(), nil)
	}
	if err := run("took-it"); err != nil {
		t.Fatal(err)
	}
	if err := run(id.WorkflowID()); err == nil {
		t.Fatal("the night was had twice")
	}
	// Visibility follows the history after a moment; nobody else knows the run by
	// the batch's id.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := c.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if n.WorkflowID == "took-it" {
			break
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("found %+v, never the run that had the night", n)
		}
	}
	if r, err := c.Report(t.Context(), id); err != nil || r.Jobs.Succeeded != 2 {
		t.Errorf("the report: %+v, %v", r, err)
	}
	if n, err := c.Latest(t.Context(), "taken-night"); err != nil || n.WorkflowID != "took-it" || n.Batch != id {
		t.Errorf("the latest: %+v, %v", n, err)
	}
}

// TestNoWorker says that a night stands still because nobody works on it.
func TestNoWorker(t *testing.T) {
	c := dial(t, lonely)
	n := start(t, c, open("lonely-night"))
	v, err := n.Look(t.Context())
	if err != nil || !v.NoWorker || v.Closed || v.Progress.State != workflows.StatePlanning || v.Progress.Batch != n.Batch {
		t.Errorf("look: %+v, %v", v, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = n.Watch(ctx, time.Hour, func(v nightly.View) {
		if !v.NoWorker {
			t.Errorf("watched %+v", v)
		}
		cancel()
	})
	if batch.KindOf(err) != batch.Cancelling {
		t.Errorf("an interrupted watch: %v, want kind Cancelling", err)
	}
	// Our search attributes aren't needed to find what a door of ours started;
	// here no run has ever set them.
	if found, err := c.Find(t.Context(), n.Batch); err != nil || found.RunID != n.RunID {
		t.Errorf("find: %+v, %v", found, err)
	}
}

// TestOutOfReach names the address and says what to do.
func TestOutOfReach(t *testing.T) {
	_, err := nightly.Dial(t.Context(), client.Options{HostPort: "127.0.0.1:1"})
	var f *batch.Fault
	if !errors.As(err, &f) || f.Kind != batch.OutOfReach || !strings.Contains(f.Detail, "127.0.0.1:1") || f.Hint == "" {
		t.Errorf("got %#v", err)
	}
	c, err := nightly.Dial(t.Context(), client.Options{HostPort: temporalAt, Namespace: "nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Start(t.Context(), nightly.Request{Manifest: open("a")}); batch.KindOf(err) != batch.NotFound || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a namespace that isn't there: %v", err)
	}
}

// TestWatchThroughCrash kills the server in mid-night; who watches sees the
// night's end all the same.
func TestWatchThroughCrash(t *testing.T) {
	s := devserver.ForTest(t, devserver.Options{DBFile: filepath.Join(t.TempDir(), "temporal.db"), Attributes: attributes})
	stop, err := work(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	c, err := nightly.Dial(t.Context(), client.Options{HostPort: s.Address})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	release := make(chan struct{})
	holds.Store(batch.Name("held-crash"), release)
	n := start(t, c, open("held-crash"))
	crashed := false
	r, err := n.Watch(t.Context(), 50*time.Millisecond, func(v nightly.View) {
		if crashed || v.Progress.Jobs.Succeeded != 1 {
			return
		}
		crashed = true
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Error(err)
		}
		close(release)
	})
	if err != nil || !crashed || r.Batch != n.Batch {
		t.Errorf("crashed %v, then %+v, %v", crashed, r, err)
	}
}

func raw(t *testing.T) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: temporalAt})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
