package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/swarms"
)

// booking writes down what became of one job of a request.
type booking func(ctx context.Context, i int, it *item, c ledger.Closing) error

// book writes down what became of each job of a request, all at once. What
// can't be written leaves its job sending, which the next to open it takes for
// a crash; the other jobs are booked all the same.
func (m *many) book(ctx context.Context, group []*item, runs []swarms.Completion, r provider.Receipt, failed error) error {
	receipt, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write receipt of a batch request of %s: %w", m.in.Batch, err)
	}
	write := m.answered(group, runs, r)
	if failed != nil {
		write = m.failed(failed, r, len(group))
	}
	var all sync.WaitGroup
	for i, it := range group {
		all.Go(func() {
			c := ledger.Closing{Batch: m.in.Batch, Seq: it.in.Seq, Attempt: it.attempt, Status: r.Status, EndedAt: r.EndedAt(), Receipt: receipt}
			var back later // when it would come back by itself; here it goes on alone
			if err := write(ctx, i, it, c); err != nil && !errors.As(err, &back) {
				m.Log.Error("a job of a batch request couldn't be booked: it is looked up like one that met a crash",
					zap.String("batch", string(m.in.Batch)), zap.Int("seq", it.in.Seq), zap.String("request_id", it.job.RequestID), zap.Error(err))
			}
		})
	}
	all.Wait()
	return nil
}

// answered books the items of an answer, joined by their tags: their order
// isn't promised, and the documents contradict each other about it.
func (m *many) answered(group []*item, runs []swarms.Completion, r provider.Receipt) booking {
	byTag := map[string][]swarms.Completion{}
	for _, it := range group {
		byTag[it.job.RequestID] = nil
	}
	foreign := 0
	for _, run := range runs {
		id, ok := swarms.TagOf(run.SwarmName)
		if _, ours := byTag[id]; !ok || !ours {
			foreign++
			continue
		}
		byTag[id] = append(byTag[id], run)
	}
	if foreign > 0 {
		m.Log.Error("a batch answer has items that aren't of this request", zap.String("batch", string(m.in.Batch)), zap.Int("items", foreign), zap.Int("jobs", len(group)))
	}
	return func(ctx context.Context, _ int, it *item, c ledger.Closing) error {
		found := byTag[it.job.RequestID]
		if len(found) == 0 {
			// It isn't known to be over either: an answer that came without
			// waiting for it looks the same.
			c.Kind = batch.OutcomeUnknown
			f := &batch.Fault{Kind: c.Kind, Op: "submit batch", Thing: thing(it.in), Moved: batch.MovedMaybe, Status: r.Status, Detail: "the batch answer doesn't have it"}
			return it.wonder(ctx, it.job, c, f, r, false)
		}
		return it.one(ctx, c, m.pick(it, found), r)
	}
}

// pick is the item that counts of those with one tag: the first with a price.
func (m *many) pick(it *item, found []swarms.Completion) swarms.Completion {
	priced := func(run swarms.Completion) bool { return run.Usage != nil && run.Usage.TotalCost.Known }
	best := found[0]
	for _, run := range found[1:] {
		if !priced(best) && priced(run) {
			best = run
		}
	}
	for _, run := range found {
		if run.OK != best.OK || priced(run) && run.Usage.TotalCost.USD != best.Usage.TotalCost.USD || run.JobID != best.JobID {
			m.Log.Error("a batch answer has different items for one request: it may have been billed twice",
				zap.String("batch", string(m.in.Batch)), zap.String("job", it.job.Name), zap.String("request_id", it.job.RequestID), zap.Int("items", len(found)))
			break
		}
	}
	return best
}

// one books one item of an answer.
func (s *item) one(ctx context.Context, c ledger.Closing, run swarms.Completion, r provider.Receipt) error {
	f := run.Fault()
	if f == nil || run.Usage != nil { // a failed run with usage was billed
		return s.paid(ctx, s.job, c, answer{run: run, receipt: r})
	}
	f.Op, f.Thing, f.Detail = "submit batch", thing(s.in), "the batch answer's item says: "+f.Detail
	c.Kind = f.Kind
	switch f.Kind {
	case batch.RejectedByAPI, batch.BadInput:
		return s.insist(ctx, func() error { _, err := s.Ledger.Reject(ctx, c, said(f)); return err })
	case batch.CreditsTooLow:
		return s.broke(ctx, s.job, c, f, r)
	case batch.KeyRefused, batch.RateLimited:
		// Of this run and not of the request: alone, it will be told what of it.
		return s.takeBack(ctx, c, ledger.Returning{Why: said(f), NotBefore: c.EndedAt.Add(f.After), Limited: f.Kind == batch.RateLimited})
	}
	return s.doubt(ctx, s.job, c, f, r)
}

func (s *item) takeBack(ctx context.Context, c ledger.Closing, ret ledger.Returning) error {
	return s.insist(ctx, func() error { _, err := s.Ledger.Return(ctx, c, ret); return err })
}

// failed books a request that got no answer that can be used:
//
//	429                           all reserved, uncounted; a floor for the key
//	402                           all reserved; the key is held
//	401                           all reserved; the key is closed, the batch stopped: the gate parks them
//	another 4xx                   all reserved, and sent alone: one of them is to blame, or the endpoint
//	not written                   all reserved, counted
//	5xx, timeout, reset, no JSON  all unknown
//
// A refusal that comes wrapped in a 5xx or in a 200 may be that of one run,
// while others went on: all are unknown then, unless the request was of one
// job, or the refusal is of batches as such.
func (m *many) failed(err error, r provider.Receipt, jobs int) booking {
	f := &batch.Fault{}
	if !errors.As(err, &f) {
		f = &batch.Fault{Kind: batch.OutcomeUnknown, Op: "submit batch", Moved: batch.MovedMaybe, Detail: "an error without a kind"}
	}
	m.singly(f)
	do := m.refusal(f, r, jobs)
	return func(ctx context.Context, i int, it *item, c ledger.Closing) error {
		own := *f // booking changes it
		c.Kind = own.Kind
		return do(ctx, i, it, c, &own)
	}
}

// blame books one job of a request that failed.
type blame func(ctx context.Context, i int, it *item, c ledger.Closing, f *batch.Fault) error

func (m *many) refusal(f *batch.Fault, r provider.Receipt, jobs int) blame {
	inside := f.Status >= http.StatusInternalServerError || f.Status >= 200 && f.Status < 300
	switch {
	case f.Kind == batch.NotSent, f.Kind == batch.Cancelling:
		return func(ctx context.Context, _ int, it *item, c ledger.Closing, f *batch.Fault) error {
			return it.unsent(ctx, it.job, c, f)
		}
	case f.Kind == batch.OutcomeUnknown, f.Kind == batch.Internal, jobs > 1 && inside && !ofBatches(f):
		return doubtAll(r, jobs)
	case f.Kind == batch.RateLimited:
		return func(ctx context.Context, _ int, it *item, c ledger.Closing, f *batch.Fault) error {
			return it.limited(ctx, c, f, r)
		}
	case f.Kind == batch.CreditsTooLow:
		return func(ctx context.Context, _ int, it *item, c ledger.Closing, f *batch.Fault) error {
			return it.broke(ctx, it.job, c, f, r)
		}
	case f.Status == http.StatusUnauthorized:
		return func(ctx context.Context, i int, it *item, c ledger.Closing, f *batch.Fault) error {
			if i == 0 {
				return it.refused(ctx, c, f)
			}
			return it.takeBack(ctx, c, ledger.Returning{Why: said(f)})
		}
	}
	m.alone = true
	return func(ctx context.Context, _ int, it *item, c ledger.Closing, f *batch.Fault) error {
		return it.takeBack(ctx, c, ledger.Returning{Why: "a batch request was refused: " + said(f)})
	}
}

// doubtAll leaves every job of a request unknown. An answer that can't be read
// came when the work was done, and some of it may have failed unbilled. An
// answered 5xx doesn't say that nothing goes on, unless it was about one job.
func doubtAll(r provider.Receipt, jobs int) blame {
	return func(ctx context.Context, _ int, it *item, c ledger.Closing, f *batch.Fault) error {
		if f.Kind == batch.CreditsTooLow {
			if err := it.insist(ctx, func() error { return it.Ledger.HoldKey(ctx, it.key, said(f)) }); err != nil {
				return err
			}
		}
		over := f.Moved == batch.MovedYes || jobs == 1 && r.Wrote == provider.Answered && !gatewayGaveUp(r.Status)
		f.Kind, f.Moved = batch.OutcomeUnknown, batch.MovedMaybe
		c.Kind = f.Kind
		return it.wonder(ctx, it.job, c, f, r, over)
	}
}

// ofBatches says whether a refusal is of batch requests as such, and so came
// before anything ran: the account's tier, or their size (texts of the Swarms
// docs, premium-endpoints, and of the server of 2025-06).
func ofBatches(f *batch.Fault) bool {
	if f.Kind != batch.KeyRefused && f.Kind != batch.RejectedByAPI {
		return false
	}
	d := strings.ToLower(f.Detail)
	return strings.Contains(d, "premium") || strings.Contains(d, "batch size")
}

// singly notes that no further batch request is worth making.
func (m *many) singly(f *batch.Fault) {
	switch f.Status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
	default:
		if !ofBatches(f) {
			return
		}
	}
	m.alone, m.out.Singly = true, said(f)
	m.Log.Warn("the batch endpoint can't be used: jobs go on alone", zap.String("batch", string(m.in.Batch)), zap.String("detail", m.out.Singly))
}

// tell logs one request: never a prompt, an answer or a key.
func (m *many) tell(group []*item, items int, r provider.Receipt, err error) {
	ids := make([]string, len(group))
	for i, it := range group {
		ids[i] = it.job.RequestID
	}
	fields := []zap.Field{
		zap.String("batch", string(m.in.Batch)), zap.Int("jobs", len(group)), zap.Strings("request_ids", ids),
		zap.Int("status", r.Status), zap.Duration("elapsed", r.Elapsed),
	}
	for _, w := range r.Limits.Windows {
		fields = append(fields, zap.Int64("remaining_"+w.Name, w.Remaining), zap.Int64("limit_"+w.Name, w.Limit))
	}
	if err == nil {
		m.Log.Info("sent together", append(fields, zap.String("outcome", "answered"), zap.Int("items", items))...)
		return
	}
	m.Log.Warn("sent together", append(fields, zap.String("outcome", string(batch.KindOf(err))), zap.String("wrote", string(r.Wrote)), zap.String("error", err.Error()))...)
}
