package cli_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/starter/cli"
)

// TestPurge deletes the texts of one batch by hand, with everything real but the
// provider: asked once it only says what goes, and afterwards every command says
// what is gone since when, and the books hold.
func TestPurge(t *testing.T) {
	s := newStage(t)
	good := decode(t, s.run(t.Context(), t, 0, "run", "testdata/good.yaml", "--window", s.open, "--json"))
	id := string(good.Batch)
	results := func() string {
		t.Helper()
		var out, errs bytes.Buffer
		dir := filepath.Dir(strings.TrimPrefix(s.ledger, "sqlite:"))
		code := cli.Run(t.Context(), []string{"results", id}, cli.World{
			In: strings.NewReader(""), Out: &out, Err: &errs, Now: time.Now, Local: time.UTC,
			Env: config.Env{"HOME=" + t.TempDir(), "OFFPEAK_LEDGER=" + s.ledger, "OFFPEAK_ARCHIVE=file://" + filepath.Join(dir, "archive")},
		})
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		return out.String()
	}
	said := func(got said, code int, all ...string) {
		t.Helper()
		for _, want := range all {
			if got.code != code || !strings.Contains(got.out+got.err, want) {
				t.Errorf("%q isn't said with exit code %d: %+v", want, code, got)
			}
		}
	}
	said(s.run(t.Context(), t, 0, "purge", "--dry-run"), 0, "nothing is older than it may be (kept: prompts forever, answers forever, receipts forever, logs forever)")
	said(s.run(t.Context(), t, 0, "purge", "--batch", "good", "--what", "answers,prompts"), 0,
		"would be deleted: 1 prompt, ", "would be deleted: 2 files of answers", id, "the same command with --yes")
	if before := results(); strings.Contains(before, "output_missing") {
		t.Fatalf("asked once, and deleted: %s", before)
	}
	got := s.run(t.Context(), t, 0, "purge", "--batch", id, "--what", "answers,prompts", "--yes", "--json")
	var p batch.Purged
	if err := json.Unmarshal([]byte(got.out), &p); err != nil || got.code != 0 || len(p.Sums) != 2 || p.DryRun || p.Batch != good.Batch {
		t.Fatalf("%v: %+v", err, got)
	}
	today := time.Now().UTC().Format("2006-")
	said(s.run(t.Context(), t, 0, "purge", "--batch", id, "--what", "answers,prompts", "--yes"), 0, id+": there is nothing left to delete")
	if after := results(); !strings.Contains(after, `"output":null,"output_missing":"the answer was deleted on `+today) {
		t.Errorf("results afterwards: %s", after)
	}
	said(s.run(t.Context(), t, 0, "jobs", id), 0, "answers deleted on "+today, "prompts deleted on "+today, "1 succeeded")
	said(s.run(t.Context(), t, 0, "jobs", id, "--job", "a digest"), 0, "answer", "deleted on "+today, "prompt", " asked", "answered and settled")
	said(s.run(t.Context(), t, 0, "ledger", "verify"), 0, "everything holds")
	said(s.run(t.Context(), t, 0, "report", id), 0, good.Money.Billed.Dollars())
	said(s.run(t.Context(), t, 0, "reconcile", id), 0, "PASSED")

	said(s.run(t.Context(), t, 0, "purge", "--batch", "nobody/2026-01-02", "--yes"), batch.ExitBadInput, "no such batch")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--yes"}, "for --batch alone"},
		{[]string{"--what", "charges"}, `nothing is kept as "charges"`},
		{[]string{"--batch", id, "--what", "logs", "--yes"}, "by day and not by batch"},
		{[]string{"--batch", "a/soon"}, "a/soon"},
		{[]string{"good"}, "unknown command"},
	} {
		said(s.run(t.Context(), t, 0, append([]string{"purge"}, c.args...)...), batch.ExitBadInput, c.says)
	}
}
