package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
)

// watchEvery is how often a night is asked how it stands.
const watchEvery = time.Second

func (a *app) runCmd() *cobra.Command {
	var (
		window string
		detach bool
	)
	cmd := &cobra.Command{
		Use:   "run FILE|-",
		Short: "Start a batch's night and follow it to its report",
		Long: `Checks a manifest, starts its night and follows it: a progress bar on a terminal,
plain lines elsewhere, both on standard error. At the end the report is printed:
what was paid and saved, where every job stands, what the audit found.

Asked for by day, the night waits for 21:00 Pacific (the manifest can say
otherwise) and shows what it is waiting for. Asked for inside the window, it
starts at once. A night that is already running is attached to. One that is over
is run again: what succeeded is never sent twice, what was parked is sent now.

Ctrl-C stops the watching and not the night, which goes on in Temporal.

The exit code is the night's: 0 done and audited, 3 done with jobs left over, 5
the audit failed. With --json standard output gets one object at the end.`,
		Example: `  starter run examples/market-digest.yaml
  starter run --window "00:00-23:59@UTC" examples/market-digest.yaml   # try it now`,
		Args: one(aManifest),
		RunE: func(c *cobra.Command, args []string) error {
			n, done, err := a.begin(c.Context(), args[0], window)
			if err != nil {
				return err
			}
			defer done()
			if detach {
				return a.started(n)
			}
			return a.followTo(c.Context(), n)
		},
	}
	windowFlag(cmd, &window)
	a.uiFlag(cmd)
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "start and don't follow, as starter start does")
	return cmd
}

func (a *app) startCmd() *cobra.Command {
	var (
		window string
		link   bool
	)
	cmd := &cobra.Command{
		Use:   "start FILE|-",
		Short: "Start a batch's night and return at once",
		Long: `Checks a manifest, starts its night and says its batch id, its workflow id and
when it begins. starter status follows it, starter report reads its report.

With --ui-link nothing is started: it prints a link that fills the form Start
Workflow of the Temporal UI, for somebody else to press the button. The worker
then reads the manifest from where it is now, on any night anew. What the UI
can't take from a link (a manifest from standard input, or with --window) is
printed below it, to be pasted.`,
		Example: `  starter start examples/market-digest.yaml --json
  starter start examples/market-digest.yaml --ui-link`,
		Args: one(aManifest),
		RunE: func(c *cobra.Command, args []string) error {
			if link {
				return a.uiLink(c.Context(), args[0], window)
			}
			n, done, err := a.begin(c.Context(), args[0], window)
			if err != nil {
				return err
			}
			defer done()
			return a.started(n)
		},
	}
	windowFlag(cmd, &window)
	cmd.Flags().BoolVar(&link, "ui-link", false, "start nothing, and print a link that fills the Temporal UI's form Start Workflow")
	a.uiFlag(cmd)
	return cmd
}

// begin reads the manifest and starts its night. done ends the connection.
func (a *app) begin(ctx context.Context, file, window string) (n nightly.Night, done func(), err error) {
	if _, err := a.temporalUI(); err != nil {
		return n, nil, err // before anything is started
	}
	in, err := a.load(ctx, file, window)
	if err != nil {
		return n, nil, err
	}
	request := in.request()
	c, err := a.dial(ctx)
	if err != nil {
		return n, nil, err
	}
	if n, err = c.Start(ctx, request); err != nil {
		c.Close()
		return n, nil, err
	}
	return n, c.Close, nil
}

// load reads a manifest that is to be started, and checks all of it that is on
// this machine.
func (a *app) load(ctx context.Context, file, window string) (input, error) {
	in, err := a.read(file, window)
	if err != nil {
		return in, err
	}
	// What is wrong with the jobs of a file is said here, with line and column,
	// rather than by a worker later.
	remote, err := in.each(func(batch.Job) error { return ctx.Err() })
	if err != nil {
		return in, err
	}
	if remote {
		a.note("note: the jobs of %s are checked by the worker, which reads them", printable(in.manifest.JobsFrom))
	}
	if window != "" {
		a.note("note: --window %s replaces the manifest's window and its margins", printable(window))
	}
	if size := len(in.request().Manifest); size > batch.MaxInline {
		return in, &batch.Fault{
			Kind: batch.BadInput, Op: "hand over manifest", Thing: in.source,
			Detail: fmt.Sprintf("it has %s bytes, and a Temporal payload takes %s", grouped(size), grouped(batch.MaxInline)),
			Hint:   "put the jobs into a file of their own, one JSON object a line, and name it in jobs_from",
		}
	}
	return in, nil
}

// startedJSON is the answer of start.
type startedJSON struct {
	nightly.Night
	Begins time.Time    `json:"begins"`
	Reason string       `json:"reason"`
	Of     tariff.Night `json:"night"`
	UI     string       `json:"ui,omitempty"` // its page in the Temporal UI, where that is known
}

// started says what was started and how to follow it.
func (a *app) started(n nightly.Night) error {
	if a.json {
		return a.object(startedJSON{Night: n, Begins: n.Start.At, Reason: n.Start.Reason, Of: n.Batch.Night(), UI: a.page(n)})
	}
	word := "started"
	if n.Running {
		word = "already running"
	}
	fmt.Fprintf(a.Out, "%s: %s\n\n", n.Batch, word)
	t := newTable(a.Out)
	t.row("workflow", n.WorkflowID)
	t.row("begins", a.moments(n.Start.At))
	t.row("because", n.Start.Reason)
	t.row("window", hours(n.Start.Span))
	t.row("follow", "starter watch "+string(n.Batch))
	if page := a.page(n); page != "" {
		t.row("page", page)
	}
	t.flush()
	return nil
}

// followTo watches a night to its end, prints the result and gives its exit
// code.
func (a *app) followTo(ctx context.Context, n nightly.Night) error {
	if n.Running {
		a.note("%s is already running: following it", n.Batch)
	} else if !n.Start.At.IsZero() {
		a.note("%s started: %s", n.Batch, n.Start.Reason)
	}
	if page := a.page(n); page != "" {
		a.note("its page: %s", page)
	}
	f := a.follow()
	r, err := n.Watch(ctx, watchEvery, f.see)
	f.close()
	if ctx.Err() != nil {
		if a.Release != nil {
			a.Release()
		}
		a.note("stopped watching; the night goes on\n  come back:  starter watch %s\n  its report: starter report %s", n.Batch, n.Batch)
		return a.interrupted("follow", string(n.Batch))
	}
	return a.finish(r, err)
}

// interrupted ends a command that Ctrl-C stopped; what it watched goes on.
func (a *app) interrupted(op, thing string) error {
	if a.json { // programs get their one object in any case
		_ = a.object(map[string]any{"error": faultJSON(&batch.Fault{Kind: batch.Cancelling, Op: op, Thing: thing, Detail: "interrupted; it goes on without this command"})})
	}
	return exit(batch.ExitInterrupted)
}

// finish prints how a night ended. One that has a result prints it, also when
// its audit failed: that is what the findings are for. A refused one has only
// an error.
func (a *app) finish(r batch.Result, err error) error {
	var f *batch.Fault
	if r.Batch == "" && errors.As(err, &f) && f.Kind == batch.Cancelling {
		// A person cancelled it in Temporal. Nobody interrupted this command: the
		// jobs are left over.
		writeFault(a.Err, f)
		if a.json {
			_ = a.object(map[string]any{"error": faultJSON(f)})
		}
		return exit(batch.ExitIncomplete)
	}
	if r.Batch == "" {
		return err
	}
	if a.json {
		if r.Audit.Findings == nil {
			r.Audit.Findings = []batch.Finding{}
		}
		if err := a.object(r); err != nil {
			return err
		}
	} else {
		a.writeResult(r)
	}
	code := r.ExitCode()
	if k := batch.KindOf(err); err != nil && code == batch.ExitDone {
		code = k.ExitCode()
	}
	if code != batch.ExitDone {
		return exit(code)
	}
	return nil
}
