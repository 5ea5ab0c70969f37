package workflows

import "go.temporal.io/sdk/workflow"

// Registry takes workflows under their durable names: a worker, or a replayer
// of histories.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// Workflow is a durable name and the function that has it now.
type Workflow struct {
	Name string
	Func any
}

// All lists every workflow that a worker runs. The replay asks for a history
// of each.
func All() []Workflow {
	return []Workflow{
		{NightlyBatchName, NightlyBatch},
		{NightlyShardName, NightlyShard},
		{ReconcileBatchName, ReconcileBatch},
		{ReconcileNightName, ReconcileNight},
		{UsageWatchName, UsageWatch},
		{AnnounceName, Announce},
		{PurgeName, Purge},
		{LogExportName, LogExport},
	}
}

// Register hands all of them to a worker or a replayer.
func Register(r Registry) {
	for _, w := range All() {
		r.RegisterWorkflowWithOptions(w.Func, workflow.RegisterOptions{Name: w.Name})
	}
}
