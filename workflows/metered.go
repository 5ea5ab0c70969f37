package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// metered sends a job of a provider that a dialect speaks to, and asks for its
// answer until it is there. Work that the provider has taken on is asked for to
// its end also when the night is cancelled: its money has moved.
func (s *shard) metered(ctx workflow.Context, pick workflow.Selector, seq int) {
	in := batch.Submit{Batch: s.in.Page.Batch, Seq: seq, Span: s.in.Span, RequestTimeout: s.in.RequestTimeout}
	future := SubmitRequest.Start(ctx, in)
	pick.AddFuture(future.Future, func(workflow.Future) {
		out, err := future.Get(ctx)
		switch {
		case err != nil:
			s.under--
			s.failed(ctx, err)
		case out.Again.IsZero():
			s.under--
			s.ended(ctx, out)
		default:
			s.askLater(ctx, pick, seq, out.Again)
		}
	})
}

// askLater asks again at an instant, or when the provider says that the job is
// done. A webhook may be lost, or sent by anybody: it only ends the wait.
func (s *shard) askLater(ctx workflow.Context, pick workflow.Selector, seq int, at time.Time) {
	if s.told[seq] { // it came while the job was being asked for
		delete(s.told, seq)
		at = workflow.Now(ctx)
	}
	on, _ := workflow.NewDisconnectedContext(ctx)
	wait, wake := workflow.WithCancel(on)
	s.waits[seq] = wake
	timer := workflow.NewTimerWithOptions(wait, max(at.Sub(workflow.Now(ctx)), 0), workflow.TimerOptions{Summary: "The provider is at it"})
	pick.AddFuture(timer, func(workflow.Future) {
		delete(s.waits, seq)
		s.metered(on, pick, seq)
	})
}

// hear takes in what providers say of jobs that they have taken on.
func (s *shard) hear(ctx workflow.Context, pick workflow.Selector) {
	s.waits, s.told = map[int]workflow.CancelFunc{}, map[int]bool{}
	pick.AddReceive(workflow.GetSignalChannel(ctx, ToldSignal), func(c workflow.ReceiveChannel, _ bool) {
		var told batch.Told
		c.Receive(ctx, &told)
		if wake := s.waits[told.Seq]; wake != nil {
			wake()
		} else if told.Seq >= s.in.Page.From && told.Seq < s.in.Page.To {
			s.told[told.Seq] = true
		}
	})
}

// passOn hands what providers say on to the shard that has the job.
func (n *night) passOn(ctx workflow.Context) {
	in := workflow.GetSignalChannel(ctx, ToldSignal)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var told batch.Told
			if !in.Receive(ctx, &told) {
				return
			}
			for _, shard := range n.progress.Shards { // few, and one that hasn't the job leaves it
				_ = workflow.SignalExternalWorkflow(ctx, shard, "", ToldSignal, told).Get(ctx, nil) // it may have ended meanwhile
			}
		}
	})
}
