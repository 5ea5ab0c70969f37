package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
)

// TestExportGolden is the table and what is said of it, word for word.
func TestExportGolden(t *testing.T) {
	d := newDesk(t)
	out := filepath.Join(filepath.Dir(d.path), "charges.csv")
	for _, c := range []struct {
		name string
		args []string
		code int
	}{
		{"export", []string{"ledger", "export", "--out", out, "--batch", "digest"}, batch.ExitDone},
		{"export-there", []string{"ledger", "export", "--out", out}, batch.ExitBadInput},
		{"export-json", []string{"ledger", "export", "--out", out, "--force", "--night", "2026-11-22", "--json"}, batch.ExitDone},
		{"export-no-out", []string{"ledger", "export"}, batch.ExitBadInput},
		{"export-bad-out", []string{"ledger", "export", "--out", "charges.xlsx"}, batch.ExitBadInput},
		{"export-bad-night", []string{"ledger", "export", "--out", "x.csv", "--night", "yesterday"}, batch.ExitBadInput},
		{"export-no-night", []string{"ledger", "export", "--out", "x.csv", "--night", "2026-01-01"}, batch.ExitBadInput},
		{"export-other-night", []string{"ledger", "export", "--out", "x.csv", "--night", "2026-11-21", "--batch", "digest/2026-11-22"}, batch.ExitBadInput},
		{"export-no-folder", []string{"ledger", "export", "--out", "testdata/nowhere/x.csv"}, batch.ExitBadInput},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := *d
			d.T = t
			got := d.run(c.args...)
			if got.code != c.code {
				t.Errorf("exit code %d, want %d", got.code, c.code)
			}
			text := "--- standard output\n" + got.out + "--- standard error\n" + got.err
			if file, err := os.ReadFile(out); err == nil && c.code == 0 {
				text += "--- charges.csv\n" + string(file)
			}
			golden(t, c.name, text)
		})
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(d.path), ".*"))
	d.ok(err)
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestExportRefuses hands on nothing of books that were changed.
func TestExportRefuses(t *testing.T) {
	for _, c := range tamperings {
		if c.name == "state" {
			continue // no dollar is another
		}
		d := newDesk(t)
		d.behind(c.do)
		file := filepath.Join(filepath.Dir(d.path), "charges.csv")
		got := d.run("ledger", "export", "--out", file)
		if _, err := os.Stat(file); got.code != batch.ExitAudit || err == nil || !strings.Contains(got.err, "nothing was written") {
			t.Errorf("%s: exported all the same: %+v", c.name, got)
		}
	}
}
