package e2e

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
)

// desk starts starter serve without keys, on a free port of loopback, and says
// where.
func (h *house) desk() string {
	h.t.Helper()
	p := h.start("starter", nil, "serve", "--addr", "127.0.0.1:0")
	p.await("serving http://")
	return regexp.MustCompile(`serving (http://[^,\s]+)`).FindStringSubmatch(p.text())[1]
}

// TestThePage looks at every view of the page in a real browser, beside nights
// with faults, one of them under way: light and dark, wide and narrow. Then it
// does what a person would: watches, pauses, goes on, cancels, signs in.
func TestThePage(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -20 * time.Minute, sim: func(o *simulator.Options) {
		o.Accounts[0].Limits = &simulator.Limits{Quotas: []simulator.Quota{{Name: "minute", Span: time.Minute, Limit: 60}}}
		o.Faults = []simulator.Rule{
			{Match: "Job 003", Kind: simulator.KindFullPrice},
			{Match: "Job 005", Kind: simulator.KindReset, AfterWork: true, Attempts: simulator.Attempts{From: 1, To: 1}},
			{Match: "Job 007", Kind: simulator.KindStatus, Status: 400, Detail: "Model gpt-9 is not available."},
		}
	}})
	h.worker()
	_ = h.starter("run", h.manifest("leaky", 20, ""))
	text, err := os.ReadFile(h.manifest("digest", 500, "")) // eight minutes: it goes on while everything is looked at
	if err != nil {
		t.Fatal(err)
	}
	_ = h.starter("start", h.file("digest.yaml", strings.ReplaceAll(string(text), "Job ", "Digest ")))
	_ = h.starter("schedule", "create", h.file("nightly.yaml", strings.ReplaceAll(string(text), "name: digest", "name: nightly-digest")))
	at, door := h.desk(), h.serve()

	ctx, cancel := context.WithTimeout(browser(t), 8*time.Minute)
	defer cancel()
	night := string(h.night())
	see := watch(t, ctx, at)
	h.sameEverywhere(ctx, at, batch.ID("leaky/"+night))
	see.clean(ctx, "leaky")
	live := at + "/nights/digest/" + night
	for _, size := range []struct {
		name string
		w, h int64
	}{{"wide", 1280, 1400}, {"narrow", 390, 1400}} {
		for _, scheme := range []string{"light", "dark"} {
			for name, path := range map[string]string{
				"nights": "/", "leaky": "/nights/leaky/" + night, "live": "/nights/digest/" + night, "jobs": "/nights/leaky/" + night + "/jobs",
				"job": "/nights/leaky/" + night + "/job?name=Job+005", "estimate": "/estimate", "spend": "/spend", "daily": "/daily", "schedules": "/schedules", "missing": "/nowhere",
				"docs": "/docs",
			} {
				view := name + "-" + size.name + "-" + scheme
				if err := chromedp.Do(ctx, chromedp.EmulateViewport(size.w, size.h), prefers(scheme), chromedp.Navigate(at+path), chromedp.WaitVisible(chromedp.CSS("h1"))); err != nil {
					t.Fatalf("%s: %v", view, err)
				}
				h.shot(ctx, view)
				switch {
				case name == "missing":
					see.forget() // the browser says itself that there is no such page
				case size.w < 640 && scheme == "dark": // the colours of the wide one, the shape of the light one
					see.quiet(view)
				default:
					see.clean(ctx, view)
				}
			}
		}
	}

	// The night waits for the minute's limit, and the page says so and moves.
	step := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		inner, done := context.WithTimeout(ctx, time.Minute)
		defer done()
		if err := chromedp.Do(inner, steps...); err != nil {
			h.shot(ctx, "failed")
			t.Fatalf("%s: %v", what, err)
		}
	}
	shown := func(text string) chromedp.Action[chromedp.Void] {
		return chromedp.WaitVisible(`//div[@id="live"]//*[contains(text(), "` + text + `")]`)
	}
	step("watch", chromedp.EmulateViewport(1280, 1400), prefers("light"), chromedp.Navigate(live), shown("sending"), shown("wait: "))
	step("pause", chromedp.Click(`//button[text()="Pause"]`), shown("paused"), chromedp.WaitVisible(`//button[text()="Resume"]`))
	h.shot(ctx, "paused")
	see.clean(ctx, "paused")
	step("resume", chromedp.Click(`//button[text()="Resume"]`), shown("sending"))
	step("cancel", chromedp.Click(`//summary[contains(., "More")]`), chromedp.SendKeys(chromedp.CSS("#why"), "enough seen"), chromedp.Click(`//button[text()="Cancel the night"]`),
		shown("audit"), chromedp.WaitVisible(`//a[contains(., "cancelled")]`))
	h.shot(ctx, "cancelled")
	see.clean(ctx, "cancelled")

	// With keys nobody looks without one.
	e := watch(t, ctx, door.url)
	step("sign in", chromedp.Navigate(door.url+"/spend"), chromedp.WaitVisible(chromedp.CSS("#key")))
	e.clean(ctx, "login")
	step("sign in", chromedp.SendKeys(chromedp.CSS("#key"), door.key), chromedp.Click(`//button[text()="Sign in"]`), chromedp.WaitVisible(`//h1[text()="Spend"]`))
	h.shot(ctx, "signed-in")
	e.clean(ctx, "signed in")
}
