package manifest_test

import (
	"fmt"

	"github.com/offpeak/offpeak/batch/manifest"
)

func ExampleRead() {
	m, err := manifest.Read("night.yaml", []byte(`
name: market-digest
defaults:
  swarm_type: SequentialWorkflow
jobs:
  - {name: EU Market Digest, task: Summarize today's funding announcements.}
`))
	fmt.Println(err, m.Window.StartAt, m.Budget.Batch)
	fmt.Println(string(m.Jobs[0].Request))
	// Output:
	// <nil> 21:00 50.000000
	// {"name":"EU Market Digest","swarm_type":"SequentialWorkflow","task":"Summarize today's funding announcements."}
}

// All mistakes are said at once, where they are.
func ExampleRead_problems() {
	_, err := manifest.Read("night.yaml", []byte(`
name: market-digest
budgets: {batch: 50}
jobs:
  - name: EU Market Digest
    task: 2026
`))
	fmt.Println(err)
	// Output:
	// night.yaml:3:1: budgets: is not a field of a manifest (did you mean budget?)
	// night.yaml:6:11: jobs[0].task: want text, got a number (for text, quote it: "2026")
}
