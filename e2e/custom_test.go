package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/glyphmill"
	"github.com/offpeak/offpeak/simulator/stage"
	"github.com/offpeak/offpeak/starter/cli"
	"github.com/offpeak/offpeak/worker/host"
)

// TestACustomAPI is a night of an API that none of the built-in ones resembles,
// by its declaration in examples/custom alone: with a real Temporal server, a
// worker that has no other provider, and the shell. An answer that is lost after
// the work was bought is found by our own reference, and bought once.
func TestACustomAPI(t *testing.T) {
	t.Parallel()
	sim := glyphmill.New(glyphmill.Options{
		Latency: simulator.Latency{Kind: "fixed", Low: 3 * time.Second},
		Options: stage.Options{Faults: []stage.Rule{{Match: "*", Kind: stage.KindReset, AfterWork: true, Times: 1}}},
	})
	web := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); web.CloseClientConnections(); web.Close() })
	address := devserver.ForTest(t, devserver.Options{}).Address

	dir := t.TempDir()
	env := config.Env{
		"HOME=" + dir, "OFFPEAK_LEDGER=sqlite:" + filepath.Join(dir, "offpeak.db"), "OFFPEAK_ARCHIVE=file://" + filepath.Join(dir, "archive"),
		"OFFPEAK_DIALECTS=../examples/custom/glyphmill.yaml", "GLYPHMILL_KEY=" + glyphmill.DefaultKey, "GLYPHMILL_BASE_URL=" + web.URL,
	}
	c, err := config.Load(env)
	if err != nil {
		t.Fatal(err)
	}
	working, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- host.Run(working, c, host.Options{
			Temporal: client.Options{HostPort: address, Namespace: client.DefaultNamespace}, Ready: func() { close(ready) },
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}

	// The example as it stands, at whatever hour the test runs.
	text, err := os.ReadFile("../examples/custom/manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	open := regexp.MustCompile(`(?m)^# Its pages.*\nwindow:\n(  .*\n)+`).ReplaceAllString(string(text), "")
	manifest := filepath.Join(dir, "archive.yaml")
	if err := os.WriteFile(manifest, []byte(strings.Replace(open, "jobs:", "policy: {request_timeout: 10s}\njobs:", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, string, int) {
		t.Helper()
		var out, errs bytes.Buffer
		code := cli.Run(t.Context(), append(args, "--address", address), cli.World{
			In: strings.NewReader(""), Out: &out, Err: &errs, Env: env, Now: time.Now, Local: time.UTC, Width: 0,
		})
		if all := out.String() + errs.String(); strings.Contains(all, glyphmill.DefaultKey) {
			t.Errorf("%v prints the key: %s", args, all)
		}
		return out.String(), errs.String(), code
	}
	for _, example := range []string{"../examples/custom/manifest.yaml", manifest} {
		if out, errs, code := run("validate", example); code != 0 {
			t.Errorf("validate: %d\n%s%s", code, out, errs)
		}
	}
	out, errs, code := run("run", manifest, "--json")
	var r batch.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %s\n%s", err, out, errs)
	}
	books := sim.Books()
	bought := books.Purchases()
	if code != 0 || !r.Audit.Passed || !r.Discount.None || r.Jobs.Succeeded != 2 || len(bought) != 2 || r.Money.Billed != books.Totals().Cost || len(books.Totals().Lost) != 1 {
		t.Errorf("exit %d, %+v; bought %+v\n%s", code, r, bought, errs)
	}
	temporal, err := client.Dial(client.Options{HostPort: address, Namespace: client.DefaultNamespace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(temporal.Close)
	h := &house{t: t, dir: dir, client: temporal}
	h.record("nightly/"+string(r.Batch), "nightly-metered")
	h.record("nightly/"+string(r.Batch)+"/000000", "shard-metered")
	if twice := books.Twice(); len(twice) > 0 {
		t.Errorf("bought twice: %v", twice)
	}
	for _, args := range [][]string{
		{"jobs", string(r.Batch)}, {"jobs", string(r.Batch), "--job", "ships-log"}, {"report", string(r.Batch)}, {"results", string(r.Batch)}, {"ledger", "verify"}, {"estimate", manifest}, {"evidence", string(r.Batch), "-o", filepath.Join(dir, "evidence.zip")}, {"evidence", "verify", filepath.Join(dir, "evidence.zip")}, {"usage"}, {"report", "--month", string(r.Night)[:7]},
	} {
		out, errs, code := run(args...)
		if code != 0 {
			t.Errorf("%v: %d\n%s%s", args, code, out, errs)
		}
		if testing.Verbose() {
			fmt.Printf("$ starter %s\n%s%s\n", strings.Join(args, " "), out, errs)
		}
	}
}
