package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
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

// shot keeps a screenshot where OFFPEAK_SHOTS says, for a person to look at;
// else with the test's own files, which are gone when it passes.
func (h *house) shot(ctx context.Context, name string) {
	dir := os.Getenv("OFFPEAK_SHOTS")
	if dir == "" {
		dir = h.t.ArtifactDir()
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
