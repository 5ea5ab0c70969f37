package host

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/obs"
)

const usage = `worker runs offpeak's nights: it polls Temporal, sends what may be sent, and
keeps the books. Start as many as you like; they must share one ledger.

usage: worker [--address HOST:PORT] [--namespace NAME] [--profile NAME]

flags:
  --address HOST:PORT   Temporal's address; default: the profile's, TEMPORAL_ADDRESS, localhost:7233
  --namespace NAME      Temporal's namespace; default: the profile's, TEMPORAL_NAMESPACE, default
  --profile NAME        profile of Temporal's configuration file; default: TEMPORAL_PROFILE, default

environment:
%s
Temporal's own variables (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY,
TEMPORAL_TLS_...) and its configuration file are read as by its own CLI.

SIGINT or SIGTERM drains: nothing new is sent, and what is in flight, which is
paid for, is waited for. A second one doesn't wait; the next worker then looks
for those requests in the provider's log before anything is sent again.

exit codes: 0 drained, 1 our fault, 2 a setting or the key, 6 Temporal or a store
out of reach, 130 cut off

example, without spending a cent:
  go run ./cmd/simulator --addr 127.0.0.1:8787 &
  SWARMS_BASE_URL=http://127.0.0.1:8787 SWARMS_API_KEY=sk-simulator go run ./worker
`

// Main is the program: args without its name, env as os.Environ gives it. It
// is the exit code.
func Main(args, env []string, out, errs io.Writer) int {
	var address, namespace, profile string
	flags := flag.NewFlagSet("worker", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // what is wrong is said below, once
	flags.StringVar(&address, "address", "", "")
	flags.StringVar(&namespace, "namespace", "", "")
	flags.StringVar(&profile, "profile", "", "")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintf(out, usage, config.Help("SWARMS_API_KEY", "SWARMS_API_KEY_FILE", "SWARMS_BASE_URL",
			"SWIFTIA_API_KEY", "SWIFTIA_ORGANISATION", "SWIFTIA_LIMIT", "SWIFTIA_BASE_URL", "ALLSWAP_KEY_ID", "ALLSWAP_SECRET", "ALLSWAP_RPM", "ALLSWAP_QUOTES_MONTH", "ALLSWAP_BASE_URL", "OFFPEAK_DIALECTS",
			"OFFPEAK_LEDGER", "OFFPEAK_ARCHIVE", "OFFPEAK_LAKE", "OFFPEAK_LIMITS", "OFFPEAK_CAP_DAY", "OFFPEAK_CAP_KEY", "OFFPEAK_WATCH_FLOOR", "OFFPEAK_CREDITS_LOW",
			"OFFPEAK_NOTIFY", "OFFPEAK_NOTIFY_FILE", "OFFPEAK_NOTIFY_SECRET", "OFFPEAK_NOTIFY_QUIET", "OFFPEAK_DEPLOYMENT", "OFFPEAK_BUILD_ID",
			"OFFPEAK_CODEC_KEYS_FILE", "OFFPEAK_CODEC_KEYS", "OFFPEAK_LOG_LEVEL", "OFFPEAK_LOG_FORMAT"))
		return batch.ExitDone
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		return complain(errs, &batch.Fault{Kind: batch.BadInput, Op: "read flags", Detail: err.Error(), Hint: "worker --help"})
	}
	tuneMemory(env)
	c, err := config.Load(env)
	if err != nil {
		return complain(errs, err)
	}
	temporal, err := config.Temporal(env, profile)
	if err != nil {
		return complain(errs, err)
	}
	if address != "" {
		temporal.HostPort = address
	}
	if namespace != "" {
		temporal.Namespace = namespace
	}
	log, err := obs.New(obs.Options{Level: c.LogLevel, Format: c.LogFormat, Out: errs})
	if err != nil {
		return complain(errs, err)
	}
	ctx, cut, done := untilSignal()
	defer done()
	if err := Run(ctx, c, Options{Temporal: temporal, Log: log, Out: out, Cut: cut}); err != nil {
		return complain(errs, err)
	}
	return batch.ExitDone
}

// untilSignal is a context that the first SIGINT or SIGTERM ends, and a
// channel that the second one closes.
func untilSignal() (ctx context.Context, cut <-chan struct{}, done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	second := make(chan struct{})
	over := make(chan struct{})
	go func() {
		for _, act := range []func(){cancel, func() { close(second) }} {
			select {
			case <-signals:
				act()
			case <-over:
				return
			}
		}
	}()
	return ctx, second, func() {
		signal.Stop(signals)
		close(over)
		cancel()
	}
}

// complain says what is wrong and is the exit code.
func complain(w io.Writer, err error) int {
	_, _ = fmt.Fprintf(w, "error: %v\n", err)
	var f *batch.Fault
	if errors.As(err, &f) && f.Hint != "" {
		_, _ = fmt.Fprintf(w, "hint: %s\n", f.Hint)
	}
	return batch.KindOf(err).ExitCode()
}
