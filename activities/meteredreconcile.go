package activities

import (
	"context"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// without is the reconciliation with a provider that keeps no log that could be
// compared: what was left under way by a worker that died is seen for what it is,
// and jobs in doubt are looked up where the dialect can.
func (r *reconciliation) without(ctx context.Context) (batch.Reconciliation, error) {
	r.out.At = r.now()
	r.out.Findings, r.out.Notes = []batch.Finding{}, []batch.Note{}
	api, _, err := r.metered(r.batch)
	if err != nil {
		return batch.Reconciliation{}, err
	}
	err = r.pages(ctx, r.batch.ID, func(j ledger.Job) error {
		j, err := r.abandoned(ctx, r.batch, j)
		under := j.State == batch.Sending && j.Reference != ""
		if err != nil || !under && (j.State != batch.Unknown || api.Dialect().Lookup == nil && !j.Doubt.Billed) {
			return err
		}
		w := &work{
			Hands: r.Hands, batch: r.batch, api: api, d: api.Dialect(), began: r.now(), gate: r.stiles.enter(r.batch.ID), plight: &plight{}, pulse: r.pulse,
			in: batch.Submit{Batch: r.batch.ID, Seq: j.Seq, Span: r.span, RequestTimeout: r.batch.Policy.RequestTimeout},
		}
		defer r.stiles.leave(r.batch.ID, w.gate)
		if j, err = r.Ledger.Job(ctx, j.Batch, j.Seq); err != nil { // with its request
			return err
		}
		if under {
			err = w.follow(ctx, j)
		} else {
			_, err = w.doubted(ctx, j)
		}
		if err != nil {
			if k := batch.KindOf(err); k == batch.Waiting || k == batch.OutcomeUnknown {
				return nil // it can't be said yet: the audit names it
			}
			return err
		}
		if j, err = r.Ledger.Glance(ctx, j.Batch, j.Seq); err != nil {
			return err
		}
		switch {
		case j.State == batch.Reserved:
			r.out.Absent++
			return r.putOff(ctx, j)
		case !under && j.State != batch.Unknown:
			r.out.Found++
		}
		return nil
	})
	if err != nil {
		return batch.Reconciliation{}, err
	}
	err = r.Ledger.Charges(ctx, r.batch.ID, func(c ledger.Charge) error {
		r.out.Charged += c.Total
		return nil
	})
	r.out.Log = batch.NoLog
	return r.out, err
}
