package activities

import (
	"bytes"
	"cmp"
	"context"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
)

// maxPayload bounds one batch request in bytes; a larger group is cut. The
// API's own bound isn't documented.
const maxPayload = 16 << 20

// gather admits the jobs of the next request. For the first it waits as
// SubmitSwarm does, with nothing in flight. The others go with it as long as
// the gate says go at once: who waited for them would hold the first back, and
// its place in every window with it. An empty group means that no job is left.
func (m *many) gather(ctx context.Context) ([]*item, error) {
	for {
		first, err := m.next(ctx)
		if first == nil || err != nil {
			return nil, err
		}
		if m.held = first; first.tooOld(0) {
			return nil, waiting("submit batch", thing(first.in), "this attempt is too old to begin another request", least)
		}
		attempt, err := first.admit(ctx)
		if err != nil {
			return nil, err
		}
		m.held = nil
		if attempt == 0 { // parked, skipped or cancelled
			m.todo = append(m.todo, first.in.Seq)
			continue
		}
		first.attempt = attempt
		return m.fill(ctx, first), nil
	}
}

// fill is the group of a job that has been admitted. From here on the group
// must be sent: its jobs are sending by the books.
func (m *many) fill(ctx context.Context, first *item) []*item {
	group, size := []*item{first}, len(first.payload)
	open, cancel := m.whileOpen(ctx)
	defer cancel()
	for len(group) < cmp.Or(m.batch.Policy.BatchSize, manifest.DefaultBatchSize) && open.Err() == nil {
		if m.gate.holds().Until.After(m.now()) {
			break
		}
		it, err := m.next(ctx)
		if it == nil || err != nil { // an error comes again when the group is booked
			break
		}
		if size += len(it.payload) + 1; size > maxPayload {
			m.held = it
			break
		}
		v, attempt, err := m.Ledger.Admit(ctx, it.ask(), it.judge)
		if err != nil {
			// Perhaps written and not heard of: whoever opens it alone sees.
			m.Log.Warn("a job was not admitted to a batch request: it goes on alone",
				zap.String("batch", string(m.in.Batch)), zap.Int("seq", it.in.Seq), zap.Error(err))
			m.out.Left = append(m.out.Left, it.in.Seq)
			break
		}
		switch {
		case v.Action == ledger.Wait:
			if m.held = it; v.Reason != ledger.ReasonRetry && !it.ownWindow(v) {
				m.gate.hold(asWait(v))
			}
			return group
		case attempt == 0:
			m.todo = append(m.todo, it.in.Seq)
		default:
			it.attempt = attempt
			group = append(group, it)
		}
	}
	return group
}

// send makes the one request of a group and writes down what became of it.
func (m *many) send(ctx context.Context, group []*item) error {
	var payload bytes.Buffer
	for i, it := range group {
		payload.WriteByte("[,"[min(i, 1)])
		payload.Write(it.payload)
		it.group = len(group)
	}
	payload.WriteByte(']')
	m.pulse.now(Beat{Doing: "sending", Count: len(group)})
	// From here on nothing stops it: what is in flight is paid for, so it drains.
	books := context.WithoutCancel(ctx)
	m.sending.Add(1)
	defer m.sending.Add(-1)
	m.plight.aloft.Add(int64(len(group)))
	defer m.plight.aloft.Add(-int64(len(group)))
	runs, receipt, err := m.Swarms.CompleteBatch(swarms.WithTimeout(books, m.in.RequestTimeout), payload.Bytes())
	m.pulse.now(Beat{Doing: "writing the books", Count: len(group)})
	m.tell(group, len(runs), receipt, err)
	m.learn(books, receipt)
	if err := m.book(books, group, runs, receipt, err); err != nil {
		return err
	}
	for _, it := range group {
		j, err := m.Ledger.Glance(books, m.in.Batch, it.in.Seq)
		if err != nil {
			return err
		}
		if err := m.over(books, it.submission, j); err != nil {
			return err
		}
	}
	return nil
}
