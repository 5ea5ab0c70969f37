package nightly

import (
	"context"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// Purge has what is no longer to be kept deleted, by the settings of the worker
// that does it; or, with a batch, the texts of that one now. With DryRun nothing
// is deleted. One of the same kind that is under way is attached to.
func (c *Client) Purge(ctx context.Context, in batch.PurgeInput) (Daily[batch.Purged], error) {
	d := Daily[batch.Purged]{op: "purge", thing: string(in.Batch), client: c}
	if err := in.Check(); err != nil {
		return d, err
	}
	summary := "What was kept long enough is deleted"
	if in.Batch != "" {
		summary = "The texts of " + string(in.Batch) + " are deleted"
	}
	if in.DryRun {
		summary = "A look only: " + summary
	}
	err := d.begin(ctx, in.WorkflowID(), summary, workflows.PurgeName, in)
	return d, err
}
