package books_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
)

// judge writes a verdict that says where its report is.
func (w *writer) judge(id batch.ID, r batch.Result) {
	w.Helper()
	r.Batch = id
	text, err := json.Marshal(r)
	if err == nil {
		err = w.Judged(w.Context(), id, text)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// A night's standing and its months are the sums of its charges, exactly.
func TestStandingAndMonth(t *testing.T) {
	w := newWriter(t, file(t))
	others := batch.ID("digest/2026-11-23")
	next := batch.ID("digest/2026-12-01")
	w.plan(night, 30)
	w.plan(others, 5)
	w.plan(next, 2)
	w.charges(night, 20)
	w.charges(others, 5)
	w.judge(night, batch.Result{
		State: "failed", Discount: batch.Discount{Landed: 18, Missed: 2},
		Audit:      batch.Audit{Findings: []batch.Finding{{Rule: batch.DiscountMissed, Count: 2, Dollars: 94_500}, {Rule: batch.BooksDisagree, Dollars: 7}}},
		Reconciled: &batch.Reconciliation{Foreign: batch.Spend{Runs: 3, Dollars: 60_000}},
	})
	b := w.books()
	n, err := b.Standing(t.Context(), string(night))
	if err != nil {
		t.Fatal(err)
	}
	var billed, day money.USD
	for i := range 20 {
		billed, day = billed+bill(i).Total, day+bill(i).DayPrice
	}
	if n.Money.Billed != billed || n.Money.DayPrice != day || n.Money.Charges != 20 || n.Counts.Succeeded != 20 || n.Counts.Total != 30 ||
		n.Budget.Batch != 30*money.Dollar || n.Account.Key != "k-1a2b" || n.Result == nil || n.Result.Discount.Missed != 2 {
		t.Errorf("%+v", n)
	}
	m, err := b.Month(t.Context(), "2026-11")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		billed, day = billed+bill(i).Total, day+bill(i).DayPrice
	}
	if len(m.Nights) != 2 || m.Sum.Billed != billed || m.Sum.DayPrice != day || m.Sum.Saved != day-billed || m.Sum.Jobs != 25 ||
		m.Missed != 2 || m.MissedLost != 94_500 || m.ElsewhereRuns != 3 || m.ByMoving != 30_000 || m.In30.Billed != billed.Times(15) {
		t.Errorf("%+v", m)
	}
	if m, err = b.Month(t.Context(), "2027-01"); err != nil || len(m.Nights) != 0 || m.In30.Billed != 0 {
		t.Errorf("an empty month: %+v, %v", m, err)
	}
	if _, err = b.Month(t.Context(), "November"); batch.KindOf(err) != batch.BadInput {
		t.Errorf("no month: %v", err)
	}
	if _, err = b.Standing(t.Context(), "none/2026-11-22"); batch.KindOf(err) != batch.NotFound {
		t.Errorf("no batch: %v", err)
	}
}

// A report is handed over as the archive has it; one of another archive isn't
// guessed at.
func TestReport(t *testing.T) {
	w := newWriter(t, file(t))
	w.plan(night, 1)
	place := "file://" + filepath.Join(t.TempDir(), "archive")
	store, err := archive.Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	key := archive.ReportKey(night, 2, "md")
	if err := store.Put(t.Context(), key, []byte("**passed**\n")); err != nil {
		t.Fatal(err)
	}
	b, err := books.Open(t.Context(), config.Env{"OFFPEAK_LEDGER=" + w.setting, "OFFPEAK_ARCHIVE=" + place, "HOME=" + t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Report(t.Context(), string(night), "md"); batch.KindOf(err) != batch.NotFound {
		t.Errorf("before the verdict: %v", err)
	}
	url := store.URL(key)
	w.judge(night, batch.Result{State: "done", Report: url[:len(url)-len(".md")]})
	if text, err := b.Report(t.Context(), string(night), "md"); err != nil || string(text) != "**passed**\n" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := b.Report(t.Context(), string(night), "csv"); batch.KindOf(err) != batch.NotFound {
		t.Errorf("a format that isn't there: %v", err)
	}
	w.judge(night, batch.Result{State: "done", Report: "s3://elsewhere/digest/2026-11-22/report"})
	if _, err := b.Report(t.Context(), string(night), "md"); batch.KindOf(err) != batch.NotFound {
		t.Errorf("another archive: %v", err)
	}
}
