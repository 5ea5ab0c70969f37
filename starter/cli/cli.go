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
	asked     string // the batch that the command is about, as it was typed
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
minute, with nothing set up: starter demo. A batch is a manifest on one night,
market-digest/2026-11-22; its name alone means its latest night.

Results go to standard output, progress and errors to standard error. Every
command takes --json and --help; starter completion teaches them to a shell.`

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
			dumb := a.Env.Lookup("TERM") == "dumb"
			a.Color = a.Color && !a.noColor && a.Env.Lookup("NO_COLOR") == "" && !dumb
			if dumb {
				a.Width = 0 // no bar: it moves the cursor
			}
		},
	}
	f := root.PersistentFlags()
	f.BoolP("help", "h", false, "this page")
	f.BoolVar(&a.json, "json", false, "print exactly one JSON object to standard output")
	f.StringVar(&a.address, "address", "", "Temporal's host:port, instead of TEMPORAL_ADDRESS or the profile's")
	f.StringVar(&a.namespace, "namespace", "", "Temporal namespace, instead of TEMPORAL_NAMESPACE or the profile's")
	f.StringVar(&a.profile, "profile", "", "profile of Temporal's configuration file")
	f.BoolVar(&a.noColor, "no-color", false, "no colours, whatever the terminal can do (NO_COLOR does the same)")
	root.AddCommand(a.validateCmd(), a.estimateCmd(), a.runCmd(), a.startCmd(), a.statusCmd(), a.reportCmd(), a.reconcileCmd(), a.jobsCmd(), a.ledgerCmd(), a.demoCmd(), a.providersCmd(), a.versionCmd())
	root.AddCommand(a.resultsCmd())
	root.AddCommand(a.pauseCmd(), a.resumeCmd(), a.cancelCmd(), a.raiseCmd(), a.stopCmd(), a.goCmd())
	root.AddCommand(a.watchCmd(), a.listCmd(), a.alertsCmd(), a.usageCmd(), a.adviceCmd(), a.exportCmd("export"))
	root.AddCommand(a.evidenceCmd())
	root.AddCommand(a.logsCmd())
	root.AddCommand(a.serveCmd(), a.keysCmd(), a.codecCmd())
	root.AddCommand(topics()...)
	root.AddCommand(a.scheduleCmd())
	root.AddCommand(a.purgeCmd(), a.deployCmd())
	root.SuggestionsMinimumDistance = 2
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { helpTo(a.Out, c) })
	root.SetOut(a.Out) // before the commands that remember it
	root.SetErr(a.Err)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd("starter") // else they come too late for the manual
	bind(root)
	a.complete(root)
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

// night asks for exactly one batch, and remembers it: when there is none, the
// one that is meant is guessed.
func (a *app) night(c *cobra.Command, args []string) error {
	if err := one(aNight)(c, args); err != nil {
		return err
	}
	a.asked = args[0]
	return nil
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
