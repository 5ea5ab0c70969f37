package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
)

// altered builds a worker whose story begins with another timer: what a night
// of today's story can't go on with.
func altered(t *testing.T) string {
	t.Helper()
	source, err := filepath.Abs(filepath.Join("..", "workflows", "nightly.go"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	head := []byte("func NightlyBatch(ctx workflow.Context, input json.RawMessage) (batch.Result, error) {\n")
	if bytes.Count(text, head) != 1 {
		t.Fatalf("%s has no line %q", source, head)
	}
	dir := t.TempDir()
	other := filepath.Join(dir, "nightly.go")
	text = bytes.Replace(text, head, append(head, "\t_ = workflow.Sleep(ctx, 10_000_000)\n"...), 1)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{source: other}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{other: text, filepath.Join(dir, "overlay.json"): overlay} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(dir, "worker-altered")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, "../worker").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// TestADeployInMidNight: a worker whose story a running night can't go on with
// is deployed while that night is paused with jobs sent and jobs left. With a
// deployment the night ends on the build that it began on, and the next one
// runs on the new build. Without, the new worker can't go on with it, and an
// old one still can: nothing is lost, nothing is sent twice.
func TestADeployInMidNight(t *testing.T) {
	t.Parallel()
	next := altered(t)
	t.Run("with a deployment", func(t *testing.T) { t.Parallel(); deployed(t, next) })
	t.Run("without", func(t *testing.T) { t.Parallel(); replaced(t, next) })
}

// A night of so many jobs can't be over before somebody pauses it: its limit
// lets the last ones go 12 s after the first.
const (
	deployJobs  = 30
	deployLimit = "OFFPEAK_LIMITS=20/12s"
)

func deployed(t *testing.T, next string) {
	h := open(t, want{opens: -time.Minute})
	build := func(id string) []string {
		return []string{"OFFPEAK_DEPLOYMENT=house", "OFFPEAK_BUILD_ID=" + id, deployLimit}
	}
	promote := func(id string) {
		t.Helper()
		if d := h.starterEnv(build(""), "deploy", "promote", id); d.code != batch.ExitDone || !strings.Contains(d.out, "what begins now goes to build "+id) {
			t.Fatalf("exit %d\n%s%s", d.code, d.out, d.stderr)
		}
	}
	was := h.worker(build("was")...)
	was.await("no new night goes to it before: starter deploy promote was --name house")
	promote("was")

	first, follow := h.pausedNight("first")
	is := h.startAt(next, build("is"))
	is.await("worker ready")
	promote("is")
	d := h.deployment()
	if b, _ := d.Build("was"); d.Current != "is" || b.Nights != 1 || b.Others != 1 || b.Idle() || b.Stuck() {
		t.Errorf("in mid-night: %+v", d)
	}
	h.resumedNight(first, follow)
	h.wantOn(was, first.WorkflowID(), first.WorkflowID()+"/000000", h.telling(first))

	if d := h.starter("run", h.manifest("second", 3, "")); d.code != batch.ExitDone {
		t.Fatalf("exit %d\n%s\n%s", d.code, d.out, d.stderr)
	}
	second := h.batchID("second")
	h.wantOn(is, second.WorkflowID(), second.WorkflowID()+"/000000")

	h.awaitWorkflow(func() string { // Temporal's list is a moment behind
		if b, there := h.deployment().Build("was"); there && b.Idle() {
			return b.ID
		}
		return ""
	})
	if code := was.stop(); code != batch.ExitDone {
		t.Errorf("the old worker's exit code is %d", code)
	}
}

func replaced(t *testing.T, next string) {
	h := open(t, want{opens: -time.Minute})
	was := h.worker(deployLimit)
	id, follow := h.pausedNight("first")
	was.kill()
	is := h.startAt(next, []string{deployLimit})
	is.await("worker ready")
	resumed := make(chan done, 1)
	go func() { resumed <- h.starter("resume", string(id)) }() // which only an old worker can answer
	is.await("TMPRL1100")
	is.kill()
	h.worker(deployLimit)
	if d := <-resumed; d.code != batch.ExitDone {
		t.Logf("resume: exit %d\n%s%s", d.code, d.out, d.stderr)
	}
	h.resumedNight(id, follow)
}

// pausedNight starts a night and pauses it when some of its jobs are sent.
func (h *house) pausedNight(name string) (batch.ID, *proc) {
	h.t.Helper()
	follow := h.start("starter", nil, "run", "--json", h.manifest(name, deployJobs, ""))
	h.awaitPosts(5)
	id := h.batchID(name)
	if d := h.starter("pause", string(id), "--why", "a deploy"); d.code != batch.ExitDone {
		h.t.Fatalf("pause: exit %d\n%s%s", d.code, d.out, d.stderr)
	}
	if n := len(h.books().posts); n >= deployJobs {
		h.t.Fatalf("all %d jobs were sent before the pause: the test shows nothing", n)
	}
	return id, follow
}

// resumedNight has it go on, and wants it whole.
func (h *house) resumedNight(id batch.ID, follow *proc) {
	h.t.Helper()
	if d := h.starter("resume", string(id)); d.code != batch.ExitDone && !strings.Contains(d.stderr, "isn't paused") {
		h.t.Fatalf("resume: exit %d\n%s%s", d.code, d.out, d.stderr)
	}
	<-follow.ended
	h.wantWhole("first", deployJobs, follow.cmd.ProcessState.ExitCode(), follow)
}

// deployment is what starter deploy says.
func (h *house) deployment() nightly.Deployment {
	h.t.Helper()
	var d nightly.Deployment
	said := h.starter("deploy", "--json", "--name", "house")
	if err := json.Unmarshal([]byte(said.out), &d); err != nil || said.code != batch.ExitDone {
		h.t.Fatalf("%v: exit %d\n%s%s", err, said.code, said.out, said.stderr)
	}
	return d
}

// telling is the workflow that tells how a night ended: a detached child, as
// the night that carries one on is.
func (h *house) telling(id batch.ID) string {
	h.t.Helper()
	d, err := h.client.DescribeWorkflowExecution(h.t.Context(), id.WorkflowID(), "")
	if err != nil {
		h.t.Fatal(err)
	}
	return batch.AnnounceID(id.WorkflowID(), d.GetWorkflowExecutionInfo().GetExecution().GetRunId())
}

// wantOn wants every task of workflows done by one worker.
func (h *house) wantOn(p *proc, ids ...string) {
	h.t.Helper()
	who := fmt.Sprintf("%d@", p.cmd.Process.Pid)
	for _, id := range ids {
		tasks := 0
		for _, e := range h.events(id).Events {
			var by string
			switch e.GetEventType() {
			case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
				by = e.GetWorkflowTaskStartedEventAttributes().GetIdentity()
			case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
				by = e.GetActivityTaskStartedEventAttributes().GetIdentity()
			default:
				continue
			}
			if tasks++; !strings.HasPrefix(by, who) {
				h.t.Errorf("event %d of %s was done by %s, want %s", e.GetEventId(), id, by, who)
			}
		}
		if tasks == 0 {
			h.t.Errorf("%s has no task", id)
		}
	}
}
