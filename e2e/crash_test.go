package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
)

// slowly makes each run long enough to be interrupted.
func slowly(o *simulator.Options) {
	o.Latency = simulator.Latency{Kind: "fixed", Low: 300 * time.Millisecond}
}

// TestAKilledWorker: SIGKILL in mid-night. What was in flight is looked up in
// the provider's log, what wasn't sent is sent, nothing is bought twice.
func TestAKilledWorker(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, sim: slowly})
	first := h.worker()
	follow := h.start("starter", nil, "run", "--json", h.manifest("killed", 400, ""))
	h.awaitPosts(60)
	first.kill()
	h.worker()
	<-follow.ended
	h.wantWhole("killed", 400, follow.cmd.ProcessState.ExitCode(), follow)
}

// TestAStoppedWorker: SIGTERM drains: what is in flight is answered and
// settled, nothing is left unknown.
func TestAStoppedWorker(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, sim: slowly})
	first := h.worker()
	follow := h.start("starter", nil, "run", "--json", h.manifest("stopped", 400, ""))
	h.awaitPosts(60)
	if code := first.stop(); code != 0 {
		t.Errorf("the stopped worker's exit code is %d\n%s", code, tail(first.text(), 20))
	}
	for _, p := range h.books().posts {
		if !p.Executed || p.Status != 200 {
			t.Errorf("%s was cut off by the stop: status %d", p.Name, p.Status)
		}
	}
	h.worker()
	<-follow.ended
	h.wantWhole("stopped", 400, follow.cmd.ProcessState.ExitCode(), follow)
}

// TestAKilledTemporal: the server dies in mid-night and comes back on its
// file. The night goes on and ends once.
func TestAKilledTemporal(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, sim: slowly, file: true})
	h.worker()
	path := h.manifest("server-killed", 400, "")
	if d := h.starter("start", "--json", path); d.code != 0 {
		t.Fatalf("start: exit %d\n%s\n%s", d.code, d.out, d.stderr)
	}
	h.awaitPosts(60)
	if err := h.temporal.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := h.temporal.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	follow := h.start("starter", nil, "run", "--json", path)
	<-follow.ended
	h.wantWhole("server-killed", 400, follow.cmd.ProcessState.ExitCode(), follow)
}

// awaitPosts waits until the provider has seen n paid requests.
func (h *house) awaitPosts(n int) {
	h.t.Helper()
	h.awaitWorkflow(func() string {
		if len(h.books().posts) >= n {
			return "enough"
		}
		return ""
	})
}

// wantWhole compares the night with the provider's own books.
func (h *house) wantWhole(name string, jobs, code int, follow *proc) {
	h.t.Helper()
	if code != batch.ExitDone {
		h.t.Fatalf("exit %d\n%s", code, tail(follow.text(), 40))
	}
	books := h.books()
	if twice := books.boughtTwice(); len(twice) > 0 {
		h.t.Errorf("%d jobs were bought twice: %s", len(twice), strings.Join(twice, ", "))
	}
	ran := map[string]bool{}
	for _, p := range books.posts {
		if p.Executed {
			ran[p.RequestID] = true
		}
	}
	if len(ran) != jobs {
		h.t.Errorf("%d jobs ran, want %d", len(ran), jobs)
	}
	d := h.starter("report", "--json", name)
	r := d.result(h.t)
	if r.Jobs.Succeeded != jobs || r.Money.Billed != books.billed || !r.Audit.Passed {
		h.t.Errorf("report: %+v; the provider billed %s", r, books.billed)
	}
}

// TestATerminatedNight: somebody terminates the workflow in mid-night and runs
// it again at once, while the shard of the first run still drains.
func TestATerminatedNight(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, sim: slowly})
	h.worker()
	path := h.manifest("terminated", 400, "")
	if d := h.starter("start", path); d.code != 0 {
		t.Fatalf("start: exit %d\n%s", d.code, d.stderr)
	}
	h.awaitPosts(60)
	if err := h.client.TerminateWorkflow(t.Context(), "nightly/terminated/"+string(h.night()), "", "by hand"); err != nil {
		t.Fatal(err)
	}
	follow := h.start("starter", nil, "run", "--json", path)
	<-follow.ended
	h.wantWhole("terminated", 400, follow.cmd.ProcessState.ExitCode(), follow)
}
