package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/s3test"
	"github.com/offpeak/offpeak/starter/cli"
)

// answers puts the answers of the desk's night into an archive; that of "late"
// is missing.
func (d *desk) answers(setting string) {
	d.Helper()
	a, err := archive.Open(d.Context(), setting)
	d.ok(err)
	for key, text := range map[string]string{
		"answers/digest/2026-11-22/0.json": `{"job_id": "swarms-67250", "status": "success", "output": [{"role": "Synthesizer", "content": "EU <funding>: 3 rounds\u001b[31m"}]}`,
		"answers/digest/2026-11-22/1.json": `{"status": "success", "output": "US funding, é"}`,
		"answers/digest/2026-11-22/3.json": `{"status": "success", "usage": {}}`,
	} {
		d.ok(a.Put(d.Context(), key, []byte(text)))
	}
	d.ok(a.Close())
}

// results runs a command on the books and an archive.
func (d *desk) results(setting string, args ...string) said {
	d.Helper()
	got := try(d.T, "", []string{"OFFPEAK_LEDGER=sqlite:" + d.path, "OFFPEAK_ARCHIVE=" + setting}, append([]string{"results"}, args...)...)
	dir := filepath.Dir(d.path)
	return said{strings.ReplaceAll(got.out, dir, "DIR"), strings.ReplaceAll(got.err, dir, "DIR"), got.code}
}

// TestResultsGolden is what is printed of a night that isn't over, word for
// word: on standard output, into a file, and what is refused.
func TestResultsGolden(t *testing.T) {
	d := newDesk(t)
	dir := filepath.Dir(d.path)
	setting := (&url.URL{Scheme: "file", Path: filepath.Join(dir, "archive")}).String()
	d.answers(setting)
	out := filepath.Join(dir, "night.jsonl")
	for _, c := range []struct {
		name string
		args []string
		code int
	}{
		{"results", []string{"digest"}, batch.ExitDone},
		{"results-some", []string{"digest/2026-11-22", "--job", "lost", "--job", "US Market Digest", "--job", "lost"}, batch.ExitDone},
		{"results-file", []string{"digest", "-o", out}, batch.ExitDone},
		{"results-there", []string{"digest", "-o", out}, batch.ExitBadInput},
		{"results-file-json", []string{"digest", "-o", out, "--force", "--json"}, batch.ExitDone},
		{"results-nobody", []string{"digest", "--job", "nobody"}, batch.ExitBadInput},
		{"results-no-batch", []string{"digest/2026-12-24", "-o", filepath.Join(dir, "none.jsonl")}, batch.ExitBadInput},
		{"results-no-folder", []string{"digest", "-o", filepath.Join(dir, "no", "night.jsonl")}, batch.ExitBadInput},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := *d
			d.T = t
			got := d.results(setting, c.args...)
			if got.code != c.code {
				t.Errorf("exit code %d, want %d", got.code, c.code)
			}
			golden(t, c.name, "--- standard output\n"+got.out+"--- standard error\n"+got.err)
		})
	}
	printed := d.results(setting, "digest", "--json") // the same lines
	if file, err := os.ReadFile(out); err != nil || string(file) != printed.out {
		t.Errorf("the file has %s, %v; printed was %s", file, err, printed.out)
	}
	for line := range strings.Lines(printed.out) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "none.jsonl")); err == nil {
		t.Error("a file was made for a batch that isn't there")
	}
}

// TestResultsWithout: books or an archive that aren't there, or that can't be
// reached, are named with the setting, nothing is made, and no file is left.
func TestResultsWithout(t *testing.T) {
	d := newDesk(t)
	dir := filepath.Dir(d.path)
	block := filepath.Join(dir, "block")
	d.ok(os.Mkdir(block, 0o700))
	d.ok(os.WriteFile(filepath.Join(block, "answers"), nil, 0o600)) // a file where a folder should be
	for setting, want := range map[string]struct {
		code int
		says string
	}{
		"file://" + filepath.Join(dir, "none"): {batch.ExitBadInput, "OFFPEAK_ARCHIVE says which archive is read"},
		"file://" + block:                      {batch.ExitOutOfReach, "answers/digest/2026-11-22/0.json: not a directory"},
		"gs://bucket":                          {batch.ExitBadInput, "OFFPEAK_ARCHIVE: neither file:///absolute/folder nor s3://bucket"},
		"s3://bucket?secret_key=hunter2":       {batch.ExitBadInput, "AWS_ACCESS_KEY_ID"},
	} {
		got := d.results(setting, "digest", "-o", filepath.Join(dir, "night.jsonl"))
		if got.code != want.code || !strings.Contains(got.err, want.says) || strings.Contains(got.err, "hunter2") || got.out != "" {
			t.Errorf("%s: want exit code %d and %q, got %+v", setting, want.code, want.says, got)
		}
	}
	got := try(t, "", []string{"OFFPEAK_LEDGER=sqlite:" + filepath.Join(dir, "none.db")}, "results", "digest")
	if got.code != batch.ExitBadInput || !strings.Contains(got.err, "OFFPEAK_LEDGER") {
		t.Errorf("no books: %+v", got)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	d.ok(err)
	for _, f := range append(left, filepath.Join(dir, ".night.jsonl")) {
		if base := filepath.Base(f); base == "none" || base == "none.db" || strings.HasPrefix(base, "night.jsonl") {
			t.Errorf("%s was made", f)
		}
	}
}

// TestResultsFromS3: the same lines from a bucket; without the credentials the
// command says so.
func TestResultsFromS3(t *testing.T) {
	s := s3test.New(t)
	d := newDesk(t)
	folder := "file://" + filepath.Join(filepath.Dir(d.path), "archive")
	for _, setting := range []string{folder, s.URL("nights")} {
		d.answers(setting)
	}
	want, got := d.results(folder, "digest"), d.results(s.URL("nights"), "digest")
	if got != want || got.code != batch.ExitDone || strings.Count(got.out, "\n") != 10 {
		t.Errorf("%+v, want %+v", got, want)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another")
	if got := d.results(s.URL("nights"), "digest"); got.code != batch.ExitOutOfReach || !strings.Contains(got.err, "SignatureDoesNotMatch") || !strings.Contains(got.err, "AWS_SECRET_ACCESS_KEY") {
		t.Errorf("%+v", got)
	}
}

// TestResultsFar: at a terminal a long run says how far it is, elsewhere it is
// silent; Ctrl-C ends it, and no file is left.
func TestResultsFar(t *testing.T) {
	d := newDesk(t)
	dir := filepath.Dir(d.path)
	setting := "file://" + filepath.Join(dir, "archive")
	d.answers(setting)
	run := func(ctx context.Context, width int) (int, string) {
		var out, errs bytes.Buffer
		now := noon
		code := cli.Run(ctx, []string{"results", "digest", "-o", filepath.Join(dir, "night.jsonl"), "--force"}, cli.World{
			In: strings.NewReader(""), Out: &out, Err: &errs, Env: config.Env{"HOME=" + t.TempDir(), "OFFPEAK_LEDGER=sqlite:" + d.path, "OFFPEAK_ARCHIVE=" + setting},
			Now: func() time.Time { now = now.Add(time.Second); return now }, Local: time.UTC, Width: width,
		})
		return code, errs.String()
	}
	if code, said := run(t.Context(), 80); code != batch.ExitDone || !strings.HasPrefix(said, "writing results: 2 jobs so far\nwriting results: 4 jobs so far\n") {
		t.Errorf("exit code %d, %q", code, said)
	}
	if code, said := run(t.Context(), 0); code != batch.ExitDone || strings.Contains(said, "so far") {
		t.Errorf("exit code %d, %q", code, said)
	}
	d.ok(os.Remove(filepath.Join(dir, "night.jsonl")))
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	if code, said := run(ctx, 0); code != batch.ExitInterrupted {
		t.Errorf("interrupted: exit code %d, %s", code, said)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*night.jsonl*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
