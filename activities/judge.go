package activities

import (
	"context"
	"encoding/json"
	"fmt"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/audit"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/report"
)

// How a night ended, as Result.State says it (Progress.State has them all).
const (
	stateDone   = "done"
	stateFailed = "failed"
)

// AuditDiscount ends a night. It gives up what wasn't sent, judges every charge
// and what Reconcile found, writes and announces the report, and only then
// fails, with the kind of the gravest finding as the error type and the result
// in its details. Run again, it judges again.
func (h *Hands) AuditDiscount(ctx context.Context, in batch.AuditRequest) (batch.Result, error) {
	p := beat(ctx, "giving up what wasn't sent")
	defer p.end()
	result, err := h.auditNight(ctx, in, p)
	if err != nil {
		return batch.Result{}, raise(err)
	}
	if f := audit.Fault(in.Batch, result.Audit); f != nil {
		f.Hint = join(f.Hint, "the report is "+result.Report+".txt")
		return batch.Result{}, raise(f, result)
	}
	return result, nil
}

func (h *Hands) auditNight(ctx context.Context, in batch.AuditRequest, p *pulse) (batch.Result, error) {
	b, err := h.Ledger.Batch(ctx, in.Batch)
	if err != nil {
		return batch.Result{}, err
	}
	if in.Stop == "" {
		in.Stop = b.Stopped // by the hands: a refused key
	}
	if !in.Again {
		if err := h.leftovers(ctx, b, in); err != nil {
			return batch.Result{}, err
		}
	}
	night := &night{Hands: h, batch: b, in: in, pulse: p}
	verdict, err := night.judge(ctx)
	if err != nil {
		return batch.Result{}, err
	}
	if in.Books != nil {
		verdict.Join(in.Books.Findings)
	}
	result := batch.Result{
		Budget: night.budget(), Batch: b.ID, Night: in.Span.Night, State: stateDone, Span: in.Span, Reconciled: in.Books,
		Jobs: verdict.Jobs, Money: verdict.Money, Discount: verdict.Discount, Audit: verdict.Audit,
	}
	if !verdict.Audit.Passed {
		result.State = stateFailed
	}
	result.Carried = h.carried(b, in, verdict)
	morning, err := night.write(ctx, verdict, &result)
	if err != nil {
		return batch.Result{}, err
	}
	if result.Results, err = night.results(ctx); err != nil {
		return batch.Result{}, err
	}
	text, err := json.Marshal(result)
	if err != nil {
		return batch.Result{}, fmt.Errorf("write result of %s: %w", b.ID, err)
	}
	if err := h.Ledger.Judged(ctx, b.ID, text); err != nil {
		return batch.Result{}, err
	}
	level := zap.InfoLevel
	if !verdict.Audit.Passed {
		level = zap.ErrorLevel
	}
	h.Log.Log(level, report.Headline(morning), zap.String("batch", string(b.ID)), zap.String("report", result.Report),
		zap.String("billed", result.Money.Billed.String()), zap.String("saved", result.Money.Saved.String()), zap.Int("findings", len(result.Audit.Findings)))
	return result, nil
}

// pages hands over every job of a batch in order, without its request.
func (h *Hands) pages(ctx context.Context, id batch.ID, yield func(ledger.Job) error) error {
	for from := 0; ; from += chunkJobs {
		jobs, err := h.Ledger.Jobs(ctx, id, from, from+chunkJobs)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if err := yield(j); err != nil {
				return err
			}
		}
		if len(jobs) < chunkJobs {
			return nil
		}
	}
}

// leftovers gives up what wasn't sent: parked, for another night; or cancelled,
// when a person ended this one.
func (h *Hands) leftovers(ctx context.Context, b ledger.Batch, in batch.AuditRequest) error {
	state, why := batch.Parked, "not sent before the night ended"
	if in.Cancelled {
		state, why = batch.Cancelled, "cancelled before it was sent"
	}
	return h.pages(ctx, b.ID, func(j ledger.Job) error {
		if j.State != batch.Planned && j.State != batch.Reserved {
			return nil
		}
		_, err := h.Ledger.Give(ctx, b.ID, j.Seq, state, join(why, join(in.Stop, j.Why)))
		return err
	})
}

// join puts a semicolon between what isn't empty.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
