package cli_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/cli"
	"github.com/offpeak/offpeak/watch"
)

// TestUsage adds up ten nights of real books, one of them empty and one much
// dearer, with strangers on the key; and checks the sums by hand.
func TestUsage(t *testing.T) {
	d := newDesk(t)
	night := func(day int) batch.ID {
		return batch.ID("usage/" + time.Date(2026, 12, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
	}
	for day := 1; day <= 10; day++ {
		if day == 5 {
			continue // nothing ran
		}
		d.plan(night(day), "a")
		cost := money.USD(100_000)
		if day == 9 {
			cost = 900_000
		}
		d.answer(0, cost)
	}
	d.judged(night(9), batch.Result{
		Batch: night(9), State: "done", Audit: batch.Audit{Passed: true},
		Reconciled: &batch.Reconciliation{Foreign: batch.Spend{Runs: 2, Dollars: 30 * money.Cent}},
	})
	got := d.run("usage", "--nights", "10", "--json")
	var u books.Usage
	if err := json.Unmarshal([]byte(got.out), &u); err != nil || got.code != 0 {
		t.Fatalf("%v: %+v", err, got)
	}
	if len(u.Days) != 10 {
		t.Fatalf("%d nights: %+v", len(u.Days), u.Days)
	}
	ninth, fifth := u.Days[1], u.Days[5]
	// The seven nights before the ninth: the second to the eighth, one of them empty.
	if want := money.USD(6 * 100_000 / 7); ninth.Night != "2026-12-09" || ninth.Money.Billed != 900_000 || ninth.Mean == nil || *ninth.Mean != want || ninth.Foreign.Runs != 2 {
		t.Errorf("%+v", ninth)
	}
	if fifth.Night != "2026-12-05" || fifth.Batches != 0 || fifth.Key != "" {
		t.Errorf("%+v", fifth)
	}
	// 2026-11-21 is the books' first night: there are seven before each of these, mostly empty.
	if first := u.Days[9]; first.Mean == nil || *first.Mean != 0 {
		t.Errorf("%+v", first)
	}
	if u.Total.Billed != 8*100_000+900_000 || u.Total.Charges != 9 {
		t.Errorf("%+v", u.Total)
	}
	golden(t, "usage-nights", d.run("usage", "--nights", "4").out)
	if got := d.run("list", "usage", "--state", "done"); !strings.Contains(got.out, "usage/2026-12-09  done   1     1          $0.90") || !strings.Contains(got.out, "passed") {
		t.Errorf("%+v", got)
	}
}

// judged keeps a batch's judgement.
func (d *desk) judged(id batch.ID, r batch.Result) {
	d.Helper()
	b, err := json.Marshal(r)
	d.ok(err)
	d.ok(d.Judged(d.Context(), id, b))
}

// TestCompletion asks as a shell does.
func TestCompletion(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct{ args, want string }{
		{"__complete jobs d", "digest\ndigest/2026-11-22\ndigest/2026-11-21\n:4\n"},
		{"__complete results digest/2026-11-21", "digest/2026-11-21\n:4\n"},
		{"__complete jobs digest --state re", "reserved\nrejected\n:4\n"},
		{"__complete list --state un", "unfinished\n:4\n"},
		{"__complete list o", "other\nother/2026-11-22\n:4\n"},
		{"__complete export --batch other/", "other/2026-11-22\n:4\n"},
		{"__complete reconcile --night y", "yesterday\n:4\n"},
		{"__complete run ex", "yaml\nyml\njson\n:8\n"},
		{"__complete version x", ":4\n"},
		{"__complete schedule show x", ":4\n"},
		{"__complete schedule create ex", "yaml\nyml\njson\n:8\n"},
		{"__complete ledger export --batch other/", "other/2026-11-22\n:4\n"},
		{"__complete wa", "watch\tFollow a night to its end and print its report\n:4\n"},
	} {
		if got := d.run(strings.Fields(c.args)...); got.out != c.want {
			t.Errorf("%s: want %q, got %q, %s", c.args, c.want, got.out, got.err)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := try(t, "", nil, "completion", shell); got.code != 0 || !strings.Contains(got.out, "starter") || got.err != "" {
			t.Errorf("%s: %+v", shell, got)
		}
	}
	// Where nobody answers a shell gets nothing, and no word on standard error.
	if got := try(t, "", []string{"TEMPORAL_ADDRESS=127.0.0.1:1"}, "__complete", "status", ""); got.out != ":4\n" || strings.Contains(got.err, "error") {
		t.Errorf("%+v", got)
	}
}

// TestColours: a word is coloured on a terminal that shows colours, and nothing
// is where there is none, where somebody asked for none, and in JSON.
func TestColours(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		name     string
		terminal bool
		env      string
		args     []string
		colours  bool
	}{
		{"a terminal", true, "TERM=xterm", nil, true},
		{"a pipe", false, "TERM=xterm", nil, false},
		{"NO_COLOR", true, "NO_COLOR=1", nil, false},
		{"an empty NO_COLOR", true, "NO_COLOR=", nil, true}, // https://no-color.org: "when present and not an empty string"
		{"a dumb terminal", true, "TERM=dumb", nil, false},
		{"--no-color", true, "TERM=xterm", []string{"--no-color"}, false},
		{"--json", true, "TERM=xterm", []string{"--json"}, false},
	} {
		var out, errs bytes.Buffer
		code := cli.Run(t.Context(), append([]string{"ledger", "verify"}, c.args...), cli.World{
			In: strings.NewReader(""), Out: &out, Err: &errs, Env: config.Env{"HOME=" + t.TempDir(), "OFFPEAK_LEDGER=sqlite:" + d.path, c.env},
			Now: func() time.Time { return noon }, Local: time.UTC, Color: c.terminal,
		})
		if code != 0 || strings.Contains(out.String(), "\x1b[") != c.colours || strings.Contains(errs.String(), "\x1b") {
			t.Errorf("%s: exit code %d, %q, %q", c.name, code, out.String(), errs.String())
		}
	}
}

// TestUsageWatch shows what the ledger has of the last watch: a leap that isn't
// ours, a day of 25 hours, credits that are low, sources that disagree.
func TestUsageWatch(t *testing.T) {
	d := newDesk(t)
	if got := d.run("usage", "watch", "--last"); got.code != batch.ExitBadInput || !strings.Contains(got.err, "starter schedule create --watch") {
		t.Errorf("without any watch: %+v", got)
	}
	first, spends := "2026-10-30", map[string]batch.Spend{}
	for i := range 8 {
		spends[watch.Shift(first, i)] = batch.Spend{Runs: 40, Dollars: 10 * money.Dollar}
	}
	s := watch.Sums{
		Account: "9f86d081", Logged: true, Ours: spends, First: first,
		Foreign: map[string]batch.Spend{"2026-11-06": {Runs: 17, Dollars: 33 * money.Dollar}},
	}
	a := watch.Rule{Floor: watch.DefaultFloor}.Account(s, "2026-11-06", "2026-11-04", watch.Zone())
	a.Foreign = []batch.Stranger{{Name: "Lead Scorer\x1b[31m", Model: "gpt-4.1", Spend: batch.Spend{Runs: 13, Dollars: 32 * money.Dollar}}}
	a.Rest = batch.Spend{Runs: 4, Dollars: money.Dollar}
	credits := watch.Credits(12*money.Dollar, noon, []money.USD{10 * money.Dollar, 9 * money.Dollar}, 0)
	other := watch.Rule{}.Account(watch.Sums{Account: "2fe5e872", Ours: map[string]batch.Spend{"2026-11-05": {Runs: 1, Dollars: money.Cent}}, First: "2026-11-05"}, "2026-11-06", "2026-11-04", watch.Zone())
	w := batch.UsageWatch{
		Day: "2026-11-06", Zone: "America/Los_Angeles", At: noon, Accounts: []batch.AccountWatch{a, other}, Report: "not available: the provider answers 404", Credits: &credits,
		Differences: []batch.Difference{{
			Day: "2026-11-05", Zone: "America/Los_Angeles", By: money.Cent, Cause: "runs that the log leaves out, or shows later: starter reconcile --night 2026-11-05 names them",
			First: batch.Amount{Source: "ledger", Dollars: 10 * money.Dollar}, Second: batch.Amount{Source: "provider's log", Dollars: 999 * money.Cent},
		}},
		Alerts: append(watch.Alerts(a, watch.Memory{}, noon), watch.CreditsAlert(credits, a.Account)),
	}
	result, err := json.Marshal(w)
	d.ok(err)
	d.ok(d.NoteDaily(t.Context(), "watch", w.Day, noon, result))
	golden(t, "usage-watch", d.run("usage", "watch", "--last").out)
	var back batch.UsageWatch
	if got := d.run("usage", "watch", "--last", "--day", "2026-11-06", "--json"); got.code != 0 || json.Unmarshal([]byte(got.out), &back) != nil || len(back.Alerts) != 3 {
		t.Errorf("%+v", got)
	}
	if got := d.run("usage", "watch", "--last", "--day", "2026-11-07"); got.code != batch.ExitBadInput {
		t.Errorf("a day without a watch: %+v", got)
	}
}

// TestAdvice reads the books: nights whose agents cost more than their tokens,
// and requests that were far too large.
func TestAdvice(t *testing.T) {
	d := newDesk(t)
	if got := d.run("advice", "--nights", "0"); got.code != batch.ExitBadInput {
		t.Errorf("%+v", got)
	}
	if got := d.run("advice", "nothing"); got.code != batch.ExitBadInput || !strings.Contains(got.err, "nothing") {
		t.Errorf("%+v", got)
	}
	if got := d.run("advice"); got.out != "nothing to advise, by 3 batches of 2 nights\n" {
		t.Errorf("%+v", got)
	}
	d.plan("fees/2026-11-23", "EU", "US")
	for seq := range 2 {
		d.answer(seq, 25_000) // two agents each: 2 cents of it are their fee
	}
	golden(t, "advice", d.run("advice", "--nights", "1").out)
	var a books.Advised
	if got := d.run("advice", "digest/2026-11-22", "--json"); got.code != 0 || json.Unmarshal([]byte(got.out), &a) != nil || len(a.Batches) != 1 || a.Nights != 1 {
		t.Errorf("%+v", got)
	}
}
