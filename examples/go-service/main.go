// Go-service is a small service that has its work done at night: topics come in
// over HTTP by day, a night of offpeak is started for them, and the answers are
// there in the morning. Starting and following needs Temporal alone; answers are
// read from the books (OFFPEAK_LEDGER, OFFPEAK_ARCHIVE). It needs no API key.
//
//	go run ./examples/go-service --manifest examples/go-service/brief.json
//	curl -d '{"topics": ["EU SaaS funding", "US macro data"]}' http://127.0.0.1:8090/briefs
//	curl http://127.0.0.1:8090/briefs/2026-11-22
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/codec"
	"github.com/offpeak/offpeak/starter/nightly"
)

func main() {
	address := flag.String("addr", "127.0.0.1:8090", "address to serve on")
	file := flag.String("manifest", "brief.json", "manifest without jobs, as JSON: name, defaults, window, budget")
	keys := flag.String("codec-keys", "", "file of the keys that the workers encrypt with, when they do")
	flag.Parse()
	logs := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *address, *file, *keys, os.Environ(), logs); err != nil {
		logs.Error(err.Error(), "hint", hint(err))
		os.Exit(batch.KindOf(err).ExitCode())
	}
}

// run serves until ctx ends.
func run(ctx context.Context, address, file, keys string, env []string, logs *slog.Logger) error {
	common, name, err := read(file)
	if err != nil {
		return err
	}
	o, err := envconfig.LoadDefaultClientOptions() // TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, profiles, TLS
	if err != nil {
		return &batch.Fault{Kind: batch.BadInput, Op: "read Temporal's settings", Err: err}
	}
	ring, err := codec.Open(codec.Source{File: keys})
	if err != nil {
		return err
	}
	ring.Apply(&o)
	o.Logger = log.NewStructuredLogger(logs)
	nights, err := nightly.Dial(ctx, o)
	if err != nil {
		return err // of kind OutOfReach: it names the address
	}
	defer nights.Close()

	s := &service{nights: nights, name: name, common: common, env: env, logs: logs}
	defer s.following.Wait()
	// What is followed lives in Temporal: after a restart it is found again.
	if n, err := nights.Latest(ctx, name); err == nil {
		s.follow(ctx, n)
	} else if batch.KindOf(err) != batch.NotFound {
		return err
	}

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return &batch.Fault{Kind: batch.BadInput, Op: "listen on", Thing: address, Err: err, Hint: "--addr names another address"}
	}
	server := &http.Server{Handler: s.handler(ctx), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	logs.Info("serving", "address", listener.Addr().String(), "name", name)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done(): // the night goes on without us
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(stopping)
}

// read reads what all nights have in common.
func read(file string) (common map[string]json.RawMessage, name batch.Name, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, "", &batch.Fault{Kind: batch.NotFound, Op: "read manifest", Thing: file, Err: err, Hint: "--manifest names it"}
	}
	if err := json.Unmarshal(data, &common); err != nil {
		return nil, "", &batch.Fault{Kind: batch.BadInput, Op: "read manifest", Thing: file, Err: err}
	}
	if err := json.Unmarshal(common["name"], &name); err != nil || name.Valid() != nil {
		return nil, "", &batch.Fault{Kind: batch.BadInput, Op: "read manifest", Thing: file, Detail: "it has no name that a batch can have", Hint: `write "name": "morning-brief"`}
	}
	return common, name, nil
}

// service starts a night for topics, and hands out its answers.
type service struct {
	nights    *nightly.Client
	name      batch.Name
	common    map[string]json.RawMessage
	env       []string // where the books are
	logs      *slog.Logger
	following sync.WaitGroup
}

// follow logs how a night goes until it is over or ctx ends.
func (s *service) follow(ctx context.Context, n nightly.Night) {
	logs := s.logs.With("batch", n.Batch)
	s.following.Go(func() {
		var last string
		result, err := n.Watch(ctx, 5*time.Second, func(v nightly.View) {
			now := fmt.Sprintf("%s, %d of %d jobs left", v.Progress.State, v.Progress.Jobs.Pending(), v.Progress.Jobs.Total)
			if v.NoWorker {
				now += ", no worker is there"
			}
			if now != last {
				logs.Info("night", "stands", now, "billed", v.Progress.Billed.Dollars())
			}
			last = now
		})
		switch {
		case ctx.Err() != nil: // we stop; the night doesn't
		case result.Batch == "": // refused before anything was sent
			logs.Error(err.Error(), "kind", batch.KindOf(err), "hint", hint(err))
		case err != nil: // its answers are there, and its audit found something: a person has to look
			logs.Error(err.Error(), "kind", batch.KindOf(err), "hint", hint(err), "report", result.Report)
		default:
			logs.Info("the night is over", "jobs", result.Jobs.Succeeded, "paid", result.Money.Billed.Dollars(), "saved", result.Money.Saved.Dollars())
		}
	})
}

// hint is what a person can do about an error.
func hint(err error) string {
	var f *batch.Fault
	if errors.As(err, &f) {
		return f.Hint
	}
	return ""
}
