package activities

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// recalled is how many of a batch's latest answers become witnesses again when
// a worker first looks for one of its jobs. A few are enough to tell that a log
// is behind, and a worker that settles jobs makes its own.
const recalled = 64

// recallEvery spaces the readings of a batch's books.
const recallEvery = time.Minute

// memory is what a worker knows of the batches that others had in hand.
type memory struct {
	mu   sync.Mutex
	read map[batch.ID]time.Time // when the batch's books were read
}

// recall makes witnesses of what was settled before this worker began: a crash
// must not leave a log that is behind looking like one that has caught up.
// A batch is read again when the caller needs a witness that ended at an
// instant or later, which only another worker may have met, though once a
// minute at the most. Whoever asks meanwhile waits.
func (h *Hands) recall(ctx context.Context, id batch.ID, since time.Time) error {
	h.memory.mu.Lock()
	defer h.memory.mu.Unlock()
	now := h.now()
	if at, read := h.memory.read[id]; read && (now.Sub(at) < recallEvery || h.watch.knows(since)) {
		return nil
	}
	b, err := h.Ledger.Batch(ctx, id)
	if err != nil {
		return err
	}
	var last []ledger.Charge
	err = h.Ledger.Charges(ctx, id, func(c ledger.Charge) error {
		if c.Source == ledger.FromAnswer {
			last = append(last, c)
			if len(last) == 2*recalled {
				last = slices.Delete(last, 0, recalled)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range last[max(0, len(last)-recalled):] {
		attempts, err := h.Ledger.Attempts(ctx, id, c.Seq)
		if err != nil {
			return err
		}
		switch i := slices.IndexFunc(attempts, func(a ledger.Attempt) bool { return a.N == c.Attempt }); {
		case i < 0, attempts[i].Batched && c.Attempt > 1:
		case attempts[i].Batched:
			h.evidence.add(c.RequestID, exhibit{key: attempts[i].Key, from: c.SentAt, ended: c.EndedAt, lag: b.Policy.LogLag})
		default:
			h.watch.witness(c.RequestID, c.EndedAt)
		}
	}
	if h.memory.read == nil {
		h.memory.read = map[batch.ID]time.Time{}
	}
	h.memory.read[id] = now
	return nil
}
