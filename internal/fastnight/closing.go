package fastnight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
)

// Closing describes a batch that doesn't fit into its night. It is asked for by
// day, sent as one lane, compared, judged, and carried on until nothing is left.
// Strangers and events there are none.
type Closing struct {
	Options
	Asked  time.Time     // when it is asked for
	Window string        // the manifest's window, as JSON
	Last   time.Duration // the first night's sending begins so long before its deadline; 0: when the night begins

	// In the last so many minutes of a night, and of each of its pieces, the clock
	// goes slower, so that a machine that is busy for a moment isn't late by minutes
	// of the night. Between two pieces it leaps.
	End      time.Duration
	EndSpeed float64
}

// Closed is what the nights of a batch came to.
type Closed struct {
	Nights []Night
	IDs    []string  // the request ids of all jobs as they were first planned, sorted
	Billed money.USD // by our books
	Theirs simulator.Totals
}

// Night is one of them.
type Night struct {
	Span    tariff.Span
	Timeout time.Duration       // of a request
	Began   time.Time           // when sending began
	Sent    []simulator.Arrival // the paid requests of this night, as the provider booked them
	Lane    batch.Counts        // how its jobs ended
	Result  batch.Result        // of the audit: on the whole batch
}

// moment is how soon jobs ask again while all that fills a window is under way:
// the gate's own second is over too soon on a clock that is some hundred times
// as fast, and the machine would do little else.
const moment = 5 * time.Second

// mostNights is when Close gives up: nothing needs as many.
const mostNights = 4

// Close plays a batch to its end, night after night.
func Close(ctx context.Context, c Closing) (out Closed, err error) {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	n := &night{Options: c.Options, clock: simulator.FrozenClock(c.Asked), rules: gate.Rules{Moment: moment}}
	closeAll, err := n.open(ctx)
	defer func() { err = errors.Join(err, closeAll()) }()
	if err != nil {
		return out, err
	}
	if err := n.prepare(ctx, c.Window); err != nil {
		return out, err
	}
	if out.IDs, err = n.ids(ctx); err != nil {
		return out, err
	}
	begin := n.plan.Start.At
	if c.Last > 0 {
		begin = n.plan.Start.Span.Deadline.Add(-c.Last)
	}
	for range mostNights {
		one, err := n.against(ctx, c, begin)
		if err != nil {
			return out, fmt.Errorf("play the night of %s: %w", n.plan.Start.Span.Night, err)
		}
		out.Nights = append(out.Nights, one)
		if one.Result.Carried == nil {
			break
		}
		if err := n.carryOn(ctx, one.Result.Carried); err != nil {
			return out, fmt.Errorf("carry on after the night of %s: %w", one.Span.Night, err)
		}
		begin = n.plan.Start.At
	}
	totals, err := n.books.Totals(ctx, n.plan.Batch)
	if err != nil {
		return out, err
	}
	if _, err := n.books.Verify(ctx); err != nil {
		return out, err
	}
	out.Billed, out.Theirs = totals.Charged, n.api.Books().Totals()
	n.share(&out)
	return out, nil
}

// against plays one night from begin on, to its audit.
func (n *night) against(ctx context.Context, c Closing, begin time.Time) (Night, error) {
	span := n.plan.Start.Span
	one := Night{Span: span, Timeout: n.plan.Policy.RequestTimeout, Began: begin}
	n.clock.Set(begin)
	n.clock.Scale(c.Speed)
	ending, stop := context.WithCancel(ctx)
	slowed := make(chan struct{})
	go func() {
		defer close(slowed)
		until := func(t time.Time) bool {
			return n.clock.Wait(ending, t.Sub(n.clock.Now())) == nil && ending.Err() == nil
		}
		for i, p := range span.Parts() {
			if i > 0 {
				n.clock.Set(p.Opens)
				n.clock.Scale(c.Speed)
			}
			if !until(p.Deadline.Add(-c.End)) {
				return
			}
			n.clock.Scale(c.EndSpeed)
			if !until(p.Closes) {
				return
			}
		}
	}()
	lane, err := n.hands.SubmitLane(ctx, batch.Lane{
		Batch: n.plan.Batch, To: n.plan.Jobs, Span: span, RequestTimeout: one.Timeout, Width: n.Width,
	})
	stop()
	<-slowed
	if err != nil {
		return one, err
	}
	one.Lane = lane.Jobs
	n.clock.Scale(c.Speed)
	if err := n.clock.Wait(ctx, n.plan.Policy.LogLag); err != nil { // as the story does
		return one, err
	}
	b, err := n.books.Batch(ctx, n.plan.Batch)
	if err != nil {
		return one, err
	}
	compared, err := n.hands.Reconcile(ctx, batch.ReconcileRequest{
		Batch: b.ID, Span: span, WorkflowID: b.Owner.WorkflowID, RunID: b.Owner.RunID,
	})
	if err != nil {
		return one, err
	}
	one.Result, err = n.hands.AuditDiscount(ctx, batch.AuditRequest{Batch: b.ID, Span: span, Books: &compared})
	return one, err
}

// carryOn plans the night that an audit names, as its story would.
func (n *night) carryOn(ctx context.Context, carry *batch.Carry) error {
	if carry.WorkflowID == "" {
		return fmt.Errorf("%d jobs aren't carried on: %s", carry.Jobs, carry.Not)
	}
	before, err := n.books.Batch(ctx, n.plan.Batch)
	if err != nil {
		return err
	}
	input, err := json.Marshal(batch.GoOn{Batch: n.plan.Batch, After: n.plan.Start.Span.Closes})
	if err != nil {
		return err
	}
	n.plan, err = n.hands.PlanNight(ctx, batch.PlanRequest{
		Input: input, WorkflowID: carry.WorkflowID, RunID: carry.WorkflowID + "-run", Asked: n.clock.Now(),
		Parent: batch.Run{WorkflowID: before.Owner.WorkflowID, RunID: before.Owner.RunID},
	})
	return err
}

// ids are the request ids of all jobs, sorted.
func (n *night) ids(ctx context.Context) ([]string, error) {
	var ids []string
	for from := 0; from < n.Jobs; from += 1000 {
		jobs, err := n.books.Jobs(ctx, n.plan.Batch, from, min(from+1000, n.Jobs))
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			ids = append(ids, j.RequestID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// share gives each night the requests that the provider got from its beginning
// to the next one's.
func (n *night) share(out *Closed) {
	for a := range n.api.Books().Arrivals() {
		if a.Path != swarms.PathCompletions || strings.HasPrefix(a.Name, "stranger ") {
			continue
		}
		i := len(out.Nights) - 1
		for i > 0 && a.At.Before(out.Nights[i].Began) {
			i--
		}
		out.Nights[i].Sent = append(out.Nights[i].Sent, a)
	}
}
