package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/offpeak/offpeak/workflows"
)

// browser starts a headless Chromium. A person without one is told; CI fails.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium: scripts/need chromium installs it")
		}
		t.Skip("no Chromium on PATH: the Temporal UI isn't driven; scripts/need chromium installs it where apt is")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1280, 1400), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true))
	alloc, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	ctx, leave := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		leave()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil { // before any timeout: a browser that times out while starting stays half alive
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// TestTemporalUI pastes a manifest as one JSON value into the form of the real
// Temporal UI, starts it there, and reads the night on its page.
func TestTemporalUI(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, ui: true})
	h.worker()
	value := string(h.inline(h.manifest("from-the-ui", 3, "")))
	ctx, cancel := context.WithTimeout(browser(t), 2*time.Minute)
	defer cancel()

	form := h.temporal.UI + "/namespaces/default/workflows/start-workflow?workflowId=ui-night&taskQueue=" + workflows.TaskQueue + "&workflowType=" + workflows.NightlyBatchName
	page := h.temporal.UI + "/namespaces/default/workflows/ui-night"
	err := chromedp.Do(ctx,
		chromedp.Navigate(form),
		chromedp.Click(chromedp.CSS(".cm-content")),
		chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: value})
			return err
		}),
		chromedp.Click(`//button[contains(., "Start Workflow")]`),
	)
	if err != nil {
		h.shot(ctx, "form")
		t.Fatalf("start from the form: %v", err)
	}
	h.awaitWorkflow(func() string {
		about, err := h.client.DescribeWorkflowExecution(ctx, "ui-night", "")
		if err != nil {
			return ""
		}
		return about.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	})
	r := h.firstResult("ui-night")
	if r.Jobs.Succeeded != 3 || !r.Audit.Passed {
		t.Errorf("the night ended as %+v", r)
	}

	err = chromedp.Do(ctx,
		chromedp.Navigate(page),
		chromedp.WaitVisible(`//*[contains(text(), "Completed")]`),
		chromedp.WaitVisible(`//*[contains(text(), "Prove the discount")]`),
	)
	var text string
	if err == nil {
		text, err = chromedp.Run(ctx, chromedp.TextContent(chromedp.CSS("body")))
	}
	h.shot(ctx, "night")
	if err != nil {
		t.Fatalf("read the night's page: %v", err)
	}
	for _, s := range []string{string(r.Batch), "Prove the discount in dollars"} {
		if !strings.Contains(text, s) {
			t.Errorf("the page doesn't show %q", s)
		}
	}
}

// shot keeps a screenshot where OFFPEAK_SHOTS says, for a person to look at.
func (h *house) shot(ctx context.Context, name string) {
	dir := os.Getenv("OFFPEAK_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		h.t.Logf("screenshot %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		h.t.Log(err)
	}
}
