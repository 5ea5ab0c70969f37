package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// SubmitBatch sends jobs in requests of the batch endpoint. Each passes the
// gate and has its own state, attempt, receipt and charge; what they share is
// one HTTP request. It sends a job at most once. Jobs that are over by then are
// its outcomes; what isn't (in doubt, taken back, found in doubt on entry) is
// left to SubmitSwarm, one at a time. An error means "not yet", and that
// nothing is in flight.
func (h *Hands) SubmitBatch(ctx context.Context, in batch.SubmitMany) (batch.Many, error) {
	out, err := h.submitMany(ctx, in)
	return out, raise(err)
}

func (h *Hands) submitMany(ctx context.Context, in batch.SubmitMany) (batch.Many, error) {
	for i, seq := range in.Seqs {
		if !h.enter(job{in.Batch, seq}) {
			h.leaveAll(in.Batch, in.Seqs[:i])
			what := fmt.Sprintf("%s job %d", in.Batch, seq)
			return batch.Many{}, waiting("submit batch", what, "another attempt on this worker is still at it", short)
		}
	}
	defer h.leaveAll(in.Batch, in.Seqs)
	b, err := h.Ledger.Batch(context.WithoutCancel(ctx), in.Batch) // a cancelled night is still answered
	if err != nil {
		return batch.Many{}, err
	}
	m := &many{Hands: h, in: in, batch: b, began: h.now(), gate: h.stiles.enter(in.Batch), todo: in.Seqs}
	defer h.stiles.leave(in.Batch, m.gate)
	m.pulse = beatAfter(ctx, settled, "reading the books", func(b Beat) any { return m.plight.tell(b, m.gate, h.flow.why()) })
	defer m.pulse.end()
	return m.run(ctx)
}

func (h *Hands) leaveAll(id batch.ID, seqs []int) {
	for _, seq := range seqs {
		h.leave(job{id, seq})
	}
}

// many is one attempt of SubmitBatch.
type many struct {
	*Hands
	in    batch.SubmitMany
	batch ledger.Batch
	began time.Time
	pulse *pulse
	gate  *turnstile

	plight plight
	todo   []int // not looked at yet
	held   *item // looked at, and the next to go
	alone  bool  // the API took none of a request: nothing else is sent this way
	out    batch.Many
}

// item is one job on its way into a request, or in it.
type item struct {
	*submission
	job     ledger.Job
	payload []byte
	attempt int
}

// run sends group after group until no job is left that may go this way.
func (m *many) run(ctx context.Context) (batch.Many, error) {
	for !m.alone {
		group, err := m.gather(ctx)
		switch {
		case err != nil && m.goOn(ctx, err):
			continue
		case err != nil && m.turnBack(ctx, err):
			return batch.Many{}, err
		case len(group) == 0:
			return m.rest(ctx)
		}
		if err := m.send(ctx, group); err != nil {
			return batch.Many{}, err
		}
	}
	return m.rest(ctx)
}

// goOn says whether only the next job has met an error: then it goes on alone
// and has its error for itself.
func (m *many) goOn(ctx context.Context, err error) bool {
	var l later
	if m.held == nil || ctx.Err() != nil || errors.As(err, &l) || batch.KindOf(err) == batch.OutOfReach {
		return false
	}
	m.Log.Error("a job of a batch request can't be admitted: it goes on alone",
		zap.String("batch", string(m.in.Batch)), zap.Int("seq", m.held.in.Seq), zap.Error(err))
	m.out.Left, m.held = append(m.out.Left, m.held.in.Seq), nil
	return true
}

// turnBack says whether an error ends the attempt. A long wait does when
// nothing is in doubt, so that the jobs come back together. Else, and for a
// cancelled night, what is known is the answer.
func (m *many) turnBack(ctx context.Context, err error) bool {
	return batch.KindOf(err) == batch.OutOfReach || ctx.Err() == nil && len(m.out.Left) == 0
}

// rest looks at what wasn't sent: it is over, or goes on alone. Of a cancelled
// night of which nothing is over, the cancellation is all that there is to say.
func (m *many) rest(ctx context.Context) (batch.Many, error) {
	books := context.WithoutCancel(ctx)
	if m.held != nil {
		m.todo, m.held = append([]int{m.held.in.Seq}, m.todo...), nil
	}
	for _, seq := range m.todo {
		s := m.submission(seq)
		j, err := m.Ledger.Glance(books, m.in.Batch, seq)
		if err != nil {
			return batch.Many{}, err
		}
		if err := m.over(books, s, j); err != nil {
			return batch.Many{}, err
		}
	}
	m.todo = nil
	if err := ctx.Err(); err != nil && len(m.out.Outcomes) == 0 {
		return batch.Many{}, err
	}
	return m.out, nil
}

// submission is a job of the request as SubmitSwarm would have it.
func (m *many) submission(seq int) *submission {
	return &submission{
		Hands: m.Hands, batch: m.batch, began: m.began, pulse: m.pulse, plight: &m.plight, gate: m.gate, group: 1,
		in: batch.Submit{Batch: m.in.Batch, Seq: seq, Span: m.in.Span, RequestTimeout: m.in.RequestTimeout},
	}
}

// over notes a job's outcome, or that it goes on alone.
func (m *many) over(ctx context.Context, s *submission, j ledger.Job) error {
	if !j.State.Over() {
		m.out.Left = append(m.out.Left, j.Seq)
		return nil
	}
	out, err := s.outcome(ctx, j)
	if err == nil {
		m.out.Outcomes = append(m.out.Outcomes, out)
	}
	return err
}

// next is the next job that may be sent; nil when there is none. Jobs that are
// over, in doubt, or not due are set apart on the way.
func (m *many) next(ctx context.Context) (*item, error) {
	if it := m.held; it != nil {
		m.held = nil
		return it, nil
	}
	for len(m.todo) > 0 {
		it, err := m.look(ctx, m.todo[0])
		if err != nil {
			return nil, err
		}
		m.todo = m.todo[1:]
		if it != nil {
			return it, nil
		}
	}
	return nil, nil //nolint:nilnil // no job is no error
}

func (m *many) look(ctx context.Context, seq int) (*item, error) {
	books := context.WithoutCancel(ctx)
	it := &item{submission: m.submission(seq)}
	var err error
	if it.job, err = m.Ledger.Job(books, m.in.Batch, seq); err != nil {
		return nil, err
	}
	switch j := it.job; {
	case j.State.Over(), j.State == batch.Sending, j.State == batch.Unknown, j.NotBefore.After(m.now()), j.Tries >= maxTries, ctx.Err() != nil:
		return nil, m.over(books, it.submission, j)
	}
	if it.payload, err = it.request(it.job); err == nil {
		return it, nil
	}
	// Before the gate, as in send: it must not look like sending.
	j, err := m.Ledger.Give(books, m.in.Batch, seq, batch.Rejected, "not sent: "+err.Error())
	if err != nil {
		return nil, err
	}
	return nil, m.over(books, it.submission, j)
}
