package cli_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/starter/cli"
)

var update = flag.Bool("update", false, "write the golden files anew")

// said is what a command did.
type said struct {
	out, err string
	code     int
}

// noon is a time at which no night is open: 10:00 Pacific, 19:00 in Berlin.
var noon = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)

// try runs a command in a small world of its own: no settings but env, a fixed
// clock, Berlin.
func try(t *testing.T, in string, env []string, args ...string) said {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := cli.Run(t.Context(), args, cli.World{
		In: strings.NewReader(in), Out: &out, Err: &errs, Env: append(config.Env{"HOME=" + t.TempDir()}, env...),
		Now: func() time.Time { return noon }, Local: berlin,
	})
	return said{out.String(), errs.String(), code}
}

// golden compares with a file of testdata; go test -update writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (go test -update writes it anew):\n%s", name, d)
	}
}

// TestGolden is what people see, word for word.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		code int
	}{
		{"help", []string{"--help"}, batch.ExitDone},
		{"reconcile-nothing", []string{"reconcile"}, batch.ExitBadInput},
		{"reconcile-both", []string{"reconcile", "a/2026-11-22", "--night", "yesterday"}, batch.ExitBadInput},
		{"reconcile-bad-batch", []string{"reconcile", "a/soon", "--address", "127.0.0.1:1"}, batch.ExitBadInput},
		{"validate-good", []string{"validate", "testdata/good.yaml"}, batch.ExitDone},
		{"validate-good-json", []string{"validate", "testdata/good.yaml", "--json"}, batch.ExitDone},
		{"validate-bad", []string{"validate", "testdata/bad.yaml"}, batch.ExitBadInput},
		{"validate-bad-json", []string{"validate", "--json", "testdata/bad.yaml"}, batch.ExitBadInput},
		{"validate-bad-job", []string{"validate", "testdata/jobs.yaml"}, batch.ExitBadInput},
		{"estimate", []string{"estimate", "testdata/good.yaml"}, batch.ExitDone},
		{"estimate-json", []string{"estimate", "testdata/good.yaml", "--json"}, batch.ExitDone},
		{"estimate-window", []string{"estimate", "testdata/good.yaml", "--window", "18:30:05-19:30@Europe/Berlin"}, batch.ExitDone},
		{"mistyped", []string{"estimtae", "testdata/good.yaml"}, batch.ExitBadInput},
		{"mistyped-argument", []string{"run"}, batch.ExitBadInput},
		{"mistyped-flag-json", []string{"run", "--json", "--fast", "x"}, batch.ExitBadInput},
		{"missing", []string{"run", "testdata/nowhere.yaml"}, batch.ExitBadInput},
		{"estimate-pieces", []string{"estimate", "testdata/good.yaml", "--window", "00:00-06:00,12:00-14:00@Asia/Shanghai"}, batch.ExitDone},
		{"bad-window", []string{"run", "testdata/good.yaml", "--window", "20-6"}, batch.ExitBadInput},
		{"bad-window-hours", []string{"start", "testdata/good.yaml", "--window", "20:00-06:00@Mars/Olympus"}, batch.ExitBadInput},
		{"bad-night", []string{"status", "a/b/c", "--address", "127.0.0.1:1"}, batch.ExitBadInput},
		{"no-temporal", []string{"status", "a/2026-11-22", "--address", "127.0.0.1:1"}, batch.ExitOutOfReach},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := try(t, "", nil, c.args...)
			if got.code != c.code {
				t.Errorf("exit code %d, want %d", got.code, c.code)
			}
			golden(t, c.name, "--- standard output\n"+got.out+"--- standard error\n"+got.err)
		})
	}
}

// TestStandardInput reads a manifest that is piped in.
func TestStandardInput(t *testing.T) {
	if got := try(t, `{"name":"piped","jobs":[{"name":"a","task":"t"}]}`, nil, "validate", "-"); got.code != 0 || !strings.HasPrefix(got.out, "OK: piped, 1 job, ") {
		t.Errorf("%+v", got)
	}
	got := try(t, "name: x\n", nil, "validate", "-")
	if got.code != batch.ExitBadInput || !strings.Contains(got.err, "standard input:1:1") {
		t.Errorf("%+v", got)
	}
}

// TestOneObject checks that --json prints one object and nothing else to
// standard output, also when something is wrong.
func TestOneObject(t *testing.T) {
	for _, args := range [][]string{
		{"validate", "testdata/good.yaml"},
		{"validate", "testdata/bad.yaml"},
		{"estimate", "testdata/good.yaml"},
		{"version"},
		{"run"},
		{"start", "testdata/good.yaml", "--address", "127.0.0.1:1"},
		{"nonsense"},
	} {
		got := try(t, "", nil, append(args, "--json")...)
		var object map[string]any
		if err := json.Unmarshal([]byte(got.out), &object); err != nil {
			t.Errorf("%v: %v in %q", args, err, got.out)
		}
		if _, failed := object["error"]; failed != (got.code != 0) {
			t.Errorf("%v: exit code %d with %s", args, got.code, got.out)
		}
	}
}

// TestSettings names a bad setting, and a key in none of it.
func TestSettings(t *testing.T) {
	const key = "sk-verysecret"
	got := try(t, "", []string{"SWARMS_API_KEY=" + key, "SWARMS_BASE_URL=http://127.0.0.1:1"}, "estimate", "testdata/good.yaml")
	if got.code != 0 || !strings.Contains(got.err, "the rate card can't be read") {
		t.Errorf("an API out of reach: %+v", got)
	}
	for _, env := range [][]string{
		{"SWARMS_API_KEY=" + key, "SWARMS_BASE_URL=ftp://127.0.0.1"},
		{"SWARMS_API_KEY=" + key, "OFFPEAK_LEDGER=nonsense:" + key[:3]},
	} {
		got := try(t, "", env, "estimate", "testdata/good.yaml")
		if got.code != batch.ExitBadInput {
			t.Errorf("%v: %+v", env[1:], got)
		}
		if strings.Contains(got.out+got.err, key) {
			t.Errorf("the key is printed: %+v", got)
		}
	}
}

// TestTooLarge says how a manifest that is too large for Temporal gets in.
func TestTooLarge(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"name":"large","jobs":[`)
	for i := range 900 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"name":"` + strings.Repeat("n", 20) + string(rune('a'+i%26)) + time.Duration(i).String() + `","task":"` + strings.Repeat("x", 700) + `"}`)
	}
	b.WriteString(`]}`)
	got := try(t, b.String(), nil, "start", "-")
	if got.code != batch.ExitBadInput || !strings.Contains(got.err, "jobs_from") {
		t.Errorf("exit code %d: %s", got.code, got.err)
	}
}
