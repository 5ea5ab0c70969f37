package nightly_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/workflows"
)

// The tests run the real story on a real server, once for the package. Only
// the hands are short: they read the manifest and answer.
var temporalAt string

var attributes = map[string]string{workflows.AttrBatch: "Keyword", workflows.AttrNight: "Keyword", workflows.AttrState: "Keyword"}

// lonely is a namespace in which no worker is.
const lonely = "lonely"

func TestMain(m *testing.M) {
	os.Exit(func() int {
		s, err := devserver.Start(context.Background(), devserver.Options{
			Attributes: attributes,
			Args:       []string{"--namespace", lonely},
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = s.Kill() }()
		temporalAt = s.Address
		w, err := work(s.Address)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer w()
		return m.Run()
	}())
}

// work starts a worker for both task queues and returns how to stop it.
func work(address string) (func(), error) {
	c, err := client.Dial(client.Options{HostPort: address})
	if err != nil {
		return nil, err
	}
	var stops []func()
	for _, queue := range []string{workflows.TaskQueue, workflows.SendsTaskQueue} {
		w := worker.New(c, queue, worker.Options{})
		w.RegisterWorkflowWithOptions(workflows.NightlyBatch, workflow.RegisterOptions{Name: workflows.NightlyBatchName})
		w.RegisterWorkflowWithOptions(workflows.NightlyShard, workflow.RegisterOptions{Name: workflows.NightlyShardName})
		w.RegisterWorkflowWithOptions(workflows.ReconcileBatch, workflow.RegisterOptions{Name: workflows.ReconcileBatchName})
		w.RegisterWorkflowWithOptions(workflows.ReconcileNight, workflow.RegisterOptions{Name: workflows.ReconcileNightName})
		w.RegisterWorkflowWithOptions(workflows.Announce, workflow.RegisterOptions{Name: workflows.AnnounceName})
		for name, hand := range map[string]any{
			workflows.RaiseAlertsName: func(context.Context, batch.RaiseRequest) (batch.Raised, error) { return batch.Raised{}, nil },
			workflows.PlanNightName:   plan, workflows.CheckCreditsName: credits, workflows.PendingJobsName: pending,
			workflows.SubmitSwarmName: submit, workflows.SubmitLaneName: submitLane, workflows.AuditDiscountName: audit,
			workflows.SteerNightName: steer, workflows.ReconcileName: reconcile, workflows.NightBatchesName: nightBatches,
		} {
			w.RegisterActivityWithOptions(hand, activity.RegisterOptions{Name: name})
		}
		if err := w.Start(); err != nil {
			return nil, err
		}
		stops = append(stops, w.Stop)
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
		c.Close()
	}, nil
}

// quicker has the workflow and run that a batch's night belongs to already;
// "claimed-first" can't be searched for, as a run can't in its first moments.
var quicker sync.Map

// The batch's name tells the hands what to do: "refused-...", "missed-...",
// "parked-..." (the second job is left to the next night), "held-..." (the second job waits for release), "unsettled-..." (unknown until
// it is reconciled), "elsewhere-..." (a schedule finds it running), "claimed-..." (its night still runs).
func plan(_ context.Context, in batch.PlanRequest) (batch.Plan, error) {
	if ref, ok, _ := manifest.Ref(in.Input); ok { // what is left over, in the next night
		w := tariff.SwarmsWindow()
		s, err := w.Next(time.Now().Add(12 * time.Hour))
		return batch.Plan{
			Batch: ref.Batch, Window: w, Start: tariff.Start{Span: s, At: s.StartAt, Reason: "left over"}, Carried: true,
			Jobs: 2, Pending: 1, Policy: batch.Policy{RequestTimeout: time.Minute}, ShardSize: 10, Shards: 1, InFlight: 1, Attributes: true,
		}, err
	}
	m, err := manifest.Read("manifest", in.Input)
	if err != nil {
		return batch.Plan{}, err
	}
	if strings.HasPrefix(string(m.Name), "taken") && in.WorkflowID != "took-it" {
		f := batch.Fault{Kind: batch.NightClaimed, Op: "claim took-it", Thing: string(m.Name), Detail: "it belongs to this workflow"}
		return batch.Plan{}, temporal.NewNonRetryableApplicationError(f.Error(), string(f.Kind), nil, f)
	}
	start, err := m.Window.Decide(in.Asked, m.Policy.RequestTimeout)
	if err != nil {
		return batch.Plan{}, err
	}
	if owner, ok := quicker.Load(m.Name); ok && in.WorkflowID != owner.([2]string)[0] {
		o := owner.([2]string)
		f := batch.Fault{Kind: batch.NightClaimed, Op: "claim", Thing: o[0] + "/" + o[1], Detail: "belongs to this workflow"}
		return batch.Plan{}, temporal.NewNonRetryableApplicationError(f.Error(), string(f.Kind), nil, f)
	}
	if in.Scheduled && strings.HasPrefix(string(m.Name), "elsewhere") {
		id := batch.NewID(m.Name, start.Span.Night)
		return batch.Plan{Batch: id, Start: start, Elsewhere: id.WorkflowID()}, nil
	}
	lane := 0
	if strings.HasPrefix(string(m.Name), "laned") {
		lane = 1
	}
	return batch.Plan{
		Lane: lane, Batch: batch.NewID(m.Name, start.Span.Night), Window: m.Window, Start: start,
		Jobs: len(m.Jobs), Pending: len(m.Jobs), Estimate: money.Dollar, Ceiling: 2 * money.Dollar,
		Policy: m.Policy, ShardSize: 10, Shards: 1, InFlight: 1, Attributes: !strings.HasPrefix(string(m.Name), "claimed-first"),
	}, nil
}

func credits(_ context.Context, in batch.CreditsRequest) (batch.Credits, error) {
	if strings.HasPrefix(string(in.Batch), "refused") {
		f := batch.Fault{Kind: batch.CreditsTooLow, Op: "check credits", Thing: string(in.Batch), Detail: "$1.00 of $1.50", Hint: "buy credits"}
		return batch.Credits{}, temporal.NewNonRetryableApplicationError(f.Error(), string(f.Kind), nil, f)
	}
	return batch.Credits{Total: 9 * money.Dollar}, nil
}

func pending(_ context.Context, in batch.Page) ([]int, error) {
	var seqs []int
	for i := in.From; i < in.To; i++ {
		seqs = append(seqs, i)
	}
	return seqs, nil
}

// holds has a channel for each batch whose second job waits.
var holds sync.Map

func submit(ctx context.Context, in batch.Submit) (batch.Outcome, error) {
	if in.Seq == 1 {
		hold(ctx, in.Batch)
	}
	return batch.Outcome{Seq: in.Seq, State: batch.Succeeded, Billed: 60 * money.Cent, DayPrice: money.Dollar}, nil
}

func submitLane(ctx context.Context, in batch.Lane) (batch.LaneResult, error) {
	var r batch.LaneResult
	for seq := range in.To {
		r.Add(batch.Outcome{Seq: seq, State: batch.Succeeded, Billed: 60 * money.Cent, DayPrice: money.Dollar})
		if seq == 0 {
			activity.RecordHeartbeat(ctx, batch.LaneBeat{Beat: batch.Beat{Doing: "sending"}, Lane: r})
			if c, ok := holds.Load(in.Batch.Name()); ok {
				<-c.(chan struct{})
			}
		}
	}
	return r, nil
}

// hold waits until the batch is released, if it is held at all.
func hold(ctx context.Context, id batch.ID) {
	c, ok := holds.Load(id.Name())
	if !ok {
		return
	}
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	for {
		select {
		case <-c.(chan struct{}):
			return
		case <-beat.C:
			activity.RecordHeartbeat(ctx)
		}
	}
}

func reconcile(ctx context.Context, in batch.ReconcileRequest) (batch.Reconciliation, error) {
	if strings.HasPrefix(string(in.Batch), "claimed") {
		f := batch.Fault{Kind: batch.NightClaimed, Op: "reconcile", Thing: string(in.Batch), Detail: "its night still runs"}
		return batch.Reconciliation{}, temporal.NewNonRetryableApplicationError(f.Error(), string(f.Kind), nil, f)
	}
	hold(ctx, in.Batch)
	return batch.Reconciliation{Batch: in.Batch, Span: in.Span, Found: 1}, nil
}

// asOf are the instants as of which nights were asked for.
var asOf sync.Map

// nightBatches has some batches on one night long ago, and none on others.
func nightBatches(_ context.Context, in batch.NightRequest) ([]batch.ID, error) {
	asOf.Store(in.Asked.UTC().Format(time.RFC3339), in.Asked)
	if in.Night != "2026-01-02" {
		return nil, nil
	}
	return []batch.ID{"books/2026-01-02", "claimed-books/2026-01-02", "held-books/2026-01-02", "missed-books/2026-01-02"}, nil
}

func audit(_ context.Context, in batch.AuditRequest) (batch.Result, error) {
	r := batch.Result{
		Batch: in.Batch, Night: in.Batch.Night(), State: workflows.StateDone, Jobs: batch.Counts{Total: 2, Succeeded: 2},
		Money: batch.Money{Billed: 120 * money.Cent, DayPrice: 2 * money.Dollar, Saved: 80 * money.Cent},
		Audit: batch.Audit{Passed: true},
	}
	if strings.HasPrefix(string(in.Batch), "parked") && !in.Cancelled {
		r.Jobs = batch.Counts{Total: 2, Succeeded: 1, Parked: 1}
		r.Carried = &batch.Carry{Jobs: 1, WorkflowID: in.Batch.CarryID("2031-01-01")}
	}
	if in.Cancelled {
		r.Jobs = batch.Counts{Total: 2, Succeeded: 1, Cancelled: 1}
	}
	if in.Again {
		r.Reconciled = in.Books
	} else if strings.HasPrefix(string(in.Batch), "unsettled") {
		r.State, r.Audit = workflows.StateFailed, batch.Audit{Findings: []batch.Finding{{Rule: batch.OutcomesUnknown, Count: 1}}}
		f := batch.Fault{Kind: batch.OutcomesUnknown, Op: "audit", Thing: string(in.Batch), Detail: "1 job"}
		return r, temporal.NewNonRetryableApplicationError(f.Error(), string(f.Kind), nil, f, r)
	}
	if strings.HasPrefix(string(in.Batch), "missed") {
		r.State, r.Audit = workflows.StateFailed, batch.Audit{Findings: []batch.Finding{{Rule: batch.DiscountMissed, Count: 1}}}
		f := batch.Fault{Kind: batch.DiscountMissed, Op: "audit", Thing: string(in.Batch), Detail: "1 job paid the day price"}
		return r, temporal.NewNonRetryableApplicationError(f.Error(), string(f.Kind), nil, f, r)
	}
	return r, nil
}

// steer does as the ledger would, and knows no batch named "lost-...".
func steer(_ context.Context, in batch.Steer) (batch.Steered, error) {
	if strings.HasPrefix(string(in.Batch), "lost") {
		f := batch.Fault{Kind: batch.NotFound, Op: in.Do, Thing: string(in.Batch), Hint: "look elsewhere"}
		return batch.Steered{}, temporal.NewNonRetryableApplicationError(f.Error(), string(f.Kind), nil, f)
	}
	out := batch.Steered{Cap: in.Cap}
	if in.Do == batch.SteerPause {
		out.Paused = batch.Pause{By: in.By, Why: in.Why, At: time.Now()}
	}
	return out, nil
}

// open is a manifest of two jobs whose window is open now, shut one whose
// window opens in six hours.
func open(name string) json.RawMessage { return windowed(name, -2*time.Hour) }
func shut(name string) json.RawMessage { return windowed(name, 6*time.Hour) }

func windowed(name string, opens time.Duration) json.RawMessage {
	at := time.Now().UTC().Add(opens)
	return json.RawMessage(fmt.Sprintf(`{"name":%q,"policy":{"log_lag":"0s"},"window":{"timezone":"UTC","open":%q,"close":%q},
		"jobs":[{"name":"a","task":"t"},{"name":"b","task":"t"}]}`,
		name, at.Format("15:04"), at.Add(10*time.Hour).Format("15:04")))
}

func dial(t *testing.T, namespace string) *nightly.Client {
	t.Helper()
	c, err := nightly.Dial(t.Context(), client.Options{HostPort: temporalAt, Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func start(t *testing.T, c *nightly.Client, m json.RawMessage) nightly.Night {
	t.Helper()
	n, err := c.Start(t.Context(), nightly.Request{Manifest: m})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// until looks at the night until it is as wanted; the test's own time limit is
// the only one.
func until(t *testing.T, n nightly.Night, want func(nightly.View) bool) nightly.View {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := n.Look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want(v) {
			return v
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("never as wanted; last %+v", v)
		}
	}
}

func night(t *testing.T, m json.RawMessage) tariff.Night {
	t.Helper()
	read, err := manifest.Read("manifest", m)
	if err != nil {
		t.Fatal(err)
	}
	s, err := read.Window.Decide(time.Now(), read.Policy.RequestTimeout)
	if err != nil {
		t.Fatal(err)
	}
	return s.Span.Night
}
