package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

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
		chromedp.WaitVisible(`//*[contains(text(), "Task Queue is Active")]`), // the form moves until it is there
		paste(".cm-content", value),
		chromedp.WaitVisible(`//*[contains(@class, "cm-line") and contains(., "from-the-ui")]`),
		chromedp.Focus(`//button[contains(., "Start Workflow")]`), // and moves while the editor grows: no mouse
		chromedp.KeyEvent(kb.Enter),
	)
	h.shot(ctx, "form")
	if err != nil {
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

// paste puts text into an editor as Ctrl-V does.
func paste(selector, text string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[bool](fmt.Sprintf(`(() => {
			const data = new DataTransfer();
			data.setData("text/plain", %s);
			const at = document.querySelector(%q);
			at.focus();
			return at.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
		})()`, strconv.Quote(text), selector))(ctx, t)
		return chromedp.Void{}, err
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
