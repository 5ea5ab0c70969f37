package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/starter/httpapi"
	"github.com/offpeak/offpeak/starter/httpapi/events"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/worker/host"
)

// The tests run on a real Temporal server with a real worker, whose provider is
// the simulator, once for the package. Every request and answer passes a judge
// that compares it with the document.
var world struct {
	dir     string // of the ledger, the archive and the roots
	env     config.Env
	address string // Temporal's
	client  *nightly.Client
	server  *httptest.Server // the door
	down    *httptest.Server // a door to nowhere: no Temporal, no ledger, no archive
	read    string           // keys
	operate string
	ring    *keys.Ring
	judge   *judge
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	end, err := build(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if all := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == ""; all && code == 0 {
		for _, missing := range world.judge.unseen() {
			fmt.Fprintln(os.Stderr, "never seen, though the document has it:", missing)
			code = 1
		}
	}
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// build opens the world and returns how to close it.
func build(ctx context.Context) (func() error, error) {
	var ends []func() error
	end := func() error {
		var all []error
		for i := len(ends) - 1; i >= 0; i-- {
			all = append(all, ends[i]())
		}
		return errors.Join(all...)
	}
	dir, err := os.MkdirTemp("", "offpeak-http-")
	if err != nil {
		return nil, err
	}
	ends = append(ends, func() error { return os.RemoveAll(dir) })
	world.dir = dir
	// Nobody's own keys are used, and no metadata service is looked for.
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing", "AWS_EC2_METADATA_DISABLED": "true"} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	world.env = config.Env{"HOME=" + dir, "OFFPEAK_LEDGER=sqlite:" + filepath.Join(dir, "offpeak.db"), "OFFPEAK_ARCHIVE=file://" + filepath.Join(dir, "archive")}
	temporal, err := devserver.Start(ctx, devserver.Options{})
	if err != nil {
		return nil, err
	}
	ends = append(ends, temporal.Kill)
	world.address = temporal.Address
	api, stopAPI, err := provider()
	if err != nil {
		return nil, err
	}
	ends = append(ends, stopAPI)
	stopWorker, err := work(api)
	if err != nil {
		return nil, err
	}
	ends = append(ends, stopWorker)
	if world.client, err = nightly.Dial(ctx, client.Options{HostPort: world.address}); err != nil {
		return nil, err
	}
	ends = append(ends, func() error { world.client.Close(); return nil })
	return end, doors(&ends)
}

// provider is the simulator, open at any hour.
func provider() (address string, stop func() error, err error) {
	w, err := simulator.ParseWindow(openNow())
	if err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	sim := simulator.New(simulator.Options{Window: w, Faults: []simulator.Rule{
		{Match: "stuck", Kind: simulator.KindHang},
		{Match: "lost", Kind: simulator.KindStatus, Status: http.StatusUnprocessableEntity},
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Serve(ctx, l) }()
	return l.Addr().String(), func() error { cancel(); return <-done }, nil
}

func work(api string) (func() error, error) {
	c, err := config.Load(append(world.env, "SWARMS_API_KEY="+simulator.DefaultKey, "SWARMS_BASE_URL=http://"+api))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	cut := make(chan struct{})
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- host.Run(ctx, c, host.Options{
			Temporal: client.Options{HostPort: world.address, Namespace: client.DefaultNamespace}, Ready: func() { close(ready) }, Cut: cut,
		})
	}()
	select {
	case <-ready:
	case err := <-done:
		stop()
		return nil, err
	}
	return func() error {
		stop()
		close(cut) // a job that hangs on purpose isn't waited for
		<-done     // how a cut drain ends is the worker's own test
		return nil
	}, nil
}

// doors are the API in front of the world, and one that stands before nothing.
func doors(ends *[]func() error) error {
	var lines []string
	for _, k := range []struct {
		scope keys.Scope
		into  *string
	}{{keys.Read, &world.read}, {keys.Operate, &world.operate}} {
		secret, line, err := keys.New("a-"+string(k.scope)+"-key", k.scope)
		if err != nil {
			return err
		}
		*k.into, lines = secret, append(lines, line)
	}
	ring, err := keys.Open(keys.Source{Lines: lines})
	if err != nil {
		return err
	}
	roots, err := httpapi.ParseRoots([]string{"file://" + world.dir + "/roots/", "s3://nights/in/?region=r&endpoint=http://127.0.0.1:1"})
	if err != nil {
		return err
	}
	hub := events.New(events.Options{Find: events.Nights(world.client), Shape: httpapi.Shape, Every: 20 * time.Millisecond})
	*ends = append(*ends, func() error { hub.Close(); return nil })
	world.ring = ring
	open := func(o httpapi.Options) (*httptest.Server, error) {
		api, err := httpapi.New(o)
		if err != nil {
			return nil, err
		}
		s := httptest.NewServer(authenticated(api))
		*ends = append(*ends, api.Close, func() error { s.Close(); return nil })
		return s, nil
	}
	o := httpapi.Options{Client: world.client, Env: world.env, Events: hub, Roots: roots, MaxUpload: 1 << 20, Version: "test"}
	if world.server, err = open(o); err != nil {
		return err
	}
	nowhere, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	if err != nil {
		return err
	}
	*ends = append(*ends, func() error { nowhere.Close(); return nil })
	o.Client, o.Events = nightly.New(nowhere, "127.0.0.1:1"), nil
	o.Env = config.Env{"HOME=" + world.dir, "OFFPEAK_LEDGER=postgres://nobody:hunter2@127.0.0.1:1/offpeak", "OFFPEAK_ARCHIVE=file:///dev/null/archive"}
	if world.down, err = open(o); err != nil {
		return err
	}
	world.judge, err = newJudge(world.server.URL)
	return err
}

// authenticated says whose key came, as the server does.
func authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secret, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if k, ok := world.ring.Check(secret); ok {
			r = r.WithContext(keys.With(r.Context(), k))
		}
		api.ServeHTTP(w, r)
	})
}

// serve is one more door.
func serve(t *testing.T, api http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(authenticated(api))
	t.Cleanup(s.Close)
	return s
}

// call is one request and what it is sent with.
type call struct {
	method, path string
	body         string
	contentType  string // application/json when there is a body
	key          string // operate when ""
	header       map[string]string
	server       *httptest.Server // world.server when nil
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request through the judge.
func do(t testing.TB, c call) answer {
	t.Helper()
	if c.server == nil {
		c.server = world.server
	}
	if c.method == "" {
		c.method = http.MethodGet
	}
	var body io.Reader
	if c.body != "" {
		body = strings.NewReader(c.body)
		if c.contentType == "" {
			c.contentType = "application/json"
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), c.method, c.server.URL+c.path, body)
	if err != nil {
		t.Fatal(err)
	}
	if c.contentType != "" && c.contentType != "none" {
		r.Header.Set("Content-Type", c.contentType)
	}
	switch c.key {
	case "":
		r.Header.Set("Authorization", "Bearer "+world.operate)
	case "none":
	default:
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	for k, v := range c.header {
		r.Header.Set(k, v)
	}
	res, err := (&http.Client{Transport: world.judge.watch(t)}).Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// want is do for a status, decoded.
func want[T any](t testing.TB, status int, c call) T {
	t.Helper()
	a := do(t, c)
	var out T
	if a.status != status {
		t.Fatalf("%s %s: %d, want %d\n%s", c.method, c.path, a.status, status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		t.Fatalf("%s %s: %v\n%s", c.method, c.path, err, a.body)
	}
	return out
}

// openNow is a window that is open around now, shut one that opens in hours.
func openNow() string {
	now := time.Now().UTC()
	return now.Add(-2*time.Hour).Format("15:04") + "-" + now.Add(8*time.Hour).Format("15:04") + "@UTC"
}

// nightOf is a manifest whose window opens so long after now, with these jobs.
func nightOf(name string, opens time.Duration, jobs ...string) string {
	at := time.Now().UTC().Add(opens)
	var list bytes.Buffer
	for i, j := range jobs {
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprintf(&list, `{"name":%q,"task":"t"}`, j)
	}
	return fmt.Sprintf(`{"name":%q,"policy":{"log_lag":"0s","request_timeout":"30s"},"window":{"timezone":"UTC","open":%q,"close":%q,"buffer":"0s"},
 "defaults":{"agents":[{"agent_name":"A","model_name":"gpt-4o-mini","max_tokens":64}]},"jobs":[%s]}`,
		name, at.Format("15:04"), at.Add(10*time.Hour).Format("15:04"), list.String())
}

var mu sync.Mutex // of the judge's notes
