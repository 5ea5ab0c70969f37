package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// page is what a person has before them: a page of the Temporal UI.
type page struct {
	*house
	ctx context.Context
}

// goTo opens an address.
func (p page) goTo(url string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Navigate(url)); err != nil {
		p.t.Fatalf("open %s: %v", url, err)
	}
}

// js is an expression's value.
func (p page) js(expression string) (string, error) {
	return chromedp.Run(p.ctx, chromedp.Evaluate[string]("String("+expression+")"))
}

// until waits until an expression is true. again, if there is any, is run
// between two questions.
func (p page) until(what, expression string, again ...string) {
	p.t.Helper()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	for {
		said, err := p.js(expression)
		if err == nil && said == "true" {
			return
		}
		select {
		case <-tick.C:
			for _, do := range again {
				_, _ = p.js(do) // the page may be between two states: it is asked again
			}
		case <-ctx.Done():
			p.shot(p.ctx, "stuck")
			p.t.Fatalf("no %s: %s, %v\n%s", what, said, err, p.text())
		}
	}
}

// text is all that can be read on the page, in its Markdown frames as well.
func (p page) text() string {
	text, _ := p.js(allText)
	return text
}

const (
	allText = `[document, ...[...document.querySelectorAll("iframe")].map(f => f.contentDocument).filter(d => d)].map(d => d.body.textContent).join("\n")`
	// fresh is the key that has the UI ask for current details again.
	fresh = `document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "r", code: "KeyR", bubbles: true}))`
)

// reads waits until the page says all of it.
func (p page) reads(says ...string) {
	p.t.Helper()
	for _, s := range says {
		p.until(strconv.Quote(s), "("+allText+").includes("+strconv.Quote(s)+")", fresh)
	}
}

// press waits for a thing on the page that isn't disabled, and clicks on it. No
// mouse: what is on the page moves while it loads.
func (p page) press(thing string) {
	p.t.Helper()
	p.until(thing, fmt.Sprintf(`(() => { const e = %s; if (!e || e.disabled) return false; e.click(); return true })()`, thing))
}

// button finds the first element of a kind that says something and is seen.
func button(selector, says string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].find(e => e.textContent.includes(%q) && e.checkVisibility())`, selector, says)
}

// paste puts text into an editor, when it is there.
func (p page) paste(selector, value, seen string) {
	p.t.Helper()
	p.until("editor", fmt.Sprintf(`!!document.querySelector(%q)`, selector))
	if err := chromedp.Do(p.ctx, paste(selector, value)); err != nil {
		p.t.Fatal(err)
	}
	p.until("what was pasted", fmt.Sprintf(`document.querySelector(%q).textContent.includes(%q)`, selector, seen))
}

// update sends an update by the dialog of the night's page.
func (p page) update(name, value string) {
	p.t.Helper()
	p.press(button("button", "More Actions"))
	p.press(button("[data-testid=update-button]", "Send an Update"))
	p.press(`document.querySelector("dialog[open] [data-testid=update-select-button]")`)
	p.press(fmt.Sprintf(`[...document.querySelectorAll("dialog[open] [role=option]")].find(e => e.textContent.trim().startsWith(%q))`, name))
	p.paste("dialog[open] .cm-content", value, `"ada"`)
	p.shot(p.ctx, "update-"+name)
	p.press(`document.querySelector("dialog[open] [data-testid=confirm-modal-button]")`)
}

// night is the address of a night's page, or of one of its tabs.
func (p page) night(id, tab string) string {
	about, err := p.client.DescribeWorkflowExecution(p.ctx, id, "")
	if err != nil {
		p.t.Fatal(err)
	}
	run := nightly.Night{WorkflowID: id, RunID: about.GetWorkflowExecutionInfo().GetExecution().GetRunId()}
	return nightly.UI{Address: p.temporal.UI, Namespace: "default"}.Night(run) + "/" + tab
}

// TestTemporalUI is the Temporal UI as a door, in a browser: a link fills its
// form, a button starts the night, its page says how far it is, an update has
// it wait and go on, and what is wrong with a night can be read there.
func TestTemporalUI(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, ui: true, sim: func(o *simulator.Options) {
		o.Faults = append(o.Faults, simulator.Rule{Match: "Dear", Kind: simulator.KindFullPrice})
	}})
	release := make(chan struct{}) // the provider keeps the last three jobs until then
	var once sync.Once
	let := func() { once.Do(func() { close(release) }) }
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if bytes.Contains(body, []byte("Job 003")) || bytes.Contains(body, []byte("Job 004")) || bytes.Contains(body, []byte("Job 005")) {
			<-release
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { let(); api.CloseClientConnections(); api.Close() })
	h.worker("SWARMS_BASE_URL=" + api.URL)
	ctx, cancel := context.WithTimeout(browser(t), 3*time.Minute)
	defer cancel()
	p := page{h, ctx}

	// The link, as the starter prints it.
	path := h.manifest("by-link", 6, "policy: {request_timeout: 300s, log_lag: 1s, mode: single}\n")
	d := h.starter("start", "--ui-link", "--ui-address", h.temporal.UI, path)
	if d.code != 0 {
		t.Fatalf("--ui-link: %+v", d)
	}
	h.wantNothingStarted()
	p.goTo(strings.TrimSpace(d.out))
	p.reads("Task Queue is Active") // the form moves until it is there
	p.shot(ctx, "form")
	p.press(button("button", "Start Workflow"))
	id := "file://" + path
	h.awaitWorkflow(func() string {
		about, err := h.client.DescribeWorkflowExecution(ctx, id, "")
		if err != nil {
			return ""
		}
		return about.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	})

	// The running night: three jobs are over, three in flight, for as long as
	// the provider takes.
	p.goTo(p.night(id, "user-metadata"))
	p.reads(string(h.batchID("by-link"))+": sending", "3 of 6 jobs are over, 3 in flight, 0 unknown", "3 succeeded", "paid $", "of $50.00 in all", "Read the manifest, claim the night")
	if text := p.text(); strings.Contains(text, `\(`) {
		t.Errorf("dollars have become a formula:\n%s", text)
	}
	p.shot(ctx, "sending")

	// Orders: one that makes no sense is answered in words, and one that does
	// holds the night.
	p.update(workflows.ResumeUpdate, `{"by": "ada"}`)
	p.reads("it isn't paused")
	p.shot(ctx, "refused-update")
	p.goTo(p.night(id, "user-metadata"))
	p.update(workflows.PauseUpdate, `{"by": "ada", "why": "the answers look odd"}`)
	p.reads("by ada: the answers look odd", "paused since")
	p.shot(ctx, "paused")
	if st := h.starter("status", "by-link", "--ui-address", h.temporal.UI); st.code != 0 || !strings.Contains(st.out, "by ada: the answers look odd") ||
		!strings.Contains(st.out, strings.TrimSuffix(p.night(id, ""), "/")) {
		t.Errorf("the status doesn't know of the pause, or of the page: %+v", st)
	}
	p.goTo(p.night(id, "user-metadata"))
	p.update(workflows.ResumeUpdate, `{"by": "ada"}`)
	let()
	r := h.firstResult(id)
	if r.Jobs.Succeeded != 6 || !r.Audit.Passed {
		t.Errorf("the night ended as %+v", r)
	}
	if told := h.history(id, "nightly-looked"); !strings.Contains(told, workflows.LookNightName) || strings.Contains(told, secretPrompt) {
		t.Error("the history of a night by link has no look, or holds a prompt")
	}
	p.goTo(p.night(id, "history"))
	p.reads("Completed", "Prove the discount in dollars", "resume by ada")
	p.shot(ctx, "night")

	// A manifest, pasted whole: its charges miss the discount. Why, how much and
	// what to do stand on its page and in its failure.
	value := strings.ReplaceAll(string(h.inline(h.manifest("full-price", 2, ""))), "Job 00", "Dear 00")
	p.goTo(h.temporal.UI + "/namespaces/default/workflows/start-workflow?workflowId=full-price&taskQueue=offpeak&workflowType=NightlyBatch")
	p.reads("Task Queue is Active")
	p.paste(".cm-content", value, "full-price")
	p.press(button("button", "Start Workflow"))
	fault := h.failed("full-price")
	p.goTo(p.night("full-price", "user-metadata"))
	p.reads("full-price/", ": failed", string(batch.DiscountMissed)+": 2 jobs, $0.", "Dear 000", "Dear 001", "report file://")
	p.shot(ctx, "failed-details")
	p.goTo(p.night("full-price", "history"))
	p.reads("Failed", `"type": "DiscountMissed"`, "audit full-price/", ": DiscountMissed: 2 jobs, $0.")
	p.shot(ctx, "failed")
	for _, s := range []string{"Dear 000", "$0.", "report.txt"} {
		if !strings.Contains(fault, s) {
			t.Errorf("the failure doesn't say %q: %s", s, fault)
		}
	}

	// A manifest full of mistakes: all of them, at once, with nothing sent.
	sent := len(h.books().posts)
	p.goTo(h.temporal.UI + "/namespaces/default/workflows/start-workflow?workflowId=mistakes&taskQueue=offpeak&workflowType=NightlyBatch")
	p.reads("Task Queue is Active")
	p.paste(".cm-content", `{"nme": "x", "budget": {"per_job": "five"}, "jobs": [{"name": "A"}]}`, "nme")
	p.press(button("button", "Start Workflow"))
	h.failed("mistakes")
	p.goTo(p.night("mistakes", "user-metadata"))
	p.reads("refused", "BadInput", "nme: is not a field of a manifest (did you mean name?)", "name: is missing", "five is not an amount of dollars", "has none of task, tasks and messages")
	p.shot(ctx, "refused")
	if n := len(h.books().posts); n != sent {
		t.Errorf("%d paid requests were sent for mistakes", n-sent)
	}
}

// failed waits for a workflow that fails and says with what.
func (h *house) failed(id string) string {
	h.t.Helper()
	run := h.awaitWorkflow(func() string {
		about, err := h.client.DescribeWorkflowExecution(h.t.Context(), id, "")
		if err != nil {
			return ""
		}
		return about.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	})
	err := h.client.GetWorkflow(h.t.Context(), id, run).Get(h.t.Context(), nil)
	if err == nil {
		h.t.Fatalf("%s didn't fail", id)
	}
	return err.Error()
}
