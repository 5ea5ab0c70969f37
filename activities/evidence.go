package activities

import (
	"context"
	"maps"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// evidence is about a question that no document answers: does the provider's
// log hold the items of batch requests? A server of 2025 wrote no row for them.
// Until the log of a key was seen to hold one, absence from it says nothing
// about a batch request, and what died in one is never sent again.
//
// It holds jobs that were settled from a batch answer: they ran, so that the
// log shows them if it shows any such. Once it does, they are witnesses like
// all others of how far it has come. And it holds those in doubt, which may not
// have run: one that shows proves as much, one that doesn't proves nothing.
type evidence struct {
	mu    sync.Mutex
	jobs  map[string]exhibit // by request id
	order []string           // oldest first
}

// exhibit is one of them. It ended between from and ended: of several runs in
// one request only the last ended with the answer, and nobody says which.
type exhibit struct {
	doubted     bool   // nobody knows whether it ran
	key         string // of the attempt: each has a log of its own
	from, ended time.Time
	lag         time.Duration // that the policy grants the log
}

func (e *evidence) add(id string, x exhibit) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.jobs == nil {
		e.jobs = map[string]exhibit{}
	}
	switch have, known := e.jobs[id]; {
	case !known:
		e.order = append(e.order, id)
	case x.doubted && !have.doubted:
		return // it can't be less certain than it was
	}
	e.jobs[id] = x
	if len(e.order) > maxWitnesses {
		delete(e.jobs, e.order[0])
		e.order = e.order[1:]
	}
}

func (e *evidence) all() map[string]exhibit {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.jobs)
}

// vouch notes a job that was settled from its answer: the log must show it
// when its lag has passed.
func (s *submission) vouch(id string, bill ledger.Charge) {
	if s.group == 0 {
		s.watch.witness(id, bill.EndedAt)
		return
	}
	if bill.Attempt > 1 {
		return // an earlier attempt may have left the row
	}
	x := exhibit{key: s.batch.Key, from: bill.EndedAt, ended: bill.EndedAt, lag: s.batch.Policy.LogLag}
	if s.group > 1 {
		x.from = bill.SentAt
	}
	s.evidence.add(id, x)
}

// suspect notes a job whose batch request is in doubt. Nothing else may have
// left a row of it: neither an attempt before, nor one that follows unverified.
func (h *Hands) suspect(b ledger.Batch, j ledger.Job) {
	if j.State == batch.Unknown && j.Doubt.Batched && j.Doubt.Attempt == 1 && b.Policy.OnUnknown != batch.OnUnknownResend {
		h.evidence.add(j.RequestID, exhibit{doubted: true, key: b.Key})
	}
}

// weigh draws the conclusions of a look at the whole log, in which seen of the
// exhibits were found. One that shows proves that the log holds such. One that
// doesn't, although twice its lag has passed, says the opposite, until one
// shows. Where the log is known to hold them they say how far it has come: at
// least to where a seen one may have begun to end, and not to where a missing
// one had ended.
func (h *Hands) weigh(ctx context.Context, exhibits map[string]exhibit, seen map[string]bool, s *sight) error {
	says := map[string]ledger.BatchLog{} // by key
	for id, x := range exhibits {
		switch {
		case seen[id]:
			says[x.key] = ledger.BatchLogYes
		case x.doubted:
		case says[x.key] == "" && !s.began.Before(x.ended.Add(max(2*x.lag, time.Minute))):
			says[x.key] = ledger.BatchLogNo
		case says[x.key] == "":
			says[x.key] = ledger.BatchLogUnknown
		}
	}
	for key, now := range says {
		k, err := h.Ledger.Key(ctx, key)
		if err != nil {
			return err
		}
		if k.BatchLog == ledger.BatchLogYes {
			says[key] = k.BatchLog
		} else if now != ledger.BatchLogUnknown && now != k.BatchLog {
			if err := h.Ledger.LogsBatches(ctx, key, now); err != nil {
				return err
			}
			h.Log.Info("whether the provider's log holds the runs of batch requests", zap.String("key", key), zap.String("it_does", string(now)))
		}
	}
	for id, x := range exhibits {
		switch {
		case says[x.key] != ledger.BatchLogYes, x.doubted:
		case !seen[id]:
			s.missing = append(s.missing, x.ended)
		case x.from.After(s.witness):
			s.witness = x.from
		}
	}
	return nil
}

// grace is how much longer than three lags a log is looked into that may never
// show what is looked for.
const grace = 15 * time.Second

// unshown postpones a doubt about a batch request that the log doesn't show,
// and perhaps never would. It is looked for as long as the log may be late;
// then it stays unknown, and the audit names it.
func (s *submission) unshown(ctx context.Context, j ledger.Job, seen sight) (stays bool, err error) {
	why := "not in the provider's log, which isn't known to hold the runs of batch requests"
	if !seen.began.Before(j.Doubt.AbsentAfter.Add(3*s.batch.Policy.LogLag + grace)) {
		return true, s.Ledger.Postpone(ctx, s.in.Batch, s.in.Seq, s.now(), j.Doubt.Why+"; "+why)
	}
	return false, s.postpone(ctx, j, why, 0)
}

// exhibits weighs what a reconciliation's reading of the log shows of the
// batch's own.
func (r *reconciliation) exhibits(ctx context.Context) error {
	if err := r.recall(ctx, r.batch.ID, time.Time{}); err != nil {
		return err
	}
	all, shown := r.evidence.all(), map[string]bool{}
	for id := range all {
		if m := r.mine[id]; m == nil {
			delete(all, id)
		} else {
			shown[id] = m.shown
		}
	}
	return r.weigh(ctx, all, shown, &sight{began: r.view.began})
}
