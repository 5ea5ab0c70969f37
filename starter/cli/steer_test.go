package cli_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/sqlite"
)

// TestSteer pauses, resumes, raises and cancels a night that waits for its
// window, with everything real but the provider.
func TestSteer(t *testing.T) {
	s := newStage(t)
	later := time.Now().UTC().Add(3 * time.Hour)
	window := later.Format("15:04") + "-" + later.Add(4*time.Hour).Format("15:04") + "@UTC"
	var started struct {
		Batch batch.ID `json:"batch"`
	}
	got := s.run(t.Context(), t, 0, "start", "testdata/good.yaml", "--window", window, "--json")
	if err := json.Unmarshal([]byte(got.out), &started); err != nil || got.code != 0 {
		t.Fatalf("%v: %+v", err, got)
	}
	id := string(started.Batch)
	s.waiting(t, id)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"resume", id}, batch.ExitBadInput, "it isn't paused"},
		{[]string{"pause", id, "--by", "ada", "--why", "look at this"}, batch.ExitDone, "paused by ada: look at this"},
		{[]string{"status", id}, batch.ExitDone, "by ada: look at this"},
		{[]string{"pause", id}, batch.ExitBadInput, "paused already, by ada"},
		{[]string{"raise", id, "--batch-cap", "0.50"}, batch.ExitBadInput, "is less"},
		{[]string{"raise", id, "--batch-cap", "much"}, batch.ExitBadInput, "not an amount of dollars"},
		{[]string{"raise", id}, batch.ExitBadInput, "batch-cap"},
		{[]string{"raise", id, "--batch-cap", "80.00", "--by", "ada"}, batch.ExitDone, "raised by ada"},
		{[]string{"resume", id, "--by", "ada"}, batch.ExitDone, "resumed by ada"},
		{[]string{"pause", "nobody/2026-11-22"}, batch.ExitBadInput, "not found"},
		{[]string{"pause", "a/b/c"}, batch.ExitBadInput, "find night"},
	} {
		got := s.run(t.Context(), t, 0, c.args...)
		if got.code != c.code || !strings.Contains(got.out+got.err, c.says) {
			t.Errorf("%v: want exit code %d and %q, got %+v", c.args, c.code, c.says, got)
		}
	}
	if r := decode(t, s.run(t.Context(), t, 0, "pause", id, "--by", "ada", "--json")); r.Paused.By != "ada" || r.Batch != started.Batch {
		t.Errorf("pause --json: %+v", r)
	}
	if got := s.run(t.Context(), t, 0, "cancel", id, "--why", "wrong file"); got.code != 0 || !strings.Contains(got.err, "cancelled") {
		t.Errorf("cancel: %+v", got)
	}
	if got := s.run(t.Context(), t, 0, "status", id, "--watch"); got.code != batch.ExitIncomplete {
		t.Errorf("a cancelled night: %+v", got)
	}
	if got := s.run(t.Context(), t, 0, "pause", id); got.code != batch.ExitBadInput || !strings.Contains(got.err, "the night is over") {
		t.Errorf("pause of a night that is over: %+v", got)
	}
	if n := s.books.Totals().Executions; n != 0 {
		t.Errorf("%d executions", n)
	}
	s.release()
}

// waiting waits until a night waits for its window.
func (s *stage) waiting(t *testing.T, id string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for decode(t, s.run(t.Context(), t, 0, "status", id, "--json")).State != "waiting" {
		<-tick.C
	}
}

// TestSwitches pulls the kill switches of real books, without Temporal.
func TestSwitches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offpeak.db")
	env := []string{"OFFPEAK_LEDGER=sqlite:" + path, "USER=ada"}
	if got := try(t, "", env, "stop", "--all"); got.code != batch.ExitBadInput || !strings.Contains(got.err, "there is no such file") {
		t.Errorf("books that aren't there: %+v", got)
	}
	if found, _ := filepath.Glob(path + "*"); len(found) > 0 {
		t.Errorf("a switch made books: %v", found)
	}
	l, err := sqlite.Open(t.Context(), path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := l.Prove(t.Context(), "k-1a2b3c"); err != nil { // the books beside a worker that has them open
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"stop"}, 0, []string{"held    nothing", "k-1a2b3c, 0 requests under way"}},
		{[]string{"stop", "--all", "--key", "k-1a2b3c"}, batch.ExitBadInput, []string{"name one of them"}},
		{[]string{"stop", "--key", "k-9"}, batch.ExitBadInput, []string{"the books know no such key"}},
		{[]string{"stop", "--key", "k-1a2b3c", "--by", "bob"}, 0, []string{"held    key k-1a2b3c by bob"}},
		{[]string{"stop", "--all", "--why", "invoices"}, 0, []string{"held    everything by ada@", ": invoices", "key k-1a2b3c by bob"}},
		{[]string{"go"}, batch.ExitBadInput, []string{"--all, or --key"}},
		{[]string{"go", "--all"}, 0, []string{"key k-1a2b3c by bob"}},
		{[]string{"go", "--all"}, 0, []string{"wasn't pulled"}},
		{[]string{"go", "--key", "k-1a2b3c", "--json"}, 0, []string{`"pulled": []`, `"changed": true`}},
	} {
		got := try(t, "", env, c.args...)
		for _, want := range c.says {
			if got.code != c.code || !strings.Contains(got.out+got.err, want) {
				t.Errorf("%v: want exit code %d and %q, got %+v", c.args, c.code, want, got)
			}
		}
	}
	if halts, err := l.Halts(t.Context()); err != nil || len(halts) != 0 {
		t.Errorf("%+v, %v", halts, err)
	}
}
