package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
)

// keep puts an answer into the archive and is its key; "" when that can't be
// done. The money is settled all the same: it was paid, and the provider's log
// has the answer too.
func (h *Hands) keep(ctx context.Context, j ledger.Job, run swarms.Completion) string {
	return h.kept(j, run, func(key string) (string, error) { return key, h.Archive.Put(ctx, key, run.Raw) })
}

// keepWith is keep for one of many answers that come at once and are settled
// right away: they share files, and only the books know where one is.
func (h *Hands) keepWith(ctx context.Context, j ledger.Job, run swarms.Completion) string {
	return h.kept(j, run, func(key string) (string, error) { return h.Archive.Gather(ctx, key, run.Raw) })
}

func (h *Hands) kept(j ledger.Job, run swarms.Completion, put func(key string) (string, error)) string {
	if len(run.Raw) == 0 {
		return ""
	}
	key := archive.AnswerKey(j.Batch, j.RequestID)
	ref, err := put(key)
	if errors.Is(err, archive.ErrDiffers) {
		return key // the answer itself, and now the log's copy of it: the first stays
	}
	if err != nil {
		h.Log.Error("an answer that was paid for couldn't be archived; the provider's log still has it",
			zap.String("batch", string(j.Batch)), zap.String("job", j.Name), zap.String("request_id", j.RequestID), zap.Error(err))
		return ""
	}
	return ref
}

// insist writes to the ledger, and doesn't give up at once when the ledger is
// out of reach: what it would write is the only record of a request. When it
// does give up, the job stays sending, and the next attempt takes it for a
// crash.
func (h *Hands) insist(ctx context.Context, write func() error) error {
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		err := write()
		if batch.KindOf(err) != batch.OutOfReach || wait > 8*time.Second {
			return err
		}
		h.Log.Warn("the ledger is out of reach", zap.Duration("again_in", wait), zap.Error(err))
		if err := h.Clock.Wait(ctx, wait); err != nil {
			return err
		}
	}
}

// said is a fault for the books: "HTTP 422: field required".
func said(f *batch.Fault) string {
	why := f.Detail
	if why == "" {
		why = string(f.Kind)
	}
	if f.Status != 0 {
		return fmt.Sprintf("HTTP %d: %s", f.Status, why)
	}
	return why
}

// report logs one request: never a prompt, an answer or a key.
func (s *submission) report(j ledger.Job, attempt int, a answer) {
	fields := []zap.Field{
		zap.String("batch", string(s.in.Batch)), zap.String("job", j.Name), zap.String("request_id", j.RequestID),
		zap.Int("attempt", attempt), zap.Int("status", a.receipt.Status), zap.Duration("elapsed", a.receipt.Elapsed),
	}
	for _, w := range a.receipt.Limits.Windows {
		fields = append(fields, zap.Int64("remaining_"+w.Name, w.Remaining), zap.Int64("limit_"+w.Name, w.Limit))
	}
	if a.err == nil {
		s.Log.Info("sent", append(fields, zap.String("outcome", "answered"))...)
		return
	}
	fields = append(fields, zap.String("outcome", string(batch.KindOf(a.err))), zap.String("wrote", string(a.receipt.Wrote)),
		zap.String("swarm_type", j.Type), zap.Strings("models", j.Models), zap.String("error", a.err.Error()))
	s.Log.Warn("sent", fields...)
}
