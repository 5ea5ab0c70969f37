package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// How often a night that sends is looked at, so that its details move: soon at
// first, for whoever has just started it, and then every two minutes. A look is
// eleven events of history: in the longest night, of 11 hours, some 3,500 of
// the 51,200 that a workflow may have (the server's default,
// limit.historyCount.error).
const (
	firstLook = 10 * time.Second
	lastLook  = 2 * time.Minute
)

// changeLook is the version of looking: nights that began without it go on
// without.
const changeLook = "look"

// watch keeps the night's details moving while it sends. The one who calls it
// stops it. A look that doesn't come changes nothing: the next one may.
func (n *night) watch(ctx workflow.Context) (stop func()) {
	if workflow.GetVersion(ctx, changeLook, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return func() {}
	}
	ctx, stop = workflow.WithCancel(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for every := firstLook; ; every = min(2*every, lastLook) {
			if workflow.NewTimerWithOptions(ctx, every, workflow.TimerOptions{Summary: "Until the next look"}).Get(ctx, nil) != nil {
				return
			}
			look, err := LookNight.Do(ctx, batch.LookRequest{Batch: n.terms.Batch})
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				n.look = look
				n.show(ctx)
			}
		}
	})
	return stop
}
