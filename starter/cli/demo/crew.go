package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/worker/host"
)

// crew is everybody on stage: what was started, in order, and how it is ended,
// in the other order.
type crew struct {
	dir      string
	temporal *devserver.Server
	books    *simulator.Server
	base     string // URL of the simulator
	page     string // URL of the page for people; "" when there is none
	door     *nightly.Client
	failed   chan error // a part that ended by itself
	ends     []func()
	once     sync.Once
}

// close ends everybody: the worker drains first, while the provider still
// answers and the server still listens.
func (c *crew) close() {
	c.once.Do(func() {
		for i := len(c.ends) - 1; i >= 0; i-- {
			c.ends[i]()
		}
	})
}

// temporalServer is the first on stage: the others need its address.
func (c *crew) temporalServer(ctx context.Context, binary string) error {
	dir, err := os.MkdirTemp("", "offpeak-demo-")
	if err != nil {
		return &batch.Fault{Kind: batch.Internal, Op: "make folder for the demo", Err: err}
	}
	c.dir = dir
	c.ends = append(c.ends, func() { _ = os.RemoveAll(dir) })
	c.temporal, err = devserver.Start(ctx, devserver.Options{Binary: binary, DBFile: filepath.Join(dir, "temporal.db"), UI: true})
	if err != nil {
		f := &batch.Fault{Kind: batch.OutOfReach, Op: "start Temporal", Err: err, Hint: "make demo gets the binary; --temporal names another one"}
		if errors.Is(err, devserver.ErrNoBinary) {
			f.Kind = batch.BadInput
		}
		if ctx.Err() != nil {
			f.Kind, f.Detail, f.Hint = batch.Cancelling, "interrupted", ""
		}
		return f
	}
	c.ends = append(c.ends, func() { _ = c.temporal.Stop() })
	return nil
}

// provider puts the simulator on a free port.
func (c *crew) provider(ctx context.Context, w tariff.Window) error {
	s, err := provider(w)
	if err != nil {
		return &batch.Fault{Kind: batch.Internal, Op: "set up simulator", Err: err}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return &batch.Fault{Kind: batch.Internal, Op: "listen for the simulator", Err: err}
	}
	c.books, c.base = s, "http://"+l.Addr().String()
	c.background(ctx, "simulator", func(ctx context.Context) error { return s.Serve(ctx, l) })
	return nil
}

// kept is where everything is kept: the demo's own folder.
func (c *crew) kept() []string {
	return []string{"OFFPEAK_LEDGER=sqlite:" + filepath.Join(c.dir, "offpeak.db"), "OFFPEAK_ARCHIVE=file://" + filepath.ToSlash(filepath.Join(c.dir, "archive"))}
}

// provided is who plays the provider.
func (c *crew) provided() []string {
	return []string{"SWARMS_BASE_URL=" + c.base, "SWARMS_API_KEY=" + simulator.DefaultKey}
}

// exports are the settings of another shell: where Temporal is, for what asks a
// worker, and where the books are, for what reads them.
func (c *crew) exports() string {
	var b strings.Builder
	for _, settings := range [][]string{{"TEMPORAL_ADDRESS=" + c.temporal.Address, "TEMPORAL_UI_ADDRESS=" + c.temporal.UI}, c.kept(), c.provided()} {
		fmt.Fprintf(&b, "  export %s\n", strings.Join(settings, " "))
	}
	return b.String()
}

// people has the page for people served, on a free port.
func (c *crew) people(ctx context.Context, serve func(context.Context, config.Env, func(string)) error) error {
	ready := make(chan string, 1)
	env := slices.Concat(config.Env{
		"HOME=" + c.dir, "TEMPORAL_ADDRESS=" + c.temporal.Address, "TEMPORAL_UI_ADDRESS=" + c.temporal.UI, "TEMPORAL_CONFIG_FILE=" + os.DevNull,
		"OFFPEAK_HTTP_ADDR=127.0.0.1:0",
	}, c.kept(), c.provided())
	c.background(ctx, "page", func(ctx context.Context) error { return serve(ctx, env, func(url string) { ready <- url }) })
	select {
	case c.page = <-ready:
		return nil
	case err := <-c.failed:
		return err
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

// worker runs the real host, with books and archive of its own, and waits
// until it polls.
func (c *crew) worker(ctx context.Context) error {
	settings, err := config.Load(slices.Concat(config.Env{"HOME=" + c.dir}, c.kept(), c.provided()))
	if err != nil {
		return err
	}
	ready := make(chan struct{})
	c.background(ctx, "worker", func(ctx context.Context) error {
		return host.Run(ctx, settings, host.Options{
			Temporal: client.Options{HostPort: c.temporal.Address, Namespace: client.DefaultNamespace},
			Ready:    func() { close(ready) },
		})
	})
	select {
	case <-ready:
		return nil
	case err := <-c.failed:
		return err
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

// background runs a part until the crew is closed. It isn't ended by ctx:
// Ctrl-C ends the parts in order.
func (c *crew) background(ctx context.Context, part string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := run(ctx)
		if ctx.Err() == nil {
			if err == nil {
				err = errors.New("it ended by itself")
			}
			var f *batch.Fault
			if !errors.As(err, &f) {
				err = &batch.Fault{Kind: batch.Internal, Op: "run " + part, Err: err}
			}
			select {
			case c.failed <- err:
			default:
			}
		}
	}()
	c.ends = append(c.ends, func() { cancel(); <-done })
}

// user connects the door.
func (c *crew) user(ctx context.Context) error {
	door, err := nightly.Dial(ctx, client.Options{HostPort: c.temporal.Address, Logger: silent{}})
	if err != nil {
		return err
	}
	c.door = door
	c.ends = append(c.ends, door.Close)
	return nil
}

func interrupted(ctx context.Context) error {
	return &batch.Fault{Kind: batch.Cancelling, Op: "play demo", Detail: fmt.Sprint(context.Cause(ctx))}
}

// silent is a logger for the SDK that says nothing.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
