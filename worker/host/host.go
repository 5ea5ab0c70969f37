// Package host is the worker as a library: it opens the stores, dials
// Temporal, binds the story's names to the hands' functions, runs, and drains.
// worker/main.go calls Main; the demo and the tests call Run.
//
// It is the only place that knows both the story (workflows) and the hands
// (activities).
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/codec"
	"github.com/offpeak/offpeak/internal/build"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/obs"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/open"
	"github.com/offpeak/offpeak/notify"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// Options are what Run needs beside the settings.
type Options struct {
	Temporal client.Options // where and how, as config.Temporal reads it
	Log      *zap.Logger    // none when nil
	Out      io.Writer      // the ready line, and what a shutdown waits for; none when nil

	// Ready is called once, when both workers poll. May be nil.
	Ready func()

	// Cut ends a drain that takes too long: what is in flight then is unknown
	// until the next worker finds it in the provider's log. May be nil.
	Cut <-chan struct{}
}

// Run works until ctx ends, then drains: nothing new is sent, and what is in
// flight, which is paid for, is waited for. Its errors are faults: BadInput for
// a setting (a missing key among them), OutOfReach for Temporal or a store.
func Run(ctx context.Context, c config.Config, o Options) (err error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	api, apis, err := providers(c)
	if err != nil {
		return err
	}
	defer func() {
		if api != nil {
			api.CloseIdle()
		}
		for _, a := range apis {
			a.CloseIdle()
		}
	}()
	for _, w := range c.Warnings {
		o.Log.Warn(w)
	}
	sinks, err := notify.Open(c.Notify.Reveal(), notify.Options{Secret: c.NotifySecret.Reveal()})
	if err != nil {
		return err
	}
	for _, s := range sinks {
		o.Log.Info("alerts go to a sink", zap.String("place", s.Place), zap.String("takes", s.Filter()))
	}
	version, err := deployment(c, build.This())
	if err != nil {
		return err
	}
	books, err := OpenLedger(ctx, c.Ledger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, books.Close()) }()
	store, err := archive.Open(ctx, c.Archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	temporal, err := dial(ctx, o)
	if err != nil {
		return err
	}
	defer temporal.Close()

	hands := activities.New(activities.Deps{
		Ledger: books, Archive: store, Swarms: api, APIs: apis, Log: o.Log,
		Lake:       c.Lake,
		Program:    "offpeak " + build.This().Version + " " + build.This().ID(),
		Caps:       ledger.Caps{Night: c.CapDay, Key: c.CapKey},
		Usage:      activities.Usage{Floor: c.WatchFloor, CreditsLow: c.CreditsLow},
		Running:    running(temporal),
		GiveWay:    givesWay(temporal),
		Attributes: searchAttributes(ctx, temporal, o),
		Limits:     limits(c.Limits),
		Sinks:      sinks,
		Quiet:      c.NotifyQuiet,
		Keep:       c.Keep,
	})
	if err := hands.KeepLimits(ctx); err != nil {
		return err
	}
	if err := hands.KeepAPILimits(ctx); err != nil {
		return err
	}
	if err := hands.RecallDurations(ctx); err != nil {
		return err
	}
	crew, err := hire(temporal, hands, version, o)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(o.Out, "worker ready: queue %s, namespace %s, provider %s, ledger %s\n",
		workflows.TaskQueue, o.Temporal.Namespace, served(api, apis), open.Redacted(c.Ledger))
	_, _ = fmt.Fprint(o.Out, standing(ctx, temporal, version))
	if o.Ready != nil {
		o.Ready()
	}
	select {
	case <-ctx.Done():
	case err = <-crew.failed:
		err = lost(o, err)
	}
	return errors.Join(err, drain(crew, hands, o))
}

// drain stops both workers and says, now and then, what is still going.
func drain(crew *crew, hands *activities.Hands, o Options) error {
	hands.Rest()
	var done sync.WaitGroup
	done.Go(crew.stop)
	stopped := make(chan struct{})
	go func() { done.Wait(); close(stopped) }()
	tell := time.NewTicker(10 * time.Second)
	defer tell.Stop()
	for {
		if n := hands.Sending(); n > 0 {
			_, _ = fmt.Fprintf(o.Out, "draining: waiting for %d paid requests in flight; interrupt again to leave them unknown\n", n)
		}
		select {
		case <-stopped:
			_, _ = fmt.Fprintln(o.Out, "worker stopped")
			return nil
		case <-o.Cut:
			n := hands.Sending()
			_, _ = fmt.Fprintf(o.Out, "worker cut off with %d paid requests in flight; the next worker looks for them in the provider's log\n", n)
			return &batch.Fault{Kind: batch.Cancelling, Op: "drain worker", Moved: batch.MovedMaybe, Detail: fmt.Sprintf("cut off with %d requests in flight", n)}
		case <-tell.C:
		}
	}
}

// limits are the operator's, as the hands take them.
func limits(set []config.Limit) []provider.Window {
	out := make([]provider.Window, len(set))
	for i, l := range set {
		out[i] = provider.Window{Span: l.Span, Limit: l.N}
	}
	return out
}

// dial connects to Temporal, or says plainly that nobody is there.
func dial(ctx context.Context, o Options) (client.Client, error) {
	opts := o.Temporal
	if opts.Logger == nil {
		opts.Logger = obs.SDK(o.Log)
	}
	if keys := codec.Of(opts); keys != nil {
		keys.ApplyWorker(&opts)
		keys.Tell(func(err error) {
			if err != nil {
				o.Log.Error("the codec's keys aren't taken: those from before hold", zap.Error(err))
				return
			}
			o.Log.Info("the codec's keys were read anew", zap.Strings("keys", keys.Ring().IDs()))
		})
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	c, err := client.DialContext(ctx, opts)
	if err != nil {
		return nil, lost(o, err)
	}
	return c, nil
}

const dialTime = 15 * time.Second

func lost(o Options, err error) error {
	if f := nightly.Unreachable(context.Background(), o.Temporal, err); f != nil {
		return f
	}
	return &batch.Fault{
		Kind: batch.OutOfReach, Op: "reach Temporal", Thing: o.Temporal.HostPort, Moved: batch.MovedNo,
		Detail: fmt.Sprintf("namespace %s: %v", o.Temporal.Namespace, err), Err: err,
		Hint: "start a server (make dev, or temporal server start-dev), or set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE; one that asks for TLS needs TEMPORAL_TLS",
	}
}
