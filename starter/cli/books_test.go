package cli_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to change a ledger behind its back

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/sqlite"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/starter/cli"
)

// desk is a small set of real books, always the same to the last digit.
type desk struct {
	*testing.T
	*ledger.Ledger
	path string
	at   time.Time
	ids  int
	id   batch.ID
}

// newDesk books a night with a job in every plight, and two small nights
// beside it.
func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, path: filepath.Join(t.TempDir(), "offpeak.db"), at: time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)}
	var err error
	d.Ledger, err = sqlite.Open(t.Context(), d.path, ledger.Options{
		Now:   func() time.Time { return d.at },
		NewID: func() string { d.ids++; return fmt.Sprintf("%08d-0000-4000-8000-000000000000", d.ids) },
	})
	d.ok(err)
	t.Cleanup(func() { d.ok(d.Close()) })

	d.plan("digest/2026-11-22", "EU Market Digest", "US Market Digest", "APAC", "=HYPERLINK(\"http://x\")", "lost", "found", "late", "parked one", "skipped one", "never sent, with a name that is far too long for a column of a table")
	d.answer(0, 67_250)
	d.attempt(1, func(c ledger.Closing) {
		c.Status, c.Kind = 429, batch.RateLimited
		d.job(d.Return(t.Context(), c, ledger.Returning{Why: "429: too many requests", Limited: true, NotBefore: d.at.Add(2 * time.Second)}))
	})
	d.at = d.at.Add(2 * time.Second)
	d.answer(1, 97_251)
	d.attempt(2, func(c ledger.Closing) {
		c.Status, c.Kind = 422, batch.RejectedByAPI
		d.job(d.Reject(t.Context(), c, "HTTP 422: agents.0.model_name: unknown model \x1b[31mgpt-9\x1b[0m, the models are listed at /v1/models/available"))
	})
	d.answer(3, 15_000) // dearer than by day
	doubt := func(seq int) {
		d.attempt(seq, func(c ledger.Closing) {
			c.Status, c.Kind = 0, batch.OutcomeUnknown
			d.job(d.Doubt(t.Context(), c, ledger.Doubt{SentAt: d.at, AbsentAfter: d.at.Add(12 * time.Minute), Why: "connection reset"}, d.at.Add(time.Minute)))
		})
	}
	doubt(4)
	doubt(5)
	d.job(d.Found(t.Context(), d.id, 5, d.charge(55_000), "")) // by the provider's log
	doubt(6)
	d.at = d.at.Add(12 * time.Minute)
	d.job(d.Absent(t.Context(), d.id, 6, d.at, "not in the provider's log"))
	d.answer(6, 123_456)
	d.job(d.Give(t.Context(), d.id, 7, batch.Parked, "it couldn't end inside the window"))
	d.job(d.Give(t.Context(), d.id, 8, batch.Skipped, "budget.batch has no room"))

	d.plan("digest/2026-11-21", "EU Market Digest")
	d.answer(0, 1_000_000)
	d.plan("other/2026-11-22", "a")
	d.answer(0, 300_001)
	d.id = "digest/2026-11-22"
	return d
}

func (d *desk) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *desk) job(_ ledger.Job, err error) { d.Helper(); d.ok(err) }

func (d *desk) plan(id batch.ID, names ...string) {
	d.Helper()
	d.id = id
	_, err := d.Claim(d.Context(), ledger.Claim{Batch: ledger.Batch{
		ID: id, Provider: "swarms", Key: "k-1a2b", Digest: "d", Owner: ledger.Owner{WorkflowID: id.WorkflowID(), RunID: "r"},
		Budget: batch.Budget{PerJob: 5 * money.Dollar, Batch: 50 * money.Dollar},
	}})
	d.ok(err)
	jobs := make([]ledger.Job, len(names))
	for i, n := range names {
		jobs[i] = ledger.Job{
			Name: n, Request: []byte(`{"task":"CONFIDENTIAL-PROMPT"}`), Type: "SequentialWorkflow", Models: []string{"gpt-4o-mini", "gpt-4o"}, Agents: 2,
			Ceiling: 15 * money.Cent, Estimate: 7 * money.Cent,
		}
	}
	d.ok(d.Plan(d.Context(), id, jobs))
	d.ok(d.Seal(d.Context(), id, len(jobs), 0, 0))
	d.at = d.at.Add(time.Second)
}

// attempt sends a job and 20 seconds later has it closed.
func (d *desk) attempt(seq int, end func(ledger.Closing)) {
	d.Helper()
	sent := d.at
	_, n, err := d.Admit(d.Context(), ledger.Ask{Batch: d.id, Seq: seq}, func(ledger.Standing) ledger.Verdict { return ledger.Verdict{Action: ledger.Go} })
	d.ok(err)
	d.at = d.at.Add(20*time.Second + 123_456*time.Microsecond)
	receipt, err := json.Marshal(provider.Receipt{Method: "POST", Path: "/v1/swarm/completions", Wrote: provider.WroteSome, SentAt: sent, Elapsed: 20*time.Second + 123*time.Millisecond})
	d.ok(err)
	end(ledger.Closing{Batch: d.id, Seq: seq, Attempt: n, Receipt: receipt, EndedAt: d.at})
}

func (d *desk) answer(seq int, total money.USD) {
	d.Helper()
	d.attempt(seq, func(c ledger.Closing) {
		c.Status = 200
		d.job(d.Settle(d.Context(), c, d.charge(total), fmt.Sprintf("answers/%s/%d.json", d.id, seq)))
	})
}

func (d *desk) charge(total money.USD) ledger.Charge {
	yes := true
	c := ledger.Charge{
		JobID: fmt.Sprintf("swarms-%d", total), Source: ledger.FromAnswer, Total: total, TotalText: total.String(), DayPrice: 2*total - 20_000, NightPrice: total,
		HasTokens: true, InputTokens: 6000, OutputTokens: 3000, Agents: 2, NightApplied: &yes, DiscountType: "-50%", DiscountPercentage: "50.0",
	}
	if total > 20_000 {
		c.HasParts, c.Agent, c.Input, c.Output = true, 20_000, (total-20_000)/2, (total-20_000)-(total-20_000)/2
	}
	return c
}

// run runs a command on the books; places that differ between runs are made
// the same.
func (d *desk) run(args ...string) said {
	d.Helper()
	got := try(d.T, "", []string{"OFFPEAK_LEDGER=sqlite:" + d.path, "TEMPORAL_ADDRESS=127.0.0.1:1"}, args...)
	if strings.Contains(got.out+got.err, "CONFIDENTIAL") {
		d.Errorf("%v prints a prompt: %+v", args, got)
	}
	dir := filepath.Dir(d.path)
	return said{strings.ReplaceAll(got.out, dir, "DIR"), strings.ReplaceAll(got.err, dir, "DIR"), got.code}
}

// behind changes the file past the ledger and its guards.
func (d *desk) behind(statements string) {
	d.Helper()
	db, err := sql.Open("sqlite", "file:"+d.path+"?_pragma=busy_timeout(10000)")
	d.ok(err)
	defer db.Close()
	_, err = db.ExecContext(d.Context(), "DROP TRIGGER IF EXISTS charges_are_not_changed; DROP TRIGGER IF EXISTS charges_are_not_deleted; "+statements)
	d.ok(err)
}

// TestBooksGolden is what people and programs see of the books, word for word.
// The ledger's own handle is open meanwhile, as a worker's is.
func TestBooksGolden(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		name string
		args []string
		code int
	}{
		{"jobs", []string{"jobs", "digest"}, batch.ExitDone},
		{"jobs-json", []string{"jobs", "digest", "--json", "--limit", "2"}, batch.ExitDone},
		{"jobs-wide", []string{"jobs", "digest/2026-11-22", "--wide", "--state", "rejected,unknown", "--state", "parked"}, batch.ExitDone},
		{"jobs-page", []string{"jobs", "digest/2026-11-22", "--limit", "3", "--after", "2"}, batch.ExitDone},
		{"jobs-none", []string{"jobs", "other", "--state", "cancelled"}, batch.ExitDone},
		{"jobs-last-json", []string{"jobs", "digest", "--json", "--after", "8"}, batch.ExitDone},
		{"jobs-one", []string{"jobs", "digest", "--job", "late"}, batch.ExitDone},
		{"jobs-one-json", []string{"jobs", "digest", "--job", "found", "--json"}, batch.ExitDone},
		{"jobs-one-rejected", []string{"jobs", "digest", "--job", "APAC"}, batch.ExitDone},
		{"jobs-one-unsent", []string{"jobs", "digest", "--job", "parked one"}, batch.ExitDone},
		{"jobs-nobody", []string{"jobs", "digest", "--job", "nobody"}, batch.ExitBadInput},
		{"jobs-no-batch", []string{"jobs", "digest/2026-12-24"}, batch.ExitBadInput},
		{"jobs-no-name", []string{"jobs", "nothing"}, batch.ExitBadInput},
		{"jobs-bad-state", []string{"jobs", "digest", "--state", "done"}, batch.ExitBadInput},
		{"jobs-bad-limit", []string{"jobs", "digest", "--limit", "0"}, batch.ExitBadInput},
		{"jobs-bad-flags", []string{"jobs", "digest", "--job", "late", "--state", "parked"}, batch.ExitBadInput},
		{"list", []string{"list"}, batch.ExitDone},
		{"list-json", []string{"ls", "--json", "--limit", "1"}, batch.ExitDone},
		{"list-more", []string{"list", "digest", "--limit", "1"}, batch.ExitDone},
		{"list-after", []string{"list", "--after", "digest/2026-11-22"}, batch.ExitDone},
		{"list-none", []string{"list", "--state", "failed"}, batch.ExitDone},
		{"list-bad-state", []string{"list", "--state", "asleep"}, batch.ExitBadInput},
		{"list-bad-name", []string{"list", "A/B"}, batch.ExitBadInput},
		{"usage", []string{"usage"}, batch.ExitDone},
		{"month", []string{"report", "--month", "2026-11"}, batch.ExitDone},
		{"month-json", []string{"report", "--month", "2026-11", "--json"}, batch.ExitDone},
		{"month-bad", []string{"report", "--month", "November"}, batch.ExitBadInput},
		{"report-bad-format", []string{"report", "digest/2026-11-22", "--format", "pdf"}, batch.ExitBadInput},
		{"usage-json", []string{"usage", "--nights", "1", "--json"}, batch.ExitDone},
		{"usage-bad-nights", []string{"usage", "--nights", "0"}, batch.ExitBadInput},
		{"jobs-meant", []string{"jobs", "digset"}, batch.ExitBadInput},
		{"verify", []string{"ledger", "verify"}, batch.ExitDone},
		{"verify-json", []string{"ledger", "verify", "--json"}, batch.ExitDone},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := *d
			d.T = t
			got := d.run(c.args...)
			if got.code != c.code {
				t.Errorf("exit code %d, want %d", got.code, c.code)
			}
			golden(t, c.name, "--- standard output\n"+got.out+"--- standard error\n"+got.err)
		})
	}
}

// TestNoBooks looks for books where there are none, and makes none.
func TestNoBooks(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for setting, want := range map[string]string{
		"sqlite:" + filepath.Join(dir, "none.db"):        "there is no such file",
		"sqlite:" + empty:                                "there are no books in it",
		"postgres://ada:hunter2@127.0.0.1:1/books":       "127.0.0.1:1/books",
		"mysql://ada:hunter2@127.0.0.1/books":            "OFFPEAK_LEDGER",
		"sqlite:" + filepath.Join("testdata/good.yaml"):  "isn't a ledger",
		"sqlite:" + filepath.Join(dir, "no", "where.db"): "there is no such file",
	} {
		for _, args := range [][]string{{"jobs", "digest"}, {"ledger", "verify"}} {
			got := try(t, "", []string{"OFFPEAK_LEDGER=" + setting}, args...)
			code := batch.ExitBadInput
			if strings.HasPrefix(setting, "postgres") {
				code = batch.ExitOutOfReach
			}
			if got.code != code || !strings.Contains(got.err, want) || strings.Contains(got.err, "hunter2") {
				t.Errorf("%s, %v: want exit code %d and %q, got %+v", setting, args, code, want, got)
			}
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("something was made: %v, %v", files, err)
	}
}

// tamperings are what a person could do to books, and the row that then
// doesn't hold.
var tamperings = []struct{ name, do, names, says string }{
	{"flipped", "UPDATE charges SET total = total - 1 WHERE n = 2", "charge 2", "its content was changed"},
	{"deleted", "DELETE FROM charges WHERE n = 3", "charge 3", "it is missing"},
	{"cut off", "DELETE FROM charges WHERE n = 7", "charge 7", "it is missing: the chain should end with charge 7"},
	{"flipped with its sums", "UPDATE charges SET total = total - 1 WHERE n = 2; UPDATE tallies SET charged = charged - 1 WHERE batch_id = 'digest/2026-11-22'", "charge 2", "its content was changed"},
	{"sum", "UPDATE tallies SET charged = charged - 1 WHERE batch_id = 'other/2026-11-22'", "other/2026-11-22", "charged is $0.30, added up $0.300001"},
	{"state", "UPDATE jobs SET state = 'planned' WHERE name = 'lost'", "digest/2026-11-22", "planned is 1, added up 2; unknown is 1, added up 0"},
	{"job", "DELETE FROM jobs WHERE name = 'lost'", "digest/2026-11-22 job 4", "it is missing"},
}

// TestVerifyFinds changes the books in the ways that a person would, each on
// books of its own, and wants the row named and exit code 5.
func TestVerifyFinds(t *testing.T) {
	for _, c := range tamperings {
		d := newDesk(t)
		d.behind(c.do)
		got := d.run("ledger", "verify")
		if got.code != batch.ExitAudit || !strings.HasPrefix(got.out, "FAILED: ") || !strings.Contains(got.err, "error: verify "+c.names+": the books disagree") || !strings.Contains(got.err, c.says) {
			t.Errorf("%s: %+v", c.name, got)
		}
		var object struct {
			OK    bool `json:"ok"`
			Error struct {
				Kind  batch.Kind `json:"kind"`
				Thing string     `json:"thing"`
			} `json:"error"`
		}
		got = d.run("ledger", "verify", "--json")
		if err := json.Unmarshal([]byte(got.out), &object); err != nil || got.code != batch.ExitAudit || object.OK || object.Error.Kind != batch.BooksDisagree || object.Error.Thing != c.names {
			t.Errorf("%s: %v in %+v", c.name, err, got)
		}
		if c.name == "flipped" {
			golden(t, "verify-flipped", "--- standard output\n"+d.run("ledger", "verify").out+"--- standard error\n"+d.run("ledger", "verify").err)
		}
	}
}

// TestFar has a clock that goes on by a second with every look at it: what
// takes long says how far it is, on standard error.
func TestFar(t *testing.T) {
	d := newDesk(t)
	var out, errs bytes.Buffer
	now := noon
	code := cli.Run(t.Context(), []string{"ledger", "verify", "--json"}, cli.World{
		In: strings.NewReader(""), Out: &out, Err: &errs, Env: config.Env{"HOME=" + t.TempDir(), "OFFPEAK_LEDGER=sqlite:" + d.path},
		Now: func() time.Time { now = now.Add(time.Second); return now }, Local: time.UTC,
	})
	if want := "verifying: 7 charges, 2 batches, 11 jobs so far\n"; code != 0 || errs.String() != want || !json.Valid(out.Bytes()) {
		t.Errorf("want %q, got exit code %d, %q", want, code, errs.String())
	}
}

// TestBooksInterrupted ends a reading by Ctrl-C.
func TestBooksInterrupted(t *testing.T) {
	d := newDesk(t)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	for _, args := range [][]string{{"ledger", "verify"}, {"jobs", "digest"}} {
		var out, errs bytes.Buffer
		code := cli.Run(ctx, args, cli.World{
			In: strings.NewReader(""), Out: &out, Err: &errs, Env: config.Env{"HOME=" + t.TempDir(), "OFFPEAK_LEDGER=sqlite:" + d.path},
			Now: time.Now, Local: time.UTC,
		})
		if code != batch.ExitInterrupted {
			t.Errorf("%v: exit code %d, %s", args, code, errs.String())
		}
	}
}
