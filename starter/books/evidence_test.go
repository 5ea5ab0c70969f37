package books_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/starter/books"
)

// judged plans three jobs of one batch and one of another, settles them in
// turns, and has the first batch judged.
func (w *writer) judged() {
	w.Helper()
	const other = batch.ID("other/2026-11-22")
	w.plan(night, 3)
	w.plan(other, 1)
	send := func(id batch.ID, seq int) {
		w.Helper()
		_, n, err := w.Admit(w.Context(), ledger.Ask{Batch: id, Seq: seq}, func(ledger.Standing) ledger.Verdict { return ledger.Verdict{Action: ledger.Go} })
		if err == nil {
			_, err = w.Settle(w.Context(), ledger.Closing{Batch: id, Seq: seq, Attempt: n, Status: 200, Receipt: []byte(`{"status": 200, "body_hash": "ab"}`)}, bill(seq), "")
		}
		if err != nil {
			w.Fatal(err)
		}
	}
	send(night, 2)
	send(other, 0)
	send(night, 0)
	if _, err := w.Give(w.Context(), night, 1, batch.Rejected, "not sent: policy"); err != nil {
		w.Fatal(err)
	}
	t, err := w.Totals(w.Context(), night)
	if err != nil {
		w.Fatal(err)
	}
	text, err := json.Marshal(batch.Result{
		Batch: night, Night: night.Night(), State: "done", Jobs: t.Jobs,
		Money: batch.Money{Billed: t.Charged, DayPrice: t.DayPrice, Saved: t.DayPrice - t.Charged}, Audit: batch.Audit{Passed: true, Findings: []batch.Finding{}},
	})
	if err == nil {
		err = w.Judged(w.Context(), night, text)
	}
	if err != nil {
		w.Fatal(err)
	}
}

func (w *writer) evidence(q books.Wish) (books.Bundled, string, error) {
	w.Helper()
	b, err := books.Open(w.Context(), config.Env{"OFFPEAK_LEDGER=" + w.setting, "OFFPEAK_ARCHIVE=file:///nowhere/archive", "HOME=" + w.TempDir()})
	if err != nil {
		w.Fatal(err)
	}
	defer b.Close()
	var out bytes.Buffer
	q.Batch = string(night)
	made, err := b.Evidence(w.Context(), q, &out, func(string, int) {})
	return made, out.String(), err
}

// TestEvidence from either store: the same bytes each time, other batches'
// charges as links only, and what was deleted since is said.
func TestEvidence(t *testing.T) {
	settings := map[string]string{"sqlite": file(t)}
	if servers {
		settings["postgres"] = pgtest.Database(t)
	} else if os.Getenv("CI") == "true" {
		t.Error("no PostgreSQL: scripts/need postgres installs it")
	}
	for store, setting := range settings {
		t.Run(store, func(t *testing.T) {
			w := newWriter(t, setting)
			w.judged()
			made, text, err := w.evidence(books.Wish{Log: books.LogNone, Prompts: true})
			if err != nil || !made.OK || made.Pins != 3 || made.Requests != 3 || made.Money.Charges != 2 || made.Chain.Others != 1 || made.Receipts != 2 {
				t.Fatalf("%v, %+v", err, made)
			}
			if strings.Contains(text, "other/2026-11-22") {
				t.Error("it tells of another batch")
			}
			if _, again, err := w.evidence(books.Wish{Log: books.LogNone, Prompts: true}); err != nil || again != text {
				t.Errorf("written again, it has other bytes: %v", err)
			}

			owner := ledger.Owner{WorkflowID: night.WorkflowID(), RunID: "r"}
			for _, what := range []batch.Kept{batch.KeptPrompts, batch.KeptReceipts} {
				_, err := w.BeginPurge(t.Context(), ledger.Purge{Batch: night, What: what, Rule: what.Setting() + "=30d"}, owner)
				if err == nil {
					err = w.PurgeStretch(t.Context(), night, what, owner, 0, 3)
				}
				if err == nil {
					_, err = w.EndPurge(t.Context(), night, what)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			made, _, err = w.evidence(books.Wish{Log: books.LogNone, Prompts: true})
			said := strings.Join(made.Notes, "\n")
			if err != nil || !made.OK || made.Pins != 0 || made.Receipts != 2 || made.Money.Charges != 2 {
				t.Errorf("after a purge: %v, %+v", err, made)
			}
			for _, want := range []string{"deleted on ", "OFFPEAK_KEEP_PROMPTS=30d", "OFFPEAK_KEEP_RECEIPTS=30d", "the requests of 3 jobs aren't kept any more"} {
				if !strings.Contains(said, want) {
					t.Errorf("%q isn't said:\n%s", want, said)
				}
			}
		})
	}
}

// TestEvidenceOfForgedBooks: a chain that doesn't hold has no evidence, be the
// charge that was changed another batch's; and a program that is stopped leaves
// nothing behind.
func TestEvidenceOfForgedBooks(t *testing.T) {
	w := newWriter(t, file(t))
	w.judged()
	dir := t.TempDir()
	out := filepath.Join(dir, "night.tar")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	b, err := books.Open(t.Context(), config.Env{"OFFPEAK_LEDGER=" + w.setting, "HOME=" + dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Evidence(ctx, books.Wish{Batch: string(night), Log: books.LogNone, Out: out}, io.Discard, func(string, int) {}); batch.KindOf(err) != batch.Cancelling {
		t.Errorf("stopped: %v", err)
	}
	db, err := sql.Open("sqlite", strings.TrimPrefix(w.setting, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var guards []string
	rows, err := db.QueryContext(t.Context(), "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'charges'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		guards = append(guards, name)
	}
	if err := rows.Err(); err != nil || len(guards) == 0 {
		t.Fatalf("%v, %v", guards, err)
	}
	for _, g := range guards {
		if _, err := db.ExecContext(t.Context(), "DROP TRIGGER "+g); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE charges SET total = total + 1 WHERE n = 2"); err != nil {
		t.Fatal(err)
	}
	_, err = b.Evidence(t.Context(), books.Wish{Batch: string(night), Log: books.LogNone, Out: out}, io.Discard, func(string, int) {})
	if batch.KindOf(err) != batch.BooksDisagree || !strings.Contains(err.Error(), "charge 2") {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
