package cli

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/build"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/obs"
	"github.com/offpeak/offpeak/starter/httpapi"
	"github.com/offpeak/offpeak/starter/httpapi/events"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/server"
	"github.com/offpeak/offpeak/starter/web"
)

// serving is what starter serve was told by flags.
type serving struct {
	addr, cert, certKey string
	origins             []string
	maxBody, maxUpload  string
	followers, perKey   int
	drain, delay        time.Duration
}

func (a *app) serveCmd() *cobra.Command {
	var s serving
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Offer all of this over HTTP, with a page for people",
		Long: `Listens on 127.0.0.1:8780 and answers what docs/http.md describes: /v1/batches and
below, estimates, uploads, schedules, events of a night as they happen; /docs and
/openapi.json say what can be asked; / is a page for people. Start as many servers
as you like: they hold nothing.

Without keys it listens on loopback alone, and whoever reaches it may do
everything. Any other address needs keys: see starter keys new. Keys and the
certificate are followed as their files change, and read anew on SIGHUP.

With keys of the codec (starter codec), the Temporal UI and CLI have payloads
decrypted below /codec, for whoever has a key: see docs/security.md. Of other
origins' pages only those of --ui-address may ask there.

/healthz says that it lives, /readyz whether Temporal, the ledger, the keys and the
certificate are as they should be. Each request is a line of the log: never a
header, a query or a body.

SIGTERM or Ctrl-C drains: nothing new is accepted, those who follow nights are told
to come back elsewhere, running requests end. A second one doesn't wait.`,
		Example: `  starter serve
  starter serve --addr :8780 --tls-cert cert.pem --tls-key key.pem`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), s) },
	}
	f := cmd.Flags()
	f.StringVar(&s.addr, "addr", "", "host:port to listen on, instead of OFFPEAK_HTTP_ADDR; port 0 takes a free one")
	f.StringVar(&s.cert, "tls-cert", "", "PEM file of a certificate with its chain, instead of OFFPEAK_HTTP_TLS_CERT")
	f.StringVar(&s.certKey, "tls-key", "", "PEM file of its private key, instead of OFFPEAK_HTTP_TLS_KEY")
	f.StringArrayVar(&s.origins, "cors-origin", nil, "origin whose pages may call, such as https://desk.example.com; can be given again (default none)")
	f.StringVar(&s.maxBody, "max-body", "16MiB", "the largest request")
	f.StringVar(&s.maxUpload, "max-upload", "1GiB", "the largest upload of jobs")
	f.IntVar(&s.followers, "max-followers", 4000, "clients that follow nights at once; each takes some 40 KiB")
	f.IntVar(&s.perKey, "rate", 50, "requests a second with one key, and twice as many at once")
	f.DurationVar(&s.drain, "drain", 30*time.Second, "time for running requests to end")
	f.DurationVar(&s.delay, "drain-delay", 0, "how long to go on accepting while /readyz says no already, for a balancer to look")
	a.uiFlag(cmd)
	return cmd
}

// serve runs until ctx ends.
func (a *app) serve(ctx context.Context, s serving) error {
	c, err := config.Load(a.Env)
	if err != nil {
		return err
	}
	limits, err := s.limits()
	if err != nil {
		return err
	}
	log, err := obs.New(obs.Options{Level: c.LogLevel, Format: c.LogFormat, Out: a.Err})
	if err != nil {
		return err
	}
	ring, err := keys.Open(keys.Source{Lines: revealed(c.HTTPKeys), File: c.HTTPFile, Changed: func(err error) {
		if err != nil {
			log.Error("the file of keys isn't taken: the keys from before hold", zap.Error(err))
			return
		}
		log.Info("the keys were read anew")
	}})
	if err != nil {
		return err
	}
	roots := httpapi.AnyRoot() // of one user: as on the command line
	if !ring.Empty() {
		if roots, err = httpapi.ParseRoots(c.HTTPRoots); err != nil {
			return err
		}
	}
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	shelf := &shelf{env: a.Env}
	defer shelf.close()
	hub := events.New(events.Options{Find: events.Nights(client), Shape: httpapi.Shape, Most: s.followers, Log: log})
	defer hub.Close()
	api, err := httpapi.New(httpapi.Options{
		Client: client, Env: a.Env, Events: hub, Roots: roots, MaxUpload: limits.Upload, Now: a.Now, Log: log, Version: build.This().Version,
	})
	if err != nil {
		return err
	}
	defer api.Close() //nolint:errcheck // books that were only read
	o := server.Options{
		Addr: firstOf(s.addr, c.HTTPAddr), Handler: api, Keys: ring, Cert: firstOf(s.cert, c.HTTPCert), CertKey: firstOf(s.certKey, c.HTTPKey),
		Origins: s.origins, Limits: limits, Drain: hub.Close, Log: log, Now: a.Now,
		Checks: []server.Check{{Name: "temporal", Ask: client.Ping}, {Name: "ledger", Ask: shelf.ping}},
	}
	ui, err := a.temporalUI()
	if err != nil {
		return err
	}
	if err := a.codecInto(&o, ui); err != nil {
		return err
	}
	links := ""
	if ui.Address != "" {
		links = ui.Address + "/namespaces/" + ui.Namespace
	}
	o.Pages = shelf.pages(web.Options{
		Client: client, Keys: ring, Stream: hub.Stream, Env: a.Env, UI: links, Now: a.Now, Log: log, Version: build.This().Version, Secure: o.Cert != "",
	})
	srv, err := server.New(ctx, o)
	if err != nil {
		return err
	}
	return a.listen(ctx, srv, ring, log, o.Cert != "")
}

// listen says where, and answers until it is told to stop.
func (a *app) listen(ctx context.Context, srv *server.Server, ring *keys.Ring, log *zap.Logger, secure bool) error {
	if a.json {
		if err := a.object(map[string]any{"url": srv.URL(), "keys": !ring.Empty()}); err != nil {
			return err
		}
	} else {
		who := "with keys"
		if ring.Empty() {
			who = "without keys: whoever is on this machine may do everything"
		}
		fmt.Fprintf(a.Out, "serving %s, %s; /docs says what can be asked\n", srv.URL(), who)
	}
	if !ring.Empty() && !secure && !srv.Loopback() {
		log.Warn("keys cross the network in clear: give --tls-cert and --tls-key, or have a proxy in front that does TLS")
	}
	if a.Release != nil {
		defer context.AfterFunc(ctx, a.Release)() // a second signal ends the program
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	defer signal.Stop(again)
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case <-again:
				srv.Reload()
			case <-over:
				return
			}
		}
	}()
	return srv.Run(ctx, nil)
}

// limits are those that flags give; the server has the others.
func (s serving) limits() (server.Limits, error) {
	l := server.Limits{PerKey: rate.Limit(s.perKey), PerKeyBurst: 2 * s.perKey, Drain: s.drain, Delay: s.delay}
	var wrong []string
	for _, size := range []struct {
		flag, text string
		into       *int64
	}{{"--max-body", s.maxBody, &l.Body}, {"--max-upload", s.maxUpload, &l.Upload}} {
		n, ok := bytesOf(size.text)
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s %q isn't a size such as 16MiB", size.flag, size.text))
		}
		*size.into = n
	}
	for _, n := range []struct {
		flag string
		is   int64
	}{{"--max-followers", int64(s.followers)}, {"--rate", int64(s.perKey)}, {"--drain", int64(s.drain)}} {
		if n.is < 1 {
			wrong = append(wrong, n.flag+" must be above 0")
		}
	}
	if s.delay < 0 {
		wrong = append(wrong, "--drain-delay must not be below 0")
	}
	if len(wrong) > 0 {
		return l, &batch.Fault{Kind: batch.BadInput, Op: "serve", Detail: strings.Join(wrong, "\n")}
	}
	return l, nil
}

// bytesOf reads 1048576, 512KiB, 16MiB or 1GiB.
func bytesOf(text string) (int64, bool) {
	unit := int64(1)
	for i, name := range []string{"KiB", "MiB", "GiB"} {
		if number, ok := strings.CutSuffix(text, name); ok {
			text, unit = number, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n * unit, err == nil && n > 0 && n <= math.MaxInt64/unit
}

func revealed(secrets []config.Secret) []string {
	lines := make([]string, len(secrets))
	for i, s := range secrets {
		lines[i] = s.Reveal()
	}
	return lines
}
