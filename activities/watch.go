package activities

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/provider/swarms"
)

// watch looks into the provider's log for all of this worker's doubts at once.
// The log has neither pages nor filters: each look reads all of it. So whoever
// asks while one is under way waits for the next, which serves all who asked
// by then; a look that began before the question is no answer to it.
//
// It holds the rows of the requests that were asked for and nothing else of the
// log.
type watch struct {
	sweep func(ctx context.Context, w wanted) (sight, error)

	mu      sync.Mutex
	asks    []*ask
	running bool
	settled map[string]time.Time // witnesses: settled requests, by when they ended on our clock
	order   []string             // of the witnesses, oldest first
}

// maxWitnesses bounds the witnesses; recent ones are what a doubt needs.
const maxWitnesses = 1024

// wanted is what a look looks for.
type wanted struct {
	ids     map[string]bool
	settled map[string]time.Time
}

// sight is what a look saw.
type sight struct {
	began   time.Time
	rows    map[string]sighting // by request id
	witness time.Time           // latest end, on our clock, of a settled request that was in the log
	missing []time.Time         // ends of the settled requests that weren't
	funds   *funds              // the credits as they were after it
}

// behind says that the log is later than the lag that it is granted: it lacks
// a run that was answered and settled longer ago than that, and shows none of
// ours that ended after it. What such a log doesn't show may have run. One row
// that was lost among others is no such sign: the next one that shows ends it.
func (s sight) behind(lag time.Duration) bool {
	for _, ended := range s.missing {
		if ended.After(s.witness) && !s.began.Before(ended.Add(lag)) {
			return true
		}
	}
	return false
}

// keepsUp says that the log shows a request of ours that ended at an instant or
// after it: it had come that far when it was read. Only requests whose end we
// know by our own clock count, and nobody else's: when a row of a late log says
// that it was made isn't when the run ended.
func (s sight) keepsUp(until time.Time) bool { return !s.witness.IsZero() && !s.witness.Before(until) }

// sighting is a run as the log has it.
type sighting struct {
	run  swarms.Completion
	at   string // the log's time, RFC 3339
	rows int    // more than one is worth a warning

	output string // the archive's key of the answer, when it is there already
}

type ask struct {
	ids   []string
	done  chan struct{}
	sight sight
	err   error
}

func newWatch(sweep func(context.Context, wanted) (sight, error)) *watch {
	return &watch{sweep: sweep, settled: map[string]time.Time{}}
}

// witness notes a request that was settled from its answer: the log must show
// it when its lag has passed.
func (w *watch) witness(id string, ended time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.settled[id]; !known {
		w.order = append(w.order, id)
	}
	w.settled[id] = ended
	if len(w.order) > maxWitnesses {
		delete(w.settled, w.order[0])
		w.order = w.order[1:]
	}
}

// knows says whether there is a witness that ended at an instant or later.
func (w *watch) knows(since time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ended := range w.settled {
		if !ended.Before(since) {
			return true
		}
	}
	return false
}

// look is the log as it is for some request ids, by a look that begins after
// the call.
func (w *watch) look(ctx context.Context, ids ...string) (sight, error) {
	a := &ask{ids: ids, done: make(chan struct{})}
	w.mu.Lock()
	w.asks = append(w.asks, a)
	if !w.running {
		w.running = true
		go w.run(context.WithoutCancel(ctx))
	}
	w.mu.Unlock()
	select {
	case <-a.done:
		return a.sight, a.err
	case <-ctx.Done():
		return sight{}, ctx.Err()
	}
}

// run looks as long as somebody asks.
func (w *watch) run(ctx context.Context) {
	for {
		w.mu.Lock()
		asks := w.asks
		w.asks = nil
		if len(asks) == 0 {
			w.running = false
			w.mu.Unlock()
			return
		}
		want := wanted{ids: map[string]bool{}, settled: make(map[string]time.Time, len(w.settled))}
		for _, a := range asks {
			for _, id := range a.ids {
				want.ids[id] = true
			}
		}
		for id, at := range w.settled {
			want.settled[id] = at
		}
		w.mu.Unlock()
		s, err := w.sweep(ctx, want)
		for _, a := range asks {
			a.sight, a.err = s, err
			close(a.done)
		}
	}
}

// lookTime bounds one look: the log of a large account is long.
const lookTime = 5 * time.Minute

// sweep reads the whole log once.
func (h *Hands) sweep(ctx context.Context, want wanted) (sight, error) {
	s := sight{began: h.now(), rows: map[string]sighting{}, funds: &funds{}}
	ctx = swarms.WithTimeout(ctx, lookTime)
	read := 0
	exhibits, shown := h.evidence.all(), map[string]bool{}
	_, err := h.Swarms.Logs(ctx, func(row swarms.LogRow) error {
		read++
		id, ok := swarms.TagOf(row.Run.SwarmName)
		if !ok {
			s.funds.saw(row, h.key, s.began.Add(-2*fundsAge))
			return nil
		}
		if _, together := exhibits[id]; together {
			shown[id] = true
		}
		if ended, ours := want.settled[id]; ours {
			delete(want.settled, id) // a copy of this look's own: what is left is missing
			if ended.After(s.witness) {
				s.witness = ended
			}
		}
		if !want.ids[id] || !isRun(row.Run) {
			return nil
		}
		seen := s.rows[id]
		if seen.rows++; seen.rows == 1 || seen.run.Usage == nil {
			seen.run, seen.at = row.Run, row.CreatedAt
		}
		s.rows[id] = seen
		return nil
	})
	if err != nil {
		h.Log.Warn("the provider's log can't be read", zap.Int("asked_for", len(want.ids)), zap.Error(err))
		return sight{}, errors.Join(errUnread, err)
	}
	for _, ended := range want.settled {
		s.missing = append(s.missing, ended)
	}
	if err := h.weigh(ctx, exhibits, shown, &s); err != nil {
		return sight{}, err
	}
	h.Log.Info("looked into the provider's log", zap.Int("rows", read), zap.Int("asked_for", len(want.ids)), zap.Int("found", len(s.rows)))
	return s, nil
}

// errUnread says that the log wasn't read to its end: nothing is absent.
var errUnread = errors.New("the provider's log can't be read")
