package activities

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// stile lets jobs of one batch come before the gate. As long as the gate says
// go, any number at once may ask. When it says wait for a reason that holds
// for all of them (a full window, a floor, the night's pilot), asking on and
// on with hundreds of jobs would be a transaction each for the same answer: so
// few stand before the gate and ask again in time, and the others queue behind
// them in their order. Each answer to wait lets half as many ask, down to one;
// each other one twice as many: also a no, so that ten thousand jobs for which
// there is no budget left are told so at once. Where a window frees as quickly
// as jobs can ask, as many ask at once as are let go about half the time, and
// they share the ledger's transactions.
//
// It only saves questions. The gate's answer comes from the ledger, in the
// transaction that writes it, and holds for all workers.
type stile struct {
	mu     sync.Mutex
	room   int // how many may ask at once
	inside int
	ahead  []chan struct{} // those who have their room under the caps set aside: they are let go where others wait for room
	queue  []chan struct{}
	held   batch.Wait // nobody needs to ask before its Until
	aside  batch.Wait // what the last job waits for that holds up nobody else: for whoever looks

	answers int                // booked so far
	pilot   context.Context    // ends with the next answer; nil unless it is waited for
	back    context.CancelFunc // ends it
}

// wide is how many may ask at once when nothing holds them back.
const wide = 1024

// pass waits for a turn; whose ceiling is set aside already goes before those
// whose isn't. Whoever passed must leave.
func (s *stile) pass(ctx context.Context, reserved bool) error {
	s.mu.Lock()
	if s.inside < s.room && len(s.queue)+len(s.ahead) == 0 {
		s.inside++
		s.mu.Unlock()
		return nil
	}
	line := &s.queue
	if reserved {
		line = &s.ahead
	}
	turn := make(chan struct{})
	*line = append(*line, turn)
	s.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(*line, turn); i >= 0 {
		*line = slices.Delete(*line, i, i+1)
		return ctx.Err()
	}
	s.inside-- // the turn came at the same moment: it goes to the next
	s.admit()
	return ctx.Err()
}

// leave gives the turn back; over says that the gate had an answer other than
// wait.
func (s *stile) leave(over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if over {
		s.room = min(2*s.room, wide)
		s.held = batch.Wait{}
	}
	s.inside--
	s.admit()
}

// hold notes what everyone has to wait for, and lets half as many ask.
func (s *stile) hold(w batch.Wait) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(w)
}

func (s *stile) keep(w batch.Wait) { s.room, s.held = max(s.room/2, 1), w }

// stepAside notes what one job waits for by itself.
func (s *stile) stepAside(w batch.Wait) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aside = w
}

// waits is what is waited for: by everyone, or else by the last job that
// stepped aside; zero when neither.
func (s *stile) waits(now time.Time) batch.Wait {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range []batch.Wait{s.held, s.aside} {
		if w.Until.After(now) {
			return w
		}
	}
	return batch.Wait{}
}

// holdForPilot is hold for as long as no answer comes. answers is how many
// there were when the gate was asked: false says that one has come since, and
// that asking again is worth it.
func (s *stile) holdForPilot(w batch.Wait, answers int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers != answers {
		return false
	}
	s.keep(w)
	if s.pilot == nil {
		s.pilot, s.back = context.WithCancel(context.Background())
	}
	return true
}

// heard is how many answers there were so far.
func (s *stile) heard() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers
}

// answered notes that an answer is in the books. Those who wait for the pilot's
// ask at once: what held them is over, whatever it said. Where it told of no
// limit as many ask as did before it; else each go lets twice as many ask, so
// that what the first answers tell of a limit comes in time. Another worker's
// pilot shows only when the gate is asked again.
func (s *stile) answered(limited bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers++
	if s.pilot == nil {
		return
	}
	s.back()
	s.pilot, s.back = nil, nil
	s.held = batch.Wait{}
	if !limited {
		s.room = wide
		s.admit()
	}
}

// orAnswered is ctx, ended also by an answer that is waited for.
func (s *stile) orAnswered(ctx context.Context) (context.Context, func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pilot == nil {
		return ctx, func() {}
	}
	either, end := context.WithCancel(ctx)
	off := context.AfterFunc(s.pilot, end)
	return either, func() { off(); end() }
}

// holds is what everyone has to wait for; zero when anyone may ask.
func (s *stile) holds() batch.Wait {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

func (s *stile) admit() {
	for s.inside < s.room {
		line := &s.ahead
		if len(*line) == 0 {
			line = &s.queue
		}
		if len(*line) == 0 {
			return
		}
		close((*line)[0])
		*line = (*line)[1:]
		s.inside++
	}
}

// stiles has one for each batch under way: what holds one back, its budget for
// one, needn't hold back another.
type stiles struct {
	mu   sync.Mutex
	open map[batch.ID]*turnstile
	last map[batch.ID]batch.Wait // of those that nobody uses now: jobs that wait for long go away until then
}

// turnstile is a stile with the number of those who use it.
type turnstile struct {
	stile
	users int
}

func (s *stiles) enter(id batch.ID) *turnstile {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open, s.last = map[batch.ID]*turnstile{}, map[batch.ID]batch.Wait{}
	}
	t := s.open[id]
	if t == nil {
		t = &turnstile{stile: stile{room: wide}}
		s.open[id] = t
	}
	t.users++
	return t
}

func (s *stiles) leave(id batch.ID, t *turnstile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(s.open, id)
		if w := t.waits(time.Time{}); w.Reason != "" {
			s.last[id] = w
		} else {
			delete(s.last, id)
		}
	}
}
