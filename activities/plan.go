package activities

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// How a night is cut up.
const (
	shardSize = 500 // jobs per child workflow: about 1,700 events and 200 KB of history, far from any limit
	shards    = 4   // children under way at once: measured faster than one workflow, and quick to list
	inFlight  = 125 // jobs under way in one child: 500 in all keep 33 requests a second of 15 s each going

	chunkJobs  = 500     // jobs written to the ledger in one transaction
	chunkBytes = 8 << 20 // or as many as have this much of requests
)

// PlanNight reads and checks the manifest, asks the provider for its rate card
// and limits, prices every job, claims the night and writes jobs and request
// ids into the ledger. Whatever is wrong with the input is found before
// anything is claimed. Planned again, by a retry or a re-run, every job keeps
// its identity; what was parked or skipped is planned anew, and what succeeded
// or is unknown is never sent again.
func (h *Hands) PlanNight(ctx context.Context, in batch.PlanRequest) (batch.Plan, error) {
	p := beat(ctx, "reading the manifest")
	defer p.end()
	out, err := h.plan(ctx, in, p)
	return out, raise(err)
}

func (h *Hands) plan(ctx context.Context, in batch.PlanRequest, p *pulse) (batch.Plan, error) {
	value, err := given(in)
	if err != nil {
		return batch.Plan{}, err
	}
	in.Input = value
	if ref, ok, err := manifest.Ref(in.Input); ok && err == nil && ref.Batch != "" {
		return h.goOn(ctx, in, ref)
	}
	src, err := readInput(ctx, in.Input)
	if err != nil {
		return batch.Plan{}, err
	}
	m := src.manifest
	api := h.api(m.Provider)
	if m.Metered() && api == nil || !m.Metered() && h.Swarms == nil {
		return batch.Plan{}, h.noAPI(m)
	}
	start, err := m.Window.Decide(in.Asked, m.Policy.RequestTimeout)
	if err != nil {
		return batch.Plan{}, &batch.Fault{Kind: batch.BadInput, Op: "plan", Thing: string(m.Name), Detail: err.Error(), Err: err}
	}
	var (
		terms terms
		key   = h.key
	)
	if api != nil {
		terms, key = meteredTerms(api), api.Scope()
	} else if terms, err = h.terms(ctx); err != nil {
		return batch.Plan{}, err
	}
	terms.card = terms.card.In(m.Window)
	s := newSurvey(m, terms.card, start, h.Caps)
	s.api = api
	err = src.each(ctx, func(j batch.Job) error {
		p.now(Beat{Doing: "pricing", Count: len(s.days) + 1})
		_, err := s.job(j)
		return errors.Join(ctx.Err(), err)
	})
	if err == nil {
		err = s.refuse()
	}
	if err != nil {
		return batch.Plan{}, err
	}
	policy := m.Policy
	policy.Window = &m.Window
	b, err := h.claim(ctx, ledger.Batch{
		ID: batch.NewID(m.Name, start.Span.Night), Provider: m.Provider, Key: key,
		Owner: ledger.Owner{WorkflowID: in.WorkflowID, RunID: in.RunID}, Digest: s.digest.Sum(),
		Span: start.Span, Card: terms.card, Budget: m.Budget, Policy: policy,
	}, in.Scheduled)
	if in.Scheduled && batch.KindOf(err) == batch.NightClaimed && b.Digest == s.digest.Sum() {
		// A person started it before its hour, or another schedule did: what was
		// asked for is being done, and nobody needs to hear of it.
		h.Log.Info("the night runs already", zap.String("batch", string(b.ID)), zap.String("owner", b.Owner.WorkflowID))
		return batch.Plan{Batch: b.ID, Start: start, Elsewhere: b.Owner.WorkflowID}, nil
	}
	if batch.KindOf(err) == batch.ManifestDiffers {
		err = h.difference(ctx, b, src, p, err)
	}
	if err != nil {
		return batch.Plan{}, err
	}
	if err := h.write(ctx, b, src, s, p); err != nil {
		return batch.Plan{}, err
	}
	b.Jobs = len(s.days)
	terms.warnings = append(terms.warnings, s.warnings()...)
	return h.outline(ctx, b, start, s.days, terms)
}

// outline is the plan of a batch whose jobs are in the books. days are their
// day prices, as far as they were priced just now.
func (h *Hands) outline(ctx context.Context, b ledger.Batch, start tariff.Start, days []money.USD, terms terms) (batch.Plan, error) {
	plan := batch.Plan{
		Batch: b.ID, Provider: b.Provider, Window: *b.Policy.Window, Start: start, Jobs: b.Jobs,
		Budget: b.Budget, Policy: b.Policy, Card: b.Card,
		ShardSize: shardSize, Shards: shards, InFlight: inFlight, Attributes: h.Attributes,
		Warnings: terms.warnings,
	}
	plan.Policy.Window = nil // the plan has it
	if err := h.pending(ctx, days, &plan); err != nil {
		return batch.Plan{}, err
	}
	switch api, ok, err := h.metered(b); {
	case err != nil:
		return batch.Plan{}, err
	case ok:
		meteredFanOut(&plan, api.Dialect())
	default:
		if err := h.mode(ctx, &plan, terms.limits); err != nil {
			return batch.Plan{}, err
		}
		fanOut(&plan)
	}
	plan.Fit = batch.FitNight(plan.Pending, start, plan.Policy.RequestTimeout, terms.limits.Tier, terms.limits.Rates())
	if !plan.Fit.Fits {
		plan.Warnings = append(plan.Warnings, fmt.Sprintf("not all jobs fit into this night: %s takes %s and there are %s; what doesn't fit is parked",
			plan.Fit.Binding, plan.Fit.Needs, plan.Fit.Has))
	}
	h.Log.Info("planned", zap.String("batch", string(plan.Batch)), zap.Int("jobs", plan.Jobs), zap.Int("pending", plan.Pending),
		zap.String("estimate", plan.Estimate.String()), zap.String("ceiling", plan.Ceiling.String()), zap.String("start", start.Reason))
	return plan, nil
}

// claim takes the night, also from a workflow that has ended, and from one that
// only waits to carry it on: unless a schedule asks, which nobody waits for.
func (h *Hands) claim(ctx context.Context, want ledger.Batch, scheduled bool) (ledger.Batch, error) {
	have, err := h.Ledger.Claim(ctx, ledger.Claim{Batch: want})
	if batch.KindOf(err) != batch.NightClaimed || h.Running == nil {
		return have, err
	}
	running, ask := h.Running(ctx, have.Owner.WorkflowID, have.Owner.RunID)
	if ask != nil {
		return have, &batch.Fault{Kind: batch.OutOfReach, Op: "claim", Thing: string(want.ID), Detail: "whether " + have.Owner.WorkflowID + " still runs can't be found out", Err: ask}
	}
	if running {
		gave := false
		if !scheduled {
			if gave, ask = h.makeWay(ctx, have, want.Owner); ask != nil {
				return have, ask
			}
		}
		if !gave {
			return have, carriedOn(have, err)
		}
	}
	h.Log.Warn("the night is taken over from a workflow that has ended", zap.String("batch", string(want.ID)), zap.String("owner", have.Owner.WorkflowID))
	if err := h.Ledger.TakeOver(ctx, want.ID, have.Owner, want.Owner); err != nil {
		return have, err
	}
	return h.Ledger.Claim(ctx, ledger.Claim{Batch: want})
}

// difference has a refusal name the jobs in which two manifests of one night
// differ. Where none does (the provider, or a plan that was cut short) it stays
// as it is.
func (h *Hands) difference(ctx context.Context, b ledger.Batch, src source, p *pulse, refused error) error {
	c := h.Ledger.Compare(b)
	chunk, size, done := make([]ledger.Job, 0, chunkJobs), 0, 0
	flush := func() error {
		err := c.Jobs(ctx, chunk)
		done += len(chunk)
		p.now(Beat{Doing: "comparing with the jobs of before", Count: done})
		chunk, size = chunk[:0], 0
		return err
	}
	err := src.each(ctx, func(j batch.Job) error {
		chunk = append(chunk, ledger.Job{Name: j.Name, Request: j.Request})
		if size += len(j.Request); len(chunk) < chunkJobs && size < chunkBytes {
			return ctx.Err()
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return err
	}
	f, err := c.Fault(ctx)
	switch {
	case err != nil:
		return err
	case f == nil:
		return refused
	}
	return f
}

// write is the second reading: every job into the ledger, in chunks. A file
// that changed since the first is noticed by its digest before the plan is
// sealed.
func (h *Hands) write(ctx context.Context, b ledger.Batch, src source, s *survey, p *pulse) error {
	again := newSurvey(src.manifest, b.Card, s.start, h.Caps)
	again.api = s.api
	var chunk []ledger.Job
	size, written := 0, 0
	flush := func() error {
		if err := h.Ledger.Plan(ctx, b.ID, chunk); err != nil {
			return err
		}
		written += len(chunk)
		p.now(Beat{Doing: "writing jobs", Count: written})
		chunk, size = chunk[:0], 0
		return nil
	}
	err := src.each(ctx, func(j batch.Job) error {
		q, err := again.job(j)
		if err != nil {
			return err
		}
		chunk = append(chunk, ledger.Job{
			Name: j.Name, Request: j.Request, Type: q.Shape.Type, Models: q.Shape.Models, Agents: q.Shape.Agents,
			Ceiling: q.Ceiling, Estimate: q.Estimate, Priority: j.Priority,
		})
		if size += len(j.Request); len(chunk) < chunkJobs && size < chunkBytes {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return err
	}
	if again.digest.Sum() != s.digest.Sum() {
		return &batch.Fault{Kind: batch.BadInput, Op: "plan", Thing: string(b.ID), Detail: "jobs_from changed while it was being read", Hint: "start again when the file is complete"}
	}
	if err := h.Ledger.Seal(ctx, b.ID, len(s.days), s.estimate, s.ceiling); err != nil {
		return err
	}
	return h.Ledger.Reopen(ctx, b.ID)
}

// pending adds up what still has to be sent.
func (h *Hands) pending(ctx context.Context, days []money.USD, plan *batch.Plan) error {
	for from := 0; from < plan.Jobs; from += chunkJobs {
		jobs, err := h.Ledger.Jobs(ctx, plan.Batch, from, min(from+chunkJobs, plan.Jobs))
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if j.State.Over() {
				continue
			}
			plan.Pending++
			plan.Estimate, plan.Ceiling = plus(plan.Estimate, j.Estimate), plus(plan.Ceiling, j.Ceiling)
			plan.DayPrice = plus(plan.DayPrice, dayPrice(days, plan.Card, j))
		}
	}
	return nil
}

// dayPrice is what a job is expected to cost by day; by its estimate, the night
// price, if it isn't one of this reading.
func dayPrice(days []money.USD, card tariff.Card, j ledger.Job) money.USD {
	if j.Seq < len(days) {
		return days[j.Seq]
	}
	return plus(j.Estimate, card.Saved(j.Estimate, j.Agents))
}
