package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// NightlyShard sends a stretch of a night's jobs, a bounded number under way at
// once: one SubmitSwarm activity each; or, with a Chunk, in groups of one
// SubmitBatch activity each, whose unfinished jobs go on singly; or, with a
// Lane, by one SubmitLane activity. A job that ends badly never ends the shard:
// the ledger says how it stands, and the audit reads the ledger.
func NightlyShard(ctx workflow.Context, in ShardRequest) (ShardResult, error) {
	s := &shard{in: in}
	err := workflow.SetQueryHandler(ctx, ProgressQuery, func() (batch.Progress, error) {
		return batch.Progress{
			Batch: in.Page.Batch, State: StateSending, Span: in.Span,
			Jobs: s.result.Jobs, Billed: s.result.Billed, DayPrice: s.result.DayPrice, Lane: s.laned,
		}, nil
	})
	if err != nil {
		return ShardResult{}, err
	}
	if page := s.listed(); page.From < page.To {
		s.pending, err = PendingJobs.Do(ctx, page)
		if err != nil {
			return ShardResult{}, err
		}
		s.send(ctx)
	}
	if in.Lane > 0 && s.broken == nil && ctx.Err() == nil {
		s.lane(ctx)
	}
	if s.broken != nil {
		return s.result, s.broken
	}
	return s.result, ctx.Err()
}

// shard is the state of one stretch.
type shard struct {
	in      ShardRequest
	result  ShardResult
	pending []int // not begun
	left    []int // of groups that are over: to be sent or looked up singly, before what is pending
	groups  int   // SubmitBatch activities begun
	under   int   // jobs under way
	laned   bool  // a lane has the rest

	waits map[int]workflow.CancelFunc // of jobs whose work the provider has taken on: each ends one's wait
	told  map[int]bool                // the provider said that they are done while they were being asked for

	broken error // the first job or group whose activity failed instead of ending in a state
}

// listed is the part of the page whose jobs are handed out one by one: all of
// it; or, before a lane takes the rest, as many as its groups take.
func (s *shard) listed() batch.Page {
	page := s.in.Page
	switch {
	case s.in.Lane == 0 || s.in.Chunk > 1 && s.in.Chunks == 0:
	case s.in.Chunk > 1:
		page.To = min(page.To, page.From+s.in.Chunk*s.in.Chunks)
	default:
		page.To = page.From
	}
	return page
}

// lane has one activity send what is left of the page.
func (s *shard) lane(ctx workflow.Context) {
	s.laned = true
	defer func() { s.laned = false }()
	out, err := SubmitLane.Do(ctx, batch.Lane{
		Batch: s.in.Page.Batch, From: s.in.Page.From, To: s.in.Page.To, Span: s.in.Span,
		RequestTimeout: s.in.RequestTimeout, Width: s.in.Lane,
	})
	if err != nil {
		s.failed(ctx, err)
		return
	}
	s.result.Jobs = s.result.Jobs.Plus(out.Jobs)
	s.result.Billed += out.Billed
	s.result.DayPrice += out.DayPrice
}

func (s *shard) send(ctx workflow.Context) {
	pick := workflow.NewSelector(ctx)
	if s.in.Metered {
		s.hear(ctx, pick)
	}
	for {
		for ctx.Err() == nil && s.broken == nil {
			seqs := s.next()
			if len(seqs) == 0 {
				break
			}
			s.under += len(seqs)
			if s.in.Metered {
				s.metered(ctx, pick, seqs[0])
			} else if len(seqs) == 1 {
				s.single(ctx, pick, seqs[0])
			} else {
				s.group(ctx, pick, seqs)
			}
		}
		if s.under == 0 {
			return
		}
		pick.Select(ctx)
	}
}

// next takes the jobs that go next, or none when there is no room for them. A
// group waits until it fits whole: cut to what room there is, groups would
// shrink to one job each as the ones before them end.
func (s *shard) next() []int {
	room := s.in.InFlight - s.under
	from, size := &s.pending, 1
	if len(s.left) > 0 {
		from = &s.left
	} else if size = s.chunk(); size > room {
		return nil
	}
	size = min(size, len(*from))
	if size == 0 || size > room {
		return nil
	}
	seqs := (*from)[:size]
	*from = (*from)[size:]
	return seqs
}

// chunk is how many pending jobs go together now.
func (s *shard) chunk() int {
	if s.in.Chunk <= 1 || s.result.Singly != "" || s.in.Chunks > 0 && s.groups >= s.in.Chunks {
		return 1
	}
	return min(s.in.Chunk, s.in.InFlight, max(len(s.pending), 1))
}

func (s *shard) single(ctx workflow.Context, pick workflow.Selector, seq int) {
	in := batch.Submit{Batch: s.in.Page.Batch, Seq: seq, Within: s.in.RequestTimeout}
	if !s.in.Booked {
		in.Span, in.RequestTimeout = s.in.Span, s.in.RequestTimeout
	}
	future := SubmitSwarm.Start(ctx, in)
	pick.AddFuture(future.Future, func(workflow.Future) {
		s.under--
		if out, err := future.Get(ctx); err != nil {
			s.failed(ctx, err)
		} else {
			s.ended(ctx, out)
		}
	})
}

func (s *shard) group(ctx workflow.Context, pick workflow.Selector, seqs []int) {
	s.groups++
	future := SubmitBatch.Start(ctx, batch.SubmitMany{
		Batch: s.in.Page.Batch, Seqs: seqs, Span: s.in.Span, RequestTimeout: s.in.RequestTimeout,
	})
	pick.AddFuture(future.Future, func(workflow.Future) {
		s.under -= len(seqs)
		many, err := future.Get(ctx)
		if err != nil {
			s.failed(ctx, err)
			return
		}
		over := make([]int, 0, len(many.Outcomes))
		for _, out := range many.Outcomes {
			s.ended(ctx, out)
			over = append(over, out.Seq)
		}
		// What isn't said to be over is left, named or not: nothing is lost here.
		for _, seq := range seqs {
			if !slices.Contains(over, seq) && s.in.Lane == 0 {
				s.left = append(s.left, seq)
			}
		}
		if s.result.Singly == "" {
			s.result.Singly = many.Singly
		}
	})
}

func (s *shard) ended(ctx workflow.Context, out batch.Outcome) {
	s.result.Jobs.Add(out.State, 1)
	s.result.Billed += out.Billed
	s.result.DayPrice += out.DayPrice
	show(ctx, fmt.Sprintf("**%s**, jobs %d to %d: %d over, %d under way, %d not begun\n\n- %s\n- paid %s, by day %s\n",
		s.in.Page.Batch, s.in.Page.From, s.in.Page.To-1, s.result.Jobs.Total, s.under, len(s.pending)+len(s.left),
		outcomes(s.result.Jobs), s.result.Billed.Dollars(), s.result.DayPrice.Dollars()))
}

func (s *shard) failed(ctx workflow.Context, err error) {
	if s.broken == nil && ctx.Err() == nil {
		s.broken = cause(err)
	}
}
