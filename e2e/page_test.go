package e2e

import (
	"context"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/httpapi/events"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/starter/web"
)

// TestThePage looks at every view of the page in a real browser, beside nights
// with faults, one of them under way: light and dark, wide and narrow.
func TestThePage(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -20 * time.Minute, sim: func(o *simulator.Options) {
		o.Faults = []simulator.Rule{
			{Match: "Slow", Kind: simulator.KindSlow, Delay: simulator.Duration(2500 * time.Millisecond)},
			{Match: "Job 003", Kind: simulator.KindFullPrice},
			{Match: "Job 005", Kind: simulator.KindReset, AfterWork: true, Attempts: simulator.Attempts{From: 1, To: 1}},
			{Match: "Job 007", Kind: simulator.KindStatus, Status: 400, Detail: "Model gpt-9 is not available."},
		}
	}})
	h.worker()
	_ = h.starter("run", h.manifest("leaky", 20, ""))
	text, err := os.ReadFile(h.manifest("slow-digest", 120, ""))
	if err != nil {
		t.Fatal(err)
	}
	slow := h.file("slow.yaml", strings.ReplaceAll(string(text), "Job ", "Slow "))
	_ = h.starter("start", slow)

	env := config.Env(h.env())
	b, err := books.Open(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := nightly.New(h.client, h.temporal.Address)
	hub := events.New(events.Options{Find: events.Nights(c), Shape: func(v nightly.View) any { return v.Progress }})
	defer hub.Close()
	srv := httptest.NewServer(web.New(web.Options{
		Client: c, Books: b, Stream: hub.Stream, Env: env, Now: time.Now, Log: zap.NewNop(), Version: "test",
	}))
	defer srv.Close()

	ctx, cancel := context.WithTimeout(browser(t), 3*time.Minute)
	defer cancel()
	night := string(h.night())
	see := watch(t, ctx, srv.URL)
	h.sameEverywhere(ctx, srv.URL, batch.ID("leaky/"+night))
	see.clean(ctx, "leaky")
	for _, size := range []struct {
		name string
		w, h int64
	}{{"wide", 1280, 1400}, {"narrow", 390, 1400}} {
		for _, scheme := range []string{"light", "dark"} {
			for name, path := range map[string]string{
				"nights": "/", "leaky": "/nights/leaky/" + night, "live": "/nights/slow-digest/" + night, "jobs": "/nights/leaky/" + night + "/jobs",
				"job": "/nights/leaky/" + night + "/job?name=Job+005", "estimate": "/estimate", "spend": "/spend", "schedules": "/schedules",
			} {
				err := chromedp.Do(ctx,
					chromedp.EmulateViewport(size.w, size.h), prefers(scheme),
					chromedp.Navigate(srv.URL+path),
					chromedp.WaitVisible(chromedp.CSS("h1")),
				)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				view := name + "-" + size.name + "-" + scheme
				h.shot(ctx, view)
				see.clean(ctx, view)
			}
		}
	}
}
