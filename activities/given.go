package activities

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// given is the value that a night was asked for with, however a form handed it
// over. A form has few ways to do it right, and none of the others costs
// anything:
//
//   - nothing at all, under a workflow id that is a URL: that of a manifest.
//     The start form of the Temporal UI takes a workflow id from a link, and no
//     input (src/lib/pages/start-workflow.svelte of github.com/temporalio/ui)
//   - text, as JSON: a manifest in YAML or JSON that was encoded once more, or
//     the URL of one
//
// Everything else is for manifest.Read to judge.
func given(in batch.PlanRequest) (json.RawMessage, error) {
	value := json.RawMessage(bytes.TrimSpace(in.Input))
	if len(value) == 0 || string(value) == "null" {
		if !isURL(in.WorkflowID) {
			return nil, &batch.Fault{
				Kind: batch.BadInput, Op: "read manifest", Thing: "input", Detail: "there is no input",
				Hint: `hand over a manifest as JSON, {"manifest": "file:///srv/night.yaml"} or {"batch": "NAME/NIGHT"}; or make the manifest's URL the workflow id`,
			}
		}
		return reference(in.WorkflowID)
	}
	var text string
	if value[0] != '"' {
		return value, nil
	}
	if err := json.Unmarshal(value, &text); err != nil {
		return value, nil //nolint:nilerr // no JSON at all: manifest.Read says where
	}
	if url := strings.TrimSpace(text); isURL(url) {
		return reference(url)
	}
	return json.RawMessage(text), nil
}

// isURL says that a text is an address and not a manifest: one line, without
// spaces, with a scheme that names no option of a YAML document.
func isURL(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	return ok && rest != "" && !strings.ContainsAny(s, " \t\r\n{}[]\"'") && !strings.Contains(scheme, ":")
}

func reference(url string) (json.RawMessage, error) {
	return json.Marshal(map[string]string{"manifest": url})
}
