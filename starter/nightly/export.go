package nightly

import (
	"context"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// ExportLog has what is new in the provider's log taken into the lake; see
// [batch.LogExport]. One that is under way, perhaps for other days, is attached
// to: each reads the whole log, so that there is one at a time.
func (c *Client) ExportLog(ctx context.Context, in batch.LogExportInput) (Daily[batch.LogExport], error) {
	d := Daily[batch.LogExport]{op: "export the log", client: c}
	err := d.begin(ctx, in.WorkflowID(), "The provider's log"+in.String(), workflows.LogExportName, in) // fills d in
	return d, err
}
