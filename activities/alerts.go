package activities

import (
	"context"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
)

// RaiseAlerts says what of some alerts is to be told, and where: so far the
// worker's log is told everything.
func (h *Hands) RaiseAlerts(_ context.Context, in batch.RaiseRequest) (batch.Raised, error) {
	for _, a := range in.Alerts {
		if !a.Over {
			h.Log.Warn("alert: "+a.Title, zap.String("key", a.Key), zap.String("severity", string(a.Severity)), zap.Strings("facts", a.Lines), zap.String("remedy", a.Remedy))
		}
	}
	return batch.Raised{Tellings: []batch.Telling{}}, nil
}

// DeliverAlert tells one sink.
func (h *Hands) DeliverAlert(_ context.Context, in batch.Telling) (batch.Delivered, error) {
	return batch.Delivered{}, raise(&batch.Fault{
		Kind: batch.NotFound, Op: "tell", Thing: in.Place, Moved: batch.MovedNo, Detail: "this worker knows no such sink", Hint: "start the worker that raised it",
	})
}
