package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/starter/cli/demo"
)

func (a *app) demoCmd() *cobra.Command {
	o := demo.Options{Out: a.Out}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play a whole night in about a minute, with nothing set up",
		Long: `Plays a whole night on this machine, without a key and without a cent: a real
Temporal server with its UI, a simulator in the provider's place, a worker, the
page for people, and a price window that opens in some seconds and closes a
minute later. Forty jobs run into a rate limit, a server that fails, an answer
that is lost after it was billed, and a request that can't be right. At the end
come the morning report and the simulator's own books: nothing was bought twice,
and both sides agree to the micro-dollar.

The temporal binary is found by --temporal, OFFPEAK_TEMPORAL, .bin/temporal or
PATH; make demo gets one.`,
		Example: "  starter demo --keep",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Out, o.Binary = a.Out, firstOf(o.Binary, a.Env.Lookup("OFFPEAK_TEMPORAL"))
			if a.json {
				o.Out = a.Err
			}
			o.Serve = a.desk
			if a.Release != nil {
				context.AfterFunc(c.Context(), a.Release) // the first Ctrl-C ends all in order, a second one at once
			}
			r, err := demo.Run(c.Context(), o)
			if err != nil {
				return err
			}
			if a.json {
				if err := a.object(r); err != nil {
					return err
				}
			}
			if !r.AsStaged {
				return exit(batch.ExitInternal)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Binary, "temporal", "", "path of the temporal binary")
	f.BoolVar(&o.Keep, "keep", false, "leave everything up after the report, until Ctrl-C")
	f.BoolVar(&o.Dev, "dev", false, "play no night: a server, the simulator and a worker, until Ctrl-C")
	return cmd
}

// desk is starter serve with other settings, for the demo's world.
func (a *app) desk(ctx context.Context, env config.Env, ready func(url string)) error {
	r, w := io.Pipe()
	go func() {
		var said struct {
			URL string `json:"url"`
		}
		if json.NewDecoder(r).Decode(&said) == nil {
			ready(said.URL)
		}
		_, _ = io.Copy(io.Discard, r)
	}()
	code := Run(ctx, []string{"serve", "--json"}, World{In: strings.NewReader(""), Out: w, Err: io.Discard, Env: env, Now: a.Now, Local: a.Local})
	_ = w.Close() // a pipe's end always closes
	if code != batch.ExitDone {
		return &batch.Fault{Kind: batch.Internal, Op: "serve the page", Detail: fmt.Sprintf("it ended with exit code %d", code)}
	}
	return nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
