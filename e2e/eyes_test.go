package e2e

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axe is axe-core 4.14.1 by Deque Systems, the public checker of accessibility
// (MPL 2.0, as its first lines say).
//
//go:embed testdata/axe.min.js
var axe string

// eyes see what a browser complains about, and whom it asks.
type eyes struct {
	t    *testing.T
	host string
	mu   sync.Mutex
	seen []string // complaints
}

// watch opens the eyes on a page of a server.
func watch(t *testing.T, ctx context.Context, server string) *eyes { //nolint:revive // the test comes first, as everywhere
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	e := &eyes{t: t, host: u.Host}
	err = chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, log.Enable, cdp.Empty{}); err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, target, runtime.Enable, cdp.Empty{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
		return err
	}))
	if err == nil {
		err = chromedp.Listen(ctx, e.see)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *eyes) see(ev any) {
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError || ev.Entry.Level == log.EntryLevelWarning {
			e.complain("log: %s (%s)", ev.Entry.Text, ev.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if ev.Type == "error" || ev.Type == "warning" {
			args, _ := json.Marshal(ev.Args)
			e.complain("console: %s", args)
		}
	case *runtime.EventExceptionThrown:
		text := ev.ExceptionDetails.Text
		if x := ev.ExceptionDetails.Exception; x != nil {
			text += ": " + x.Description
		}
		e.complain("exception: %s", text)
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(ev.Request.URL); err != nil || u.Scheme != "data" && u.Host != e.host {
			e.complain("asks another host: %s", ev.Request.URL)
		}
	}
}

func (e *eyes) complain(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = append(e.seen, fmt.Sprintf(format, args...))
}

// clean fails for what was complained about since the last time, and for what
// keeps people out of the page as it stands.
func (e *eyes) clean(ctx context.Context, view string) {
	e.t.Helper()
	for _, b := range e.barriers(ctx) {
		e.t.Errorf("%s: %s", view, b)
	}
	e.quiet(view)
}

// quiet fails for what was complained about since the last time.
func (e *eyes) quiet(view string) {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.seen {
		e.t.Errorf("%s: %s", view, s)
	}
	e.seen = nil
}

// forget drops what was complained about since the last time.
func (e *eyes) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = nil
}

// barriers are what axe-core calls serious or critical in the page.
func (e *eyes) barriers(ctx context.Context) (out []string) {
	e.t.Helper()
	const ask = `axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v =>
		({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 160) + " :: " + n.any.concat(n.all, n.none).map(c => c.message).join("; ")).slice(0, 3)}))))`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](axe+";true")); err != nil {
		e.t.Fatalf("axe: %v", err)
	}
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](ask, chromedp.EvalAwaitPromise))
	if err != nil {
		e.t.Fatalf("axe: %v", err)
	}
	var found []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		e.t.Fatal(err)
	}
	for _, f := range found {
		if f.Impact == "serious" || f.Impact == "critical" {
			out = append(out, fmt.Sprintf("%s (%s): %s\n\t%s", f.ID, f.Impact, f.Help, strings.Join(f.Nodes, "\n\t")))
		}
	}
	return out
}

// prefers has the browser like light or dark pages.
func prefers(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// TestTheEyesSee plants what they are there for.
func TestTheEyesSee(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><title>planted</title><main><h1>Planted</h1><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><p style="color:#eee;background:#fff">faint</p></main>
			<script>console.error("planted"); fetch("http://127.0.0.1:1/").catch(() => 0); setTimeout(() => { throw new Error("planted") })</script>`))
	}))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(browser(t), time.Minute)
	defer cancel()
	e := watch(t, ctx, srv.URL)
	if err := chromedp.Do(ctx, chromedp.Navigate(srv.URL), chromedp.WaitVisible(chromedp.CSS("h1"))); err != nil {
		t.Fatal(err)
	}
	if found := strings.Join(e.barriers(ctx), "\n"); !strings.Contains(found, "image-alt") || !strings.Contains(found, "color-contrast") {
		t.Errorf("axe found only: %s", found)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		e.mu.Lock()
		all := strings.Join(e.seen, "\n")
		e.mu.Unlock()
		if strings.Contains(all, "console:") && strings.Contains(all, "exception:") && strings.Contains(all, "asks another host: http://127.0.0.1:1/") {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("only seen:\n%s", all)
		}
	}
}
