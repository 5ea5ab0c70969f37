package activities_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/simulator"
)

// The discount didn't land: the night fails with the dollars, after the report
// was written.
func TestDiscountMissed(t *testing.T) {
	w := newWorld(t, nil).faults(simulator.Rule{Match: "job-1", Kind: simulator.KindFullPrice}).planned(manifest(2, ""))
	w.send(0)
	w.send(1)
	if !strings.Contains(w.log.String(), "a charge doesn't show the night price") {
		t.Error("nothing was said when it happened")
	}
	_, err := w.audit()
	e := applicationError(t, err)
	if e.Type() != string(batch.DiscountMissed) || !e.NonRetryable() || !strings.Contains(err.Error(), "job-1") || !strings.Contains(err.Error(), "$0.04725") {
		t.Errorf("%v", err)
	}
	var fault batch.Fault
	var result batch.Result
	if err := e.Details(&fault, &result); err != nil || fault.Kind != batch.DiscountMissed || result.Discount.Missed != 1 || result.State != "failed" {
		t.Errorf("%+v, %+v, %v", fault, result, err)
	}
	for _, ext := range []string{"txt", "json", "csv", "html"} {
		text, err := w.store.Get(t.Context(), "digest/2026-11-22/report."+ext)
		if err != nil || !strings.Contains(string(text), "job-1") {
			t.Errorf("report.%s: %d bytes, %v", ext, len(text), err)
		}
		if strings.Contains(string(text), "CONFIDENTIAL-PROMPT") {
			t.Errorf("report.%s holds a prompt", ext)
		}
	}
	b, err := w.books.Batch(t.Context(), w.plan.Batch)
	var kept batch.Result
	if err != nil || json.Unmarshal(b.Result, &kept) != nil || kept.Report != result.Report {
		t.Errorf("the ledger's %s, %v", b.Result, err)
	}
	// Judged again: the same report.
	_, err = w.audit()
	var again *temporal.ApplicationError
	var second batch.Result
	if !errors.As(err, &again) || again.Details(&fault, &second) != nil || second.Report != result.Report {
		t.Errorf("%+v, %v", second, err)
	}
	w.honest()
}

// Jobs that were never sent are parked, and a night of nothing else fails.
func TestNothingSent(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(2, ""))
	_, err := w.hands.AuditDiscount(t.Context(), batch.AuditRequest{Batch: w.plan.Batch, Span: w.plan.Start.Span, Stop: "a shard ended badly"})
	if kindOf(t, err) != batch.NothingToJudge || !strings.Contains(err.Error(), "2 parked") {
		t.Errorf("%v", err)
	}
	if s := w.job(1); s.State != batch.Parked || !strings.Contains(s.Why, "a shard ended badly") {
		t.Errorf("%+v", s)
	}
}

// The audit judges what is in the books: it asks the provider for nothing, and
// what wasn't looked up beforehand stays unknown.
func TestTheAuditAsksNobody(t *testing.T) {
	w := newWorld(t, nil).faults(lostAnswer("job-0")).planned(manifest(1, `"policy": {"on_unknown": "hold"},`))
	w.send(0)
	before := len(slices.Collect(w.api.Books().Arrivals()))
	_, err := w.hands.AuditDiscount(t.Context(), batch.AuditRequest{Batch: w.plan.Batch, Span: w.plan.Start.Span})
	if kindOf(t, err) != batch.OutcomesUnknown || w.job(0).State != batch.Unknown {
		t.Errorf("%v; job-0 is %s", err, w.job(0).State)
	}
	if n := len(slices.Collect(w.api.Books().Arrivals())); n != before {
		t.Errorf("%d requests to the provider", n-before)
	}
	if result, err := w.audit(); err != nil || result.Jobs.Succeeded != 1 {
		t.Errorf("compared first: %+v, %v", result, err)
	}
	w.honest()
}

// A night without any job proves nothing.
func TestNoJobs(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(1, ""))
	b, err := w.books.Batch(t.Context(), w.plan.Batch)
	if err != nil {
		t.Fatal(err)
	}
	b.ID = "empty/2026-11-22"
	if _, err := w.books.Claim(t.Context(), ledger.Claim{Batch: b}); err != nil {
		t.Fatal(err)
	}
	if err := w.books.Seal(t.Context(), b.ID, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	_, err = w.hands.AuditDiscount(t.Context(), batch.AuditRequest{Batch: b.ID, Span: w.plan.Start.Span})
	if kindOf(t, err) != batch.NothingToJudge || !strings.Contains(err.Error(), "no jobs") {
		t.Errorf("%v", err)
	}
}

// What a broken shard left sending or unknown is looked for once more.
func TestLastLook(t *testing.T) {
	w := newWorld(t, nil).faults(lostAnswer("job-0"), simulator.Rule{Match: "job-1", Kind: simulator.KindStatus, Status: 503, Attempts: firstTry}).
		planned(manifest(3, `"policy": {"on_unknown": "hold"},`))
	for seq := range 3 {
		w.send(seq)
	}
	_, err := w.audit()
	if kindOf(t, err) != batch.OutcomesUnknown || !strings.Contains(err.Error(), "job-1") {
		t.Errorf("%v; job-0 is in the log, job-1 is held", err)
	}
	if a, b := w.job(0).State, w.job(1).State; a != batch.Succeeded || b != batch.Unknown {
		t.Errorf("job-0 is %s, job-1 is %s", a, b)
	}
	w.honest()
}
