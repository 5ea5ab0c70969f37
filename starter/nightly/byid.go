package nightly

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Watch follows the batch's night until it is over: see [Night.Watch].
func (c *Client) Watch(ctx context.Context, id batch.ID, every time.Duration, see func(View)) (batch.Result, error) {
	n, err := c.Find(ctx, id)
	if err != nil {
		return batch.Result{}, err
	}
	return n.Watch(ctx, every, see)
}

// Pause has the batch's night send nothing new: see [Night.Pause].
func (c *Client) Pause(ctx context.Context, id batch.ID, by, why string) (batch.Progress, error) {
	return c.on(ctx, id, func(n Night) (batch.Progress, error) { return n.Pause(ctx, by, why) })
}

// Resume undoes Pause: see [Night.Resume].
func (c *Client) Resume(ctx context.Context, id batch.ID, by, why string) (batch.Progress, error) {
	return c.on(ctx, id, func(n Night) (batch.Progress, error) { return n.Resume(ctx, by, why) })
}

// Cancel ends the batch's night for good: see [Night.Cancel].
func (c *Client) Cancel(ctx context.Context, id batch.ID, by, why string) (batch.Progress, error) {
	return c.on(ctx, id, func(n Night) (batch.Progress, error) { return n.Cancel(ctx, by, why) })
}

// RaiseBudget gives the batch's night a higher cap: see [Night.RaiseBudget].
func (c *Client) RaiseBudget(ctx context.Context, id batch.ID, to money.USD, by, why string) (batch.Progress, error) {
	return c.on(ctx, id, func(n Night) (batch.Progress, error) { return n.RaiseBudget(ctx, to, by, why) })
}

func (c *Client) on(ctx context.Context, id batch.ID, order func(Night) (batch.Progress, error)) (batch.Progress, error) {
	n, err := c.Find(ctx, id)
	if err != nil {
		return batch.Progress{}, err
	}
	return order(n)
}
