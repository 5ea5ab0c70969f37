package nightly

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// UI is a Temporal UI and the namespace to look at in it. The zero UI is none:
// its links are "".
type UI struct {
	Address   string // "http://localhost:8233", without a slash at the end
	Namespace string
}

// FindUI is where the UI is: at the address that somebody named; else, of a
// development server on this machine, at its usual port; else, of Temporal
// Cloud, at cloud.temporal.io. Of any other server it is the zero UI: nobody
// guesses. An address that is no http or https URL is a fault of kind BadInput.
//
// The ports are those of `temporal server start-dev`: 7233, and 8233 for the UI
// (https://docs.temporal.io/cli/server).
func FindUI(address, hostPort, namespace string) (UI, error) {
	ui := UI{Namespace: namespace}
	if address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return UI{}, &batch.Fault{
				Kind: batch.BadInput, Op: "find the Temporal UI", Thing: "its address", Detail: "is not the URL of a site", // not repeated: it may hold a secret
				Hint: "write it as http://localhost:8233, without a user and without a query",
			}
		}
		ui.Address = strings.TrimRight(u.String(), "/")
		return ui, nil
	}
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return UI{}, nil //nolint:nilerr // what Temporal's address is worth is for the connection to say
	}
	ip := net.ParseIP(host)
	switch {
	case port == "7233" && (host == "localhost" || ip != nil && ip.IsLoopback()):
		ui.Address = "http://" + net.JoinHostPort(host, "8233")
	case strings.HasSuffix(host, ".tmprl.cloud") || strings.HasSuffix(host, ".api.temporal.io"):
		ui.Address = "https://cloud.temporal.io"
	default:
		return UI{}, nil
	}
	return ui, nil
}

// Night is the page of a night.
func (ui UI) Night(n Night) string {
	if ui.Address == "" {
		return ""
	}
	link := ui.workflows() + "/" + url.PathEscape(n.WorkflowID)
	if n.RunID != "" {
		link += "/" + url.PathEscape(n.RunID)
	}
	return link
}

func (ui UI) workflows() string {
	return ui.Address + "/namespaces/" + url.PathEscape(ui.Namespace) + "/workflows"
}

// Form is a link to the UI's Start Workflow form.
type Form struct {
	Link       string          `json:"ui_link"`
	WorkflowID string          `json:"workflow_id"`
	Input      json.RawMessage `json:"input,omitempty"` // to be pasted into the form; none when the link is all that it takes
}

// maxID is how many bytes a workflow id may have, by the server's default
// (limit.maxIDLength).
const maxID = 1000

// Form is the form, filled as far as a link can fill it: workflow id, task
// queue and type. There is no parameter for the input. So a manifest with a
// place of its own goes by the workflow id, which is its URL: whoever opens the
// link only has to press Start Workflow, on any night anew. What has no such
// place, or is more than that, is in Input.
func (ui UI) Form(r Request) (Form, error) {
	input, name, _, _, err := r.read()
	if err != nil {
		return Form{}, err
	}
	if ui.Address == "" {
		return Form{}, &batch.Fault{
			Kind: batch.BadInput, Op: "link to the Temporal UI", Thing: string(name), Detail: "nobody knows where the UI is",
			Hint: "name it with --ui-address or TEMPORAL_UI_ADDRESS, such as http://localhost:8233",
		}
	}
	f := Form{WorkflowID: string(name), Input: input}
	if r.Ref != "" && !r.Replace && len(r.Ref) <= maxID {
		f.WorkflowID, f.Input = r.Ref, nil
	}
	f.Link = fmt.Sprintf("%s/start-workflow?workflowId=%s&taskQueue=%s&workflowType=%s", ui.workflows(),
		url.QueryEscape(f.WorkflowID), url.QueryEscape(workflows.TaskQueue), url.QueryEscape(workflows.NightlyBatchName))
	return f, nil
}
