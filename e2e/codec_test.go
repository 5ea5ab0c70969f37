package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/codec"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// codecKey makes a key of the codec: its line.
func codecKey(t *testing.T, id string) string {
	t.Helper()
	line, err := codec.NewKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// inTemporal searches Temporal's database for a text: as it is, in base64 at
// each of the three places in which it can begin there, and for pieces of it.
func (h *house) inTemporal(text string) (as []string) {
	h.t.Helper()
	if len(text) < 20 {
		h.t.Fatalf("pieces of %q are found anywhere", text)
	}
	forms := map[string]string{"itself": text, "its first half": text[:len(text)/2], "its second half": text[len(text)/2:]}
	for skip := range 3 {
		b := base64.RawStdEncoding.EncodeToString([]byte("..."[:skip] + text))
		forms["base64 "+"012"[skip:skip+1]] = b[4 : len(b)-4]
	}
	all := h.temporalFiles()
	for name, form := range forms {
		if bytes.Contains(all, []byte(form)) {
			as = append(as, name)
		}
	}
	return as
}

// temporalFiles is Temporal's database as it is on the disk.
func (h *house) temporalFiles() (all []byte) {
	h.t.Helper()
	for _, file := range []string{"temporal.db", "temporal.db-wal"} {
		data, err := os.ReadFile(filepath.Join(h.dir, file))
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, data...)
	}
	if len(all) < 100_000 {
		h.t.Fatalf("Temporal's database has %d bytes: this searches the wrong file", len(all))
	}
	return all
}

// codecCLI is Temporal's own command line with a codec server.
func (h *house) codecCLI(endpoint, auth string, args ...string) (string, error) {
	h.t.Helper()
	binary, err := devserver.Find("")
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.CommandContext(h.t.Context(), binary, append(args, "--address", h.temporal.Address, "--codec-endpoint", endpoint, "--codec-auth", auth)...)
	cmd.Env = h.env()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestEncrypted runs nights whose manifests are in Temporal whole, with the
// codec: nothing of them can be found in Temporal's own database, every door
// goes on as ever, and people with a key of the HTTP API read them by Temporal's
// CLI and UI. Then one night without the codec: all that was searched for is
// found.
func TestEncrypted(t *testing.T) {
	t.Parallel()
	var desk atomic.Pointer[httputil.ReverseProxy] // the UI wants to know where the codec is before it is there
	endpointURL := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { desk.Load().ServeHTTP(w, r) }))
	t.Cleanup(endpointURL.Close)
	h := open(t, want{
		opens: -time.Minute, ui: true, file: true, codec: codecKey(t, "2026-11"),
		server: []string{"--namespace", callers, "--ui-codec-endpoint", endpointURL.URL + "/codec"},
	})
	w := h.worker()
	door := h.serve("TEMPORAL_UI_ADDRESS=" + h.temporal.UI)
	to, err := url.Parse(door.url)
	if err != nil {
		t.Fatal(err)
	}
	desk.Store(httputil.NewSingleHostReverseProxy(to))

	const job, why = "Merger-of-walrus-and-otter", "why-of-the-pause-is-private"
	secrets := []string{secretPrompt, job, why}
	manifest := func(name string, n int, more string) string {
		text, err := os.ReadFile(h.manifest(name, n, more))
		if err != nil {
			t.Fatal(err)
		}
		return h.file(name+".yaml", strings.ReplaceAll(string(text), "Job ", job+" "))
	}

	// A night, from its start to its report, by the shell.
	path := manifest("private-digest", 3, "")
	id := h.batchID("private-digest")
	ran := h.starter("run", "--json", path)
	if r := ran.result(t); ran.code != 0 || r.Jobs.Succeeded != 3 || !r.Audit.Passed {
		t.Fatalf("%+v", ran)
	}
	for _, ask := range [][]string{{"status", "--json", string(id)}, {"report", "--json", string(id)}} {
		if got := h.starter(ask...); got.code != 0 || got.result(t).Jobs.Succeeded != 3 {
			t.Errorf("%v: %+v", ask, got)
		}
	}
	history := h.history(id.WorkflowID(), "")
	for _, s := range secrets[:2] {
		if strings.Contains(history, s) {
			t.Errorf("the history holds %q", s)
		}
	}

	// One over HTTP, and one that fails: its error is a fault with its words.
	if r, err := door.night(t.Context(), h.inline(manifest("private-over-http", 2, ""))); err != nil || r.Jobs.Succeeded != 2 {
		t.Errorf("over HTTP: %+v, %v", r, err)
	}
	poor := h.starter("run", manifest("private-poor", 2, "budget: {batch: 0.000001}\n"))
	if poor.code != batch.ExitMoney || !strings.Contains(poor.stderr, "0.000001") {
		t.Errorf("over budget: %+v", poor)
	}
	if got := h.failed(h.batchID("private-poor").WorkflowID()); !strings.Contains(got, "OverBudget") || strings.Contains(got, "Encoded failure") {
		t.Errorf("its failure: %s", got)
	}

	// A schedule with a manifest in it, a pause with a reason, a query.
	h.scheduled(manifest("private-later", 2, ""))
	if s := h.starter("schedule", "show", "private-later"); s.code != 0 || !strings.Contains(s.out, h.window.Zone) {
		t.Errorf("%+v", s)
	}
	if got := h.starter("codec", "used"); got.code != 0 || !regexp.MustCompile(`(?m)^2026-11 +\d+ +1 .*private-later`).MatchString(got.out) {
		t.Errorf("the keys in use: %+v", got)
	}
	run := h.awaitRun("private-later", func(r nightly.ScheduleRun) bool { return r.State != "running" })
	if run.State != string(workflows.StateDone) {
		t.Errorf("the schedule's run: %+v", run)
	}
	if got := h.starter("schedule", "list"); !strings.Contains(got.out, "private-later") {
		t.Errorf("%+v", got)
	}
	if got := h.starter("start", h.file("held.json", string(later("private-held")))); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	h.awaitState(batchOf(t, later("private-held")), workflows.StateWaiting)
	if got := h.starter("pause", "private-held", "--why", why); got.code != 0 {
		t.Errorf("%+v", got)
	}
	if got := h.starter("status", "private-held"); !strings.Contains(got.out, why) {
		t.Errorf("the status of a paused night: %+v", got)
	}
	if got := h.starter("cancel", "private-held"); got.code != 0 {
		t.Errorf("%+v", got)
	}

	// A service in another namespace, with the key and without it.
	c := h.neighbour()
	var r batch.Result
	if err := call(t, c, "ada", digest, h.inline(manifest("private-nexus", 2, ""))).Get(t.Context(), &r); err != nil || r.Jobs.Succeeded != 2 {
		t.Errorf("by Nexus: %+v, %v", r, err)
	}
	var (
		app   *temporal.ApplicationError
		fault batch.Fault
	)
	err = call(t, c, "ben", digest, json.RawMessage(`{"nme": "x"}`)).Get(t.Context(), nil)
	if !errors.As(err, &app) || app.Type() != string(batch.BadInput) || app.Details(&fault) != nil || !strings.Contains(err.Error(), "nme") || fault.Hint == "" {
		t.Errorf("a manifest that is wrong, by Nexus: %v, %+v", err, fault)
	}

	for _, s := range secrets {
		if as := h.inTemporal(s); len(as) > 0 {
			t.Errorf("Temporal's database holds %q as %v", s, as)
		}
	}
	if !bytes.Contains(h.temporalFiles(), []byte(codec.KeyIDTag)) {
		t.Error("nothing in Temporal's database is encrypted")
	}
	if strings.Contains(w.text()+door.text(), secretPrompt) {
		t.Error("a log holds the prompt")
	}

	t.Run("Temporal's CLI", func(t *testing.T) {
		show := []string{"workflow", "show", "--workflow-id", id.WorkflowID(), "--output", "json"}
		if out := readable(h.temporalCLI(show...)); strings.Contains(out, secretPrompt) || !strings.Contains(out, codec.KeyIDTag) {
			t.Error("it shows the prompt without the codec")
		}
		for _, at := range []string{door.url + "/codec/{namespace}", door.url + "/codec"} {
			if out, err := h.codecCLI(at, "Bearer "+door.key, show...); err != nil || !strings.Contains(readable(out), secretPrompt) {
				t.Errorf("with the codec at %s: %v, %.500s", at, err, out)
			}
		}
		// It tries a refused codec server for ten seconds.
		hasty := append(show, "--command-timeout", "3s")
		if out, err := h.codecCLI(door.url+"/codec", "Bearer offpeak_wrong", hasty...); err == nil || strings.Contains(readable(out), secretPrompt) {
			t.Errorf("with another key: %v, %.500s", err, out)
		}
	})

	t.Run("the Temporal UI", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(browser(t), 3*time.Minute)
		defer cancel()
		p := page{h, ctx}
		at := p.night(id.WorkflowID(), "history")
		p.goTo(at)
		p.reads("NightlyBatch", "Encoded", codec.KeyIDTag)
		if strings.Contains(p.text(), secretPrompt) {
			t.Error("it shows the prompt to somebody without a key")
		}
		p.shot(ctx, "codec-locked")

		// Signed in to offpeak's page, with the UI told to send cookies along.
		p.goTo(endpointURL.URL + "/login")
		p.until("form", `!!document.querySelector("input[name=key]")`)
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(() => { document.querySelector('input[name=key]').value = "+quoted(door.key)+"; document.querySelector('input[name=key]').form.submit(); return ''; })()")); err != nil {
			t.Fatal(err)
		}
		p.until("front page", `location.pathname === "/"`)
		p.goTo(at)
		p.reads("NightlyBatch")
		p.sendCookies(endpointURL.URL + "/codec")
		p.goTo(at)
		p.reads(secretPrompt)
		p.shot(ctx, "codec-open")
	})

	// The same without keys on the starter's side: the input is in clear, the
	// worker reads it all the same, and the search finds it.
	if got := h.starterEnv([]string{"OFFPEAK_CODEC_KEYS_FILE="}, "start", manifest("open-digest", 2, "")); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	if got := h.starter("watch", "open-digest"); got.code != 0 {
		t.Errorf("a night that was started in clear: %+v", got)
	}
	for _, s := range secrets[:2] {
		if as := h.inTemporal(s); len(as) == 0 {
			t.Errorf("a search that doesn't find %q where it is proves nothing", s)
		}
	}
	clear := h.keyless(callers, "keyless")
	run2, err := clear.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "cleo", TaskQueue: "keyless"}, digest, h.inline(manifest("open-nexus", 2, "")))
	if err != nil {
		t.Fatal(err)
	}
	if err := run2.Get(t.Context(), &r); err == nil || !strings.Contains(err.Error(), codec.Encoding) {
		t.Errorf("a caller without the key: %+v, %v", r, err)
	}
	if got := h.starterEnv([]string{"OFFPEAK_CODEC_KEYS_FILE="}, "report", string(id)); got.code != batch.ExitBadInput || !strings.Contains(got.stderr, "key 2026-11") || !strings.Contains(got.stderr, "OFFPEAK_CODEC_KEYS_FILE") {
		t.Errorf("without the key: %+v", got)
	}
}

// keyless is a service that has no key, with a worker of its own.
func (h *house) keyless(namespace, queue string) client.Client {
	h.t.Helper()
	c, err := client.Dial(client.Options{HostPort: h.temporal.Address, Namespace: namespace, Logger: quiet{}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Close)
	w := sdkworker.New(c, queue, sdkworker.Options{})
	w.RegisterWorkflow(digest)
	if err := w.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(w.Stop)
	return c
}

// sendCookies has the UI do what its dialog "Codec Server" does: for this browser,
// another endpoint than the server's, and cookies sent along.
func (p page) sendCookies(endpoint string) {
	p.t.Helper()
	for name, value := range map[string]string{
		"endpoint": quoted(endpoint), "includeCredentials": "true", "overrideRemoteCodecConfiguration": "true",
	} {
		if _, err := p.js("localStorage.setItem(" + quoted(name) + ", " + quoted(value) + ")"); err != nil {
			p.t.Fatal(err)
		}
	}
}

// readable is JSON of Temporal's with what its payloads hold.
func readable(out string) string {
	var all strings.Builder
	all.WriteString(out)
	for _, m := range regexp.MustCompile(`"data": "([^"]*)"`).FindAllStringSubmatch(out, -1) {
		if b, err := base64.StdEncoding.DecodeString(m[1]); err == nil {
			all.Write(b)
		}
	}
	return all.String()
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// TestAMissingKey: a worker without the key of a night stops at it, visibly,
// and ends nothing; with the key it goes on. The key is changed meanwhile, in
// the order that docs/security.md has.
func TestAMissingKey(t *testing.T) {
	t.Parallel()
	first, second := codecKey(t, "first"), codecKey(t, "second")
	h := open(t, want{opens: -time.Minute, codec: first})
	theirs := h.file("other-keys", second)
	strangers := h.worker("OFFPEAK_CODEC_KEYS_FILE=" + theirs)
	path := h.manifest("locked", 4, "")
	if got := h.starter("start", path); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	id := h.batchID("locked")
	events := h.client.GetWorkflowHistory(t.Context(), id.WorkflowID(), "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for failed := false; !failed; {
		if !events.HasNext() {
			t.Fatal("the night ended")
		}
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		failed = e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED
	}
	strangers.await("key first")
	if n := len(h.books().posts); n != 0 {
		t.Errorf("%d requests were sent", n)
	}

	if got := h.starterEnv([]string{"OFFPEAK_CODEC_KEYS_FILE=" + theirs}, "codec", "used"); got.code != batch.ExitBadInput || !strings.Contains(got.stderr, "key first") ||
		!regexp.MustCompile(`(?m)^first +1 +0 +nightly/locked/`).MatchString(got.out) || !regexp.MustCompile(`(?m)^second +0 +0 +it encrypts`).MatchString(got.out) {
		t.Errorf("%+v", got)
	}

	// The file is changed under the running worker: it reads both, and
	// encrypts with its own.
	if err := os.Rename(h.file("both", second+"\n"+first), theirs); err != nil {
		t.Fatal(err)
	}
	strangers.await("read anew")
	if err := os.Rename(h.file("both", first+"\n"+second), h.codec); err != nil {
		t.Fatal(err)
	}
	if got := h.starter("watch", "locked"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	if got := h.starter("report", "--json", string(id)); got.code != 0 || got.result(t).Jobs.Succeeded != 4 {
		t.Errorf("%+v", got)
	}
	check := h.starter("codec", "check")
	if rows := regexp.MustCompile(`(?m)^(first|second) +[0-9a-f]{8} +`).FindAllString(check.out, -1); check.code != 0 || len(rows) != 2 {
		t.Errorf("%+v", check)
	}
}
