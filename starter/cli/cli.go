package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/starter/nightly"
)

// World is what a command sees of the machine.
type World struct {
	In       io.Reader
	Out, Err io.Writer
	Env      config.Env
	Now      func() time.Time
	Local    *time.Location // in which people read times, beside the window's zone and UTC
	Width    int            // columns of the terminal that Err is; 0 when it isn't one
	Color    bool           // Out is a terminal that shows colours
	Release  func()         // lets go of Ctrl-C, so that a second one ends the program; may be nil
}

// Standard is the world of a program that a person started. Release is called
// once the first Ctrl-C was seen.
func Standard(release func()) World {
	w := World{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: config.Env(os.Environ()), //nolint:forbidigo // the environment enters here and is read in internal/config
		Now: time.Now, Local: time.Local, Release: release,
	}
	if fd := int(os.Stderr.Fd()); term.IsTerminal(fd) {
		if width, _, err := term.GetSize(fd); err == nil {
			w.Width = width
		}
	}
	w.Color = term.IsTerminal(int(os.Stdout.Fd()))
	return w
}

// app is one call of the program.
type app struct {
	World
	json      bool
	noColor   bool
	address   string
	namespace string
	profile   string
	ui        string // address of the Temporal UI
	began     bool   // flags and arguments were fine, a command runs
}

// exit ends a command with a code after everything was said.
type exit int

func (e exit) Error() string { return "exit" }

// Run runs one command and returns its exit code.
func Run(ctx context.Context, args []string, w World) int {
	a := &app{World: w}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(w.In)
	root.SetOut(w.Out)
	root.SetErr(w.Err)
	err := root.ExecuteContext(ctx)
	var code exit
	switch {
	case err == nil:
		return batch.ExitDone
	case errors.As(err, &code):
		return int(code)
	}
	if !a.began {
		a.json = a.json || slices.Contains(args, "--json") // flags weren't read to their end
		err = usage(err)
	}
	return a.complain(ctx, err)
}

const rootLong = `offpeak runs batches of paid API jobs in the provider's cheap hours, durably, on
Temporal: the discount lands, no job is paid for twice, nothing is lost, and the
morning proves it in dollars.

A night needs a Temporal server and a worker (go run ./worker). To see one in a
minute, with nothing set up: starter demo.

Exit codes: 0 done and audited; 1 our fault; 2 bad input; 3 done, with failed or
parked jobs; 4 refused for money, or jobs were skipped because a budget was
reached; 5 audit failed; 6 provider or Temporal out of reach; 130 interrupted.

Settings: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the rest of Temporal's
environment configuration say where Temporal is (localhost:7233 by default).
SWARMS_API_KEY, where it is set, lets estimate read the live rate card; the other
commands need no key. OFFPEAK_LEDGER says which books jobs, results and ledger
read, OFFPEAK_ARCHIVE which answers results prints.`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "starter",
		Short:         "Hand nights over, follow them, read their reports",
		Long:          rootLong,
		Example:       "  starter run examples/market-digest.yaml",
		SilenceErrors: true, // complain says it, once, in our form
		SilenceUsage:  true,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun: func(*cobra.Command, []string) {
			a.began = true
			a.Color = a.Color && !a.noColor && a.Env.Lookup("NO_COLOR") == "" && a.Env.Lookup("TERM") != "dumb"
		},
	}
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print exactly one JSON object to standard output")
	f.StringVar(&a.address, "address", "", "Temporal's host:port, instead of TEMPORAL_ADDRESS or the profile's")
	f.StringVar(&a.namespace, "namespace", "", "Temporal namespace, instead of TEMPORAL_NAMESPACE or the profile's")
	f.StringVar(&a.profile, "profile", "", "profile of Temporal's configuration file")
	f.BoolVar(&a.noColor, "no-color", false, "no colours, whatever the terminal can do (NO_COLOR does the same)")
	root.AddCommand(a.validateCmd(), a.estimateCmd(), a.runCmd(), a.startCmd(), a.statusCmd(), a.reportCmd(), a.reconcileCmd(), a.jobsCmd(), a.ledgerCmd(), a.demoCmd(), a.versionCmd())
	root.AddCommand(a.resultsCmd())
	root.AddCommand(a.pauseCmd(), a.resumeCmd(), a.cancelCmd(), a.raiseCmd(), a.stopCmd(), a.goCmd())
	root.SuggestionsMinimumDistance = 2
	return root
}

// dial connects to Temporal as the environment, the profile and the flags say.
func (a *app) dial(ctx context.Context) (*nightly.Client, error) {
	o, err := config.Temporal(a.Env, a.profile)
	if err != nil {
		return nil, err
	}
	if a.address != "" {
		o.HostPort = a.address
	}
	if a.namespace != "" {
		o.Namespace = a.namespace
	}
	o.Logger = silent{} // what goes wrong comes back as an error
	c, err := nightly.Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	return c.WithClock(a.Now), nil
}

// one asks for exactly one argument, and says what it is.
func one(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("want one argument, %s; got %d", what, len(args))
		}
		return nil
	}
}

const (
	aManifest = "a manifest's file or - for standard input"
	aNight    = "a batch id such as market-digest/2026-11-22, or a name alone for its latest night"
)

// silent is a logger for the SDK that says nothing.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

// named checks what a night is named by, before anybody is asked for it.
func named(arg string) error {
	err := batch.Name(arg).Valid()
	if strings.Contains(arg, "/") {
		_, err = batch.ParseID(arg)
	}
	if err != nil {
		return &batch.Fault{Kind: batch.BadInput, Op: "find night", Thing: arg, Err: err, Hint: "name " + aNight}
	}
	return nil
}

// reach connects to Temporal and finds the night that NAME/NIGHT or NAME, its
// latest, means. done ends the connection.
func (a *app) reach(ctx context.Context, arg string) (n nightly.Night, done func(), err error) {
	if err := named(arg); err != nil {
		return n, nil, err
	}
	client, err := a.dial(ctx)
	if err != nil {
		return n, nil, err
	}
	if strings.Contains(arg, "/") {
		n, err = client.Find(ctx, batch.ID(arg))
	} else {
		n, err = client.Latest(ctx, batch.Name(arg))
	}
	if err != nil {
		client.Close()
		return n, nil, err
	}
	return n, client.Close, nil
}
