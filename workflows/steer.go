package workflows

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// What a person may tell a running night. Each order is written into the books
// before its update is answered: from then on every worker keeps it.
//
//	pause         nothing new leaves, what is in flight ends; the deadline still parks
//	resume        goes on
//	cancel        nothing new leaves for good; what is in flight ends; the audit closes the books
//	raise_budget  a higher cap; what was skipped for want of room is sent after all
func (n *night) listen(ctx workflow.Context) error {
	for _, u := range []struct {
		name  string
		about string
		like  string // an example of what it takes
		do    string
		may   func(batch.Order) error
		after func(batch.Order, batch.Steered)
	}{
		{PauseUpdate, `Nothing new is sent until resume; what is in flight ends`, `{"by": "ada", "why": "the answers look wrong"}`, batch.SteerPause, n.mayPause, nil},
		{ResumeUpdate, `Goes on after a pause`, `{"by": "ada"}`, batch.SteerResume, n.mayResume, nil},
		{CancelUpdate, `Nothing new is sent, for good; what is in flight ends, then the audit and the report`, `{"by": "ada", "why": "not needed any more"}`, batch.SteerCancel, n.mayCancel, func(o batch.Order, _ batch.Steered) {
			n.stop = "cancelled " + batch.Pause{By: o.By, Why: o.Why}.String()
			n.cancelled = true
			n.end()
		}},
		{RaiseBudgetUpdate, `A higher cap in dollars; what was skipped for want of room is sent`, `{"by": "ada", "cap": "80.00"}`, batch.SteerRaise, n.mayRaise, func(_ batch.Order, s batch.Steered) {
			n.terms.Budget.Batch, n.progress.Cap = s.Cap, s.Cap
			n.raised, n.reopened = true, n.reopened+s.Reopened
		}},
	} {
		fields := []string{"by", "why"}
		if u.do == batch.SteerRaise {
			fields = append(fields, "cap")
		}
		validate := func(raw json.RawMessage) error {
			o, err := readOrder(raw, fields, u.like)
			if err != nil {
				return err
			}
			return u.may(o)
		}
		handle := func(ctx workflow.Context, raw json.RawMessage) (batch.Progress, error) {
			var o batch.Order
			if err := json.Unmarshal(raw, &o); err != nil {
				return batch.Progress{}, err // can't be: it was validated
			}
			out, err := SteerNight.Do(ctx, batch.Steer{Batch: n.terms.Batch, Do: u.do, Order: o})
			if err != nil {
				return batch.Progress{}, cause(err)
			}
			n.progress.Paused = out.Paused
			if u.after != nil {
				u.after(o, out)
			}
			n.log.Info("the night is steered", "batch", n.terms.Batch, "do", u.do, "by", o.By, "why", o.Why)
			n.enter(ctx, n.progress.State)
			return n.progress, nil
		}
		err := workflow.SetUpdateHandlerWithOptions(ctx, u.name, handle, workflow.UpdateHandlerOptions{
			Validator:   validate,
			Description: u.about + ". " + u.like,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// underWay says why a night can't be steered, or nil.
func (n *night) underWay() error {
	switch n.progress.State {
	case StatePlanning:
		return errors.New("the night is still being planned: try again in a moment")
	case StateWaiting, StateSending:
		if n.cancelled {
			return errors.New("the night is being cancelled")
		}
		return nil
	}
	return fmt.Errorf("nothing is sent any more, the night is %s: to send what is left over, run it again", n.progress.State)
}

func (n *night) mayPause(batch.Order) error {
	if err := n.underWay(); err != nil {
		return err
	}
	if n.progress.Paused.On() {
		return fmt.Errorf("it is paused already, %s", n.progress.Paused)
	}
	return nil
}

func (n *night) mayResume(batch.Order) error {
	if err := n.underWay(); err != nil {
		return err
	}
	if !n.progress.Paused.On() {
		return errors.New("it isn't paused")
	}
	return nil
}

func (n *night) mayCancel(batch.Order) error { return n.underWay() }

func (n *night) mayRaise(o batch.Order) error {
	if err := n.underWay(); err != nil {
		return err
	}
	switch have := n.terms.Budget.Batch; {
	case o.Cap <= 0:
		return fmt.Errorf("a cap of %s sends nothing", o.Cap.Dollars())
	case o.Cap < have:
		return fmt.Errorf("the cap is %s, and %s is less: to have less spent, pause or cancel", have.Dollars(), o.Cap.Dollars())
	}
	return nil
}

// settled waits until every order that was accepted is carried out: one that
// is answered after the night has ended would be lost.
func (n *night) settled(ctx workflow.Context) error {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	return workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}
