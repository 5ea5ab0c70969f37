package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/e2e/chaos"
)

var chaosNights struct {
	sync.Mutex
	rows []chaos.Row
}

// noteNight keeps a night for the table, and writes the table anew: a run that
// is broken off has told what it found.
func noteNight(t *testing.T, r chaos.Row) {
	t.Helper()
	chaosNights.Lock()
	defer chaosNights.Unlock()
	chaosNights.rows = append(chaosNights.rows, r)
	if err := writeChaos(slices.Clone(chaosNights.rows)); err != nil {
		t.Error(err)
	}
}

// marks are around what printChaos writes in docs/reliability.md.
var marks = [2]string{"<!-- make chaos -->\n", "<!-- /make chaos -->\n"}

// writeChaos writes the table of the nights into the document that
// OFFPEAK_CHAOS_TABLE names, between its marks.
func writeChaos(rows []chaos.Row) error {
	path := os.Getenv("OFFPEAK_CHAOS_TABLE")
	if path == "" {
		return nil
	}
	commit, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return err
	}
	first, last := rows[0].Plan.Seed, rows[0].Plan.Seed
	for _, r := range rows {
		first, last = min(first, r.Plan.Seed), max(last, r.Plan.Seed)
	}
	text := fmt.Sprintf("Commit %s, %d cores, %s, seeds %d to %d.\n\n", strings.TrimSpace(string(commit)), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly), first, last) + chaos.Table(rows)
	doc, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(doc), marks[0])
	_, after, closed := strings.Cut(rest, marks[1])
	if !ok || !closed {
		return fmt.Errorf("%s has no place for the table: %q and %q", path, marks[0], marks[1])
	}
	return os.WriteFile(path, []byte(before+marks[0]+"\n"+text+"\n"+marks[1]+after), 0o644)
}
