package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/starter/nightly"
)

// uiFlag adds --ui-address.
func (a *app) uiFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.ui, "ui-address", "", "where the Temporal UI is, instead of TEMPORAL_UI_ADDRESS; http://localhost:8233 for a server on localhost:7233")
}

// temporalUI is where the Temporal UI is, as flag, environment and Temporal's
// address say; the zero UI when none does.
func (a *app) temporalUI() (nightly.UI, error) {
	o, err := config.Temporal(a.Env, a.profile)
	if err != nil {
		return nightly.UI{}, err
	}
	if a.address != "" {
		o.HostPort = a.address
	}
	if a.namespace != "" {
		o.Namespace = a.namespace
	}
	address := a.ui
	if address == "" {
		address = a.Env.Lookup("TEMPORAL_UI_ADDRESS")
	}
	return nightly.FindUI(address, o.HostPort, o.Namespace)
}

// page is a night's page in the Temporal UI; "" when nobody knows where that
// is. An address that can't be right was refused before anything was started.
func (a *app) page(n nightly.Night) string {
	ui, err := a.temporalUI()
	if err != nil {
		return ""
	}
	return ui.Night(n)
}

// uiLink prints the link that fills the UI's Start Workflow form. Nothing is
// started, and nobody is asked.
func (a *app) uiLink(ctx context.Context, file, window string) error {
	in, err := a.load(ctx, file, window)
	if err != nil {
		return err
	}
	ui, err := a.temporalUI()
	if err != nil {
		return err
	}
	request := in.request()
	if in.url != "" && !in.replaced { // by name, whatever is in it
		request = nightly.Request{Ref: in.url, Name: in.manifest.Name, Window: in.manifest.Window, Slow: in.manifest.Policy.RequestTimeout}
	}
	form, err := ui.Form(request)
	if err != nil {
		return err
	}
	if a.json {
		return a.object(form)
	}
	fmt.Fprintln(a.Out, form.Link)
	if form.Input == nil {
		a.note("open it and press Start Workflow: the worker reads %s, the input stays empty", printable(form.WorkflowID))
		return nil
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, form.Input, "", "  "); err != nil {
		return err
	}
	a.note("open it, paste this into the field Data, and press Start Workflow:")
	fmt.Fprintln(a.Out, pretty.String())
	return nil
}
