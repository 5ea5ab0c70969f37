package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
)

// TestWaits looks at nights that stand still, one with an activity for each
// job and one with lanes: first held by the kill switch, then by the provider's
// Retry-After. The reason comes from the workers' own words.
func TestWaits(t *testing.T) {
	t.Parallel()
	s := newStage(t, simulator.Rule{Match: "*", Kind: simulator.KindRate429, RetryAfter: "3600"})
	path := func(name, policy string) string {
		p := filepath.Join(t.TempDir(), name+".yaml")
		text := fmt.Sprintf("name: %s\npolicy: {log_lag: 0s, mode: single, fan_out: %s}\ndefaults: {task: t, agents: [{agent_name: a, model_name: gpt-4o, max_tokens: 10}]}\njobs: [{name: a}, {name: b}, {name: c}]\n", name, policy)
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	if got := s.run(t.Context(), t, 0, "stop", "--all", "--why", "a look"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	nights := []string{"jobs", "lanes"}
	for _, name := range nights {
		if got := s.run(t.Context(), t, 0, "start", path("held-"+name, name), "--window", s.open); got.code != 0 {
			t.Fatalf("%+v", got)
		}
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	waits := func(name, reason string, jobs int) batch.Wait {
		t.Helper()
		for {
			got := s.run(t.Context(), t, 0, "status", string(s.id(t, "held-"+name)), "--json")
			if got.code == 0 {
				for _, w := range decode(t, got).Waits {
					if w.Reason == reason && (w.Jobs == jobs || jobs == 0) {
						return w
					}
				}
			}
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatalf("%s never waited for %s: %+v", name, reason, got)
			}
		}
	}
	for _, name := range nights {
		if w := waits(name, "halted", 3); !strings.Contains(w.Detail, "a look") {
			t.Errorf("%s: %+v", name, w)
		}
	}
	for _, c := range []struct{ args, out, errs string }{
		{"status " + string(s.id(t, "held-lanes")), "a look", "warning: nothing is sent at all, stopped by "},
		{"list", string(s.id(t, "held-jobs")) + "   sending  3     0 ", "starter go --all goes on"},
		{"list held-lanes", string(s.id(t, "held-lanes")) + "  sending  3     0 ", "a look"},
		{"list --state done", "no such nights", ""},
		{"status held-lnaes", "", "did you mean held-lanes?"},
		{"status held-lanes/2020-01-01", "", "did you mean " + string(s.id(t, "held-lanes")) + "?"},
	} {
		if got := s.run(t.Context(), t, 0, strings.Fields(c.args)...); !strings.Contains(got.out, c.out) || !strings.Contains(got.err, c.errs) {
			t.Errorf("%s: want %q and %q, got %+v", c.args, c.out, c.errs, got)
		}
	}
	if got := try(t, "", []string{"TEMPORAL_ADDRESS=" + s.address}, "__complete", "status", "held-l"); got.out != "held-lanes\n"+string(s.id(t, "held-lanes"))+"\n:4\n" {
		t.Errorf("completion by Temporal alone: %+v", got)
	}
	if got := try(t, "", []string{"TEMPORAL_ADDRESS=" + s.address}, "list"); got.code != 0 || !strings.Contains(got.out, "held-jobs") || !strings.Contains(got.err, "the ledger can't be read") {
		t.Errorf("a list by Temporal alone: %+v", got)
	}
	if got := s.run(t.Context(), t, 0, "go", "--all"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	for _, name := range nights {
		// By the word of the gate, or of the one that met the refusal: which of them is
		// asked again first is a matter of microseconds.
		if w := waits(name, "floor", 0); w.Until.Before(time.Now().Add(50*time.Minute)) ||
			!strings.Contains(w.Detail, "nothing is sent before") && !strings.Contains(w.Detail, "Rate limit exceeded") {
			t.Errorf("%s: %+v", name, w)
		}
	}
}
