package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/workflows"
)

// TestOrdersAreReadStrictly: what a person writes into an update's field is
// taken, or refused with all that is wrong and an example, and nothing of what
// is refused reaches the books.
func TestOrdersAreReadStrictly(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 10:00:00"), 3)
	type given struct {
		*answer
		value string
		says  []string
	}
	var all []given
	write := func(update, value string, says ...string) {
		a := &answer{}
		after := time.Duration(len(all)+1) * time.Minute
		h.env.RegisterDelayedCallback(func() { h.env.UpdateWorkflow(update, update+after.String(), a, json.RawMessage(value)) }, after)
		all = append(all, given{a, value, says})
	}
	const like = `{"by": "ada", "why": "the answers look wrong"}`
	write(workflows.PauseUpdate, `"ada"`, "want an object such as "+like+", got text")
	write(workflows.PauseUpdate, `[{"by": "ada"}]`, "got a list")
	write(workflows.PauseUpdate, `12`, "got a number")
	write(workflows.PauseUpdate, `null`, `"by" has to say who orders it`, "write "+like)
	write(workflows.PauseUpdate, `{"by": " "}`, `"by" has to say who orders it`)
	write(workflows.PauseUpdate, `{"bye": "ada", "reason": "x", "cap": "80.00"}`, `"bye" means nothing here`, `"reason" means nothing here`, `"cap" means nothing here`, `"by" has to say who`)
	write(workflows.PauseUpdate, `{"by": 5, "why": ["x"]}`, `"by": want text, got a number`, `"why": want text, got a list`)
	write(workflows.RaiseBudgetUpdate, `{"by": "ada", "cap": "lots"}`, `"cap": want dollars with at most 6 decimal places, such as "80.00"`, `write {"by": "ada", "cap": "80.00"}`)
	write(workflows.RaiseBudgetUpdate, `{"by": "ada"}`, "a cap of $0.00 sends nothing")
	write(workflows.ResumeUpdate, `{"by": "ada"}`, "it isn't paused")
	write(workflows.RaiseBudgetUpdate, `{"by": "ada", "why": "more room", "cap": 80.5}`)
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if len(a.says) == 0 {
			a.wantDone(t)
			continue
		}
		for _, s := range a.says {
			a.wantRefused(t, s)
		}
		if a.err != nil && strings.Contains(a.err.Error(), "json:") {
			t.Errorf("%s is answered in a program's words: %v", a.value, a.err)
		}
	}
	if len(h.steered) != 1 || h.steered[0].Why != "more room" || h.steered[0].Cap.Dollars() != "$80.50" {
		t.Errorf("in the books: %+v", h.steered)
	}
}
