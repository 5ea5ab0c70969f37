package batch

// ReconcileInput is the input of the workflow ReconcileBatch, as a person
// types it: {"batch": "market-digest/2026-11-22"}.
type ReconcileInput struct {
	Batch ID `json:"batch"`
}

// WorkflowID is the id under which a batch is reconciled: one at a time.
func (in ReconcileInput) WorkflowID() string { return "reconcile/" + string(in.Batch) }

// NightInput is the input of the workflow ReconcileNight: {"night":
// "2026-11-22"}. "yesterday", or nothing, is the last night that is over.
type NightInput struct {
	Night string `json:"night,omitempty"`
}

// Yesterday is how a schedule asks for the last night that is over.
const Yesterday = "yesterday"

// WorkflowID is the id under which a door of ours reconciles a night. It has
// no slash where a batch's has one, since a batch may be named anything.
func (in NightInput) WorkflowID() string { return "reconcile-night/" + in.Night }

// NightBooks is a whole night compared with the provider's books, batch by
// batch: the result of ReconcileNight and, while it runs, its progress. One
// that fails carries it in the error's details.
type NightBooks struct {
	Night   string        `json:"night"`          // a date; as it was asked for when the night has no batch
	Of      int           `json:"of"`             // how many batches the night has
	Batches []Result      `json:"batches"`        // those that were judged, passed or not, in order
	Busy    []ID          `json:"busy,omitempty"` // left alone: their night, or another reconciliation of them, still runs
	Failed  []BatchFailed `json:"failed"`         // those that didn't pass or couldn't be judged
	Now     ID            `json:"now,omitempty"`  // the one in hand
}

// BatchFailed is why a batch of a night didn't pass.
type BatchFailed struct {
	Batch ID     `json:"batch"`
	Kind  Kind   `json:"kind"`
	Why   string `json:"why"`
}
