package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// NightlyShard sends a stretch of a night's jobs, one SubmitSwarm activity
// each, a bounded number under way at once. A job that ends badly never ends
// the shard: the ledger says how it stands, and the audit reads the ledger.
func NightlyShard(ctx workflow.Context, in ShardRequest) (ShardResult, error) {
	s := &shard{in: in}
	err := workflow.SetQueryHandler(ctx, ProgressQuery, func() (batch.Progress, error) {
		return batch.Progress{
			Batch: in.Page.Batch, State: StateSending, Span: in.Span,
			Jobs: s.result.Jobs, Billed: s.result.Billed, DayPrice: s.result.DayPrice,
		}, nil
	})
	if err != nil {
		return ShardResult{}, err
	}
	pending, err := PendingJobs.Do(ctx, in.Page)
	if err != nil {
		return ShardResult{}, err
	}
	s.send(ctx, pending)
	if s.broken != nil {
		return s.result, s.broken
	}
	return s.result, ctx.Err()
}

// shard is the state of one stretch.
type shard struct {
	in     ShardRequest
	result ShardResult
	under  int
	broken error // the first job whose activity failed instead of ending in a state
}

func (s *shard) send(ctx workflow.Context, pending []int) {
	pick := workflow.NewSelector(ctx)
	for len(pending) > 0 || s.under > 0 {
		for len(pending) > 0 && s.under < s.in.InFlight && ctx.Err() == nil && s.broken == nil {
			future := SubmitSwarm.Start(ctx, batch.Submit{
				Batch: s.in.Page.Batch, Seq: pending[0], Span: s.in.Span, RequestTimeout: s.in.RequestTimeout,
			})
			pending = pending[1:]
			s.under++
			pick.AddFuture(future.Future, func(workflow.Future) { s.ended(ctx, future) })
		}
		if s.under == 0 {
			return
		}
		pick.Select(ctx)
	}
}

func (s *shard) ended(ctx workflow.Context, f Future[batch.Outcome]) {
	s.under--
	out, err := f.Get(ctx)
	if err != nil {
		if s.broken == nil && ctx.Err() == nil {
			s.broken = cause(err)
		}
		return
	}
	s.result.Jobs.Add(out.State, 1)
	s.result.Billed += out.Billed
	s.result.DayPrice += out.DayPrice
}
