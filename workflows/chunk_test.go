package workflows_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// grouped counts the jobs of groups, and the sizes of the groups.
func grouped(groups []batch.SubmitMany) (jobs map[int]int, sizes []int) {
	jobs = map[int]int{}
	for _, g := range groups {
		sizes = append(sizes, len(g.Seqs))
		for _, seq := range g.Seqs {
			jobs[seq]++
		}
	}
	slices.Sort(sizes)
	return jobs, sizes
}

// TestChunks: jobs go in groups of at most a chunk, each once; the last job of
// a stretch that is alone goes alone.
func TestChunks(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 23) // stretches of 10, 10 and 3
	h.chunk, h.flight = 3, 12
	result, err := h.run(t)
	if err != nil {
		t.Fatal(err)
	}
	jobs, sizes := grouped(h.groups)
	if want := []int{3, 3, 3, 3, 3, 3, 3}; !slices.Equal(sizes, want) {
		t.Errorf("groups of %v jobs, want %v", sizes, want)
	}
	for _, s := range h.sent {
		jobs[s.Seq]++
	}
	if len(h.sent) != 2 { // the tenth of each full stretch
		t.Errorf("%d jobs went alone: %+v", len(h.sent), h.sent)
	}
	for seq := range 23 {
		if jobs[seq] != 1 {
			t.Errorf("job %d went %d times", seq, jobs[seq])
		}
	}
	for _, g := range h.groups {
		if g.Batch != "digest/2026-11-22" || g.Span.Night != "2026-11-22" || g.RequestTimeout != h.timeout {
			t.Errorf("a group of %+v", g)
		}
	}
	if result.Jobs.Succeeded != 23 || len(h.audited) != 1 {
		t.Errorf("%+v", result)
	}
}

// TestChunksCountAsTheirJobs: what is under way is counted in jobs, and a group
// waits until it fits whole.
func TestChunksCountAsTheirJobs(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 10)
	h.chunk, h.flight = 4, 7 // room for one group of four, never for two
	var (
		under, most atomic.Int64
		look        = make(chan struct{}) // long enough for a second group to begin beside the first
	)
	h.env.RegisterDelayedCallback(func() { close(look) }, 20*time.Millisecond)
	h.many = func(in batch.SubmitMany) (batch.Many, error) {
		n := under.Add(int64(len(in.Seqs)))
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		<-look
		under.Add(-int64(len(in.Seqs)))
		return answered(in.Seqs...), nil
	}
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	if _, sizes := grouped(h.groups); !slices.Equal(sizes, []int{2, 4, 4}) || most.Load() > 7 {
		t.Errorf("groups of %v jobs, at most %d jobs at once", sizes, most.Load())
	}
}

// TestChunkOfOneSendsSingly: with a chunk of up to one no group is ever made.
func TestChunkOfOneSendsSingly(t *testing.T) {
	for _, chunk := range []int{0, 1} {
		h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 13)
		h.chunk = chunk
		if _, err := h.run(t); err != nil {
			t.Fatal(err)
		}
		if len(h.groups) != 0 || len(h.sent) != 13 {
			t.Errorf("chunk %d: %d groups, %d alone", chunk, len(h.groups), len(h.sent))
		}
	}
}

// TestWhatIsLeftGoesOnSingly: jobs that a group leaves, and jobs of which it
// says nothing, are submitted alone, in order and before new groups.
func TestWhatIsLeftGoesOnSingly(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 10)
	h.chunk, h.flight = 4, 4 // one group at a time
	var order []int
	h.many = func(in batch.SubmitMany) (batch.Many, error) {
		order = append(order, -len(in.Seqs)) // one at a time: no two write
		if in.Seqs[0] != 0 {
			return answered(in.Seqs...), nil
		}
		m := answered(in.Seqs[1])
		m.Left = []int{in.Seqs[0], in.Seqs[3]} // the third isn't named at all
		return m, nil
	}
	h.submit = func(in batch.Submit) (batch.Outcome, error) {
		return batch.Outcome{Seq: in.Seq, State: batch.Rejected, Why: "as staged"}, nil
	}
	h.audit = func(in batch.AuditRequest) (batch.Result, error) {
		return batch.Result{Batch: in.Batch}, nil
	}
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	var alone []int
	for _, s := range h.sent {
		alone = append(alone, s.Seq)
	}
	slices.Sort(alone)
	if !slices.Equal(alone, []int{0, 2, 3}) {
		t.Errorf("alone went %v, want 0, 2 and 3", alone)
	}
	if jobs, _ := grouped(h.groups); len(jobs) != 10 {
		t.Errorf("in groups went %v", jobs)
	}
	if last := h.groups[len(h.groups)-1]; len(h.groups) != 3 || !slices.Equal(last.Seqs, []int{8, 9}) || !slices.Equal(order, []int{-4, -4, -2}) {
		t.Errorf("groups %+v", h.groups)
	}
}

// TestNoMoreBatchRequests: a group that says so has the rest of its stretch,
// and every later stretch, sent singly.
func TestNoMoreBatchRequests(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 40) // four stretches
	h.plan = func(in batch.PlanRequest) (batch.Plan, error) {
		p, err := h.usualPlan(in)
		p.Shards = 1
		return p, err
	}
	h.chunk, h.flight = 4, 4
	h.many = func(in batch.SubmitMany) (batch.Many, error) {
		return batch.Many{Left: in.Seqs, Singly: "HTTP 403: the batch endpoint is for the premium tier"}, nil
	}
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	if len(h.groups) != 1 || len(h.sent) != 40 {
		t.Errorf("%d groups, %d alone; want one group, and all 40 alone", len(h.groups), len(h.sent))
	}
}

// TestTheNightsBound: at most so many groups in the whole night, however many
// stretches it has and however often they go round.
func TestTheNightsBound(t *testing.T) {
	for _, bound := range []int{1, 2} {
		h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 40)
		h.chunk, h.chunks, h.flight = 3, bound, 9
		if _, err := h.run(t); err != nil {
			t.Fatal(err)
		}
		if len(h.groups) != bound || len(h.sent) != 40-3*bound {
			t.Errorf("bound %d: %d groups, %d alone", bound, len(h.groups), len(h.sent))
		}
		for _, g := range h.groups {
			if g.Seqs[0] >= 10 {
				t.Errorf("bound %d: a group of %v, beyond the first stretch", bound, g.Seqs)
			}
		}
	}
}

// TestABrokenGroupDoesNotHideTheRest is TestABrokenJobDoesNotHideTheRest for a
// group.
func TestABrokenGroupDoesNotHideTheRest(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 400)
	h.chunk = 4
	h.many = func(in batch.SubmitMany) (batch.Many, error) {
		if in.Seqs[0] == 4 {
			return batch.Many{}, fails(batch.Internal)
		}
		return answered(in.Seqs...), nil
	}
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	if len(h.audited) != 1 || h.audited[0].Stop == "" {
		t.Fatalf("audits: %+v", h.audited)
	}
	if jobs, _ := grouped(h.groups); len(jobs) == 400 {
		t.Error("nothing stopped the fan-out")
	}
}

// TestCancelWithGroupsUnderWay: what is in flight drains and counts, nothing
// new goes, neither together nor alone.
func TestCancelWithGroupsUnderWay(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 40)
	h.chunk, h.flight = 5, 5
	cancelled := make(chan struct{})
	var once atomic.Bool
	h.many = func(in batch.SubmitMany) (batch.Many, error) {
		if once.CompareAndSwap(false, true) {
			h.env.RegisterDelayedCallback(func() { h.env.CancelWorkflow(); close(cancelled) }, time.Millisecond)
		}
		<-cancelled
		m := answered(in.Seqs[0])
		m.Left = in.Seqs[1:]
		return m, nil
	}
	h.audit = func(in batch.AuditRequest) (batch.Result, error) {
		return batch.Result{Batch: in.Batch, Money: batch.Money{Billed: money.Cent}}, nil
	}
	_, err := h.run(t)
	if !temporal.IsCanceledError(err) {
		t.Fatalf("got %v, want a cancellation", err)
	}
	if len(h.groups) == 0 || len(h.groups) > 2 || len(h.sent) != 0 {
		t.Errorf("%d groups and %d alone after the cancellation", len(h.groups), len(h.sent))
	}
	if len(h.audited) != 1 || !h.audited[0].Cancelled || len(h.compared) != 1 {
		t.Errorf("audits %+v, comparisons %+v", h.audited, h.compared)
	}
}
