package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// ResultLine is a job with its answer, as a line of results.jsonl. Fields are
// only ever added.
type ResultLine struct {
	Seq       int         `json:"seq"` // position in the manifest, from 0
	Name      string      `json:"name"`
	RequestID string      `json:"request_id"`
	State     batch.State `json:"state"`
	Why       string      `json:"why,omitempty"` // for every state but succeeded

	Billed   *money.USD `json:"billed,omitempty"` // dollars; absent where nothing is booked. Of a job that was billed twice, both
	DayPrice *money.USD `json:"day_price,omitempty"`
	JobID    string     `json:"job_id,omitempty"` // the provider's id of the run

	Output        json.RawMessage `json:"output"`                   // the answer's output, any JSON; null where there is none
	OutputMissing string          `json:"output_missing,omitempty"` // why a job that succeeded has none
}

// Results says where lines come from.
type Results struct {
	// Page is some jobs with Seq > after in order, with their charges; more says
	// that there are others behind.
	Page func(ctx context.Context, after int) (jobs []ledger.Entry, more bool, err error)
	// Answer reads a job's archived answer; NotFound when it isn't there.
	Answer func(ctx context.Context, key string) ([]byte, error)
	// Gone says when answers of the batch were deleted on purpose, and why; "" when
	// none were.
	Gone string
	// Output is the output in an answer, nil when it has none.
	Output func(answer []byte) (json.RawMessage, error)
	// Wrote is told of each line that is written; nil when nobody wants to know.
	Wrote func(ResultLine)
}

// answersAhead is how many answers are read at once, ahead of the one that is
// written: with a page of jobs they are what is in memory.
const answersAhead = 4

// Write writes one line a job, in order, as JSON Lines. Characters that a
// terminal would act on are escaped, so that showing the file is safe. It
// stops at the first error of a page or an answer; an answer that isn't there
// is no error but said in its line.
func (r Results) Write(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	slots := make(chan chan slot, answersAhead-1)
	go r.read(ctx, slots)
	for pending := range slots {
		s := <-pending
		if s.err != nil {
			return s.err
		}
		if err := writeLine(w, s.line); err != nil {
			return err
		}
		if r.Wrote != nil {
			r.Wrote(s.line)
		}
	}
	return ctx.Err() // of a reader that stopped for it
}

// slot is a line that is being read, or what went wrong with it.
type slot struct {
	line ResultLine
	err  error
}

// read hands out slots in the order of jobs and fills them side by side.
func (r Results) read(ctx context.Context, slots chan<- chan slot) {
	defer close(slots)
	give := func(fill func() slot) bool {
		pending := make(chan slot, 1)
		select {
		case <-ctx.Done():
			return false
		case slots <- pending:
			go func() { pending <- fill() }()
			return true
		}
	}
	for after, more := -1, true; more; {
		var jobs []ledger.Entry
		var err error
		if jobs, more, err = r.Page(ctx, after); err != nil {
			give(func() slot { return slot{err: err} })
			return
		}
		for _, e := range jobs {
			after = e.Job.Seq
			if !give(func() slot { return r.line(ctx, e) }) {
				return
			}
		}
		more = more && len(jobs) > 0
	}
}

// line is one job's.
func (r Results) line(ctx context.Context, e ledger.Entry) slot {
	line := ResultLine{Seq: e.Job.Seq, Name: e.Job.Name, RequestID: e.Job.RequestID, State: e.Job.State, Why: e.Job.Why}
	if len(e.Charges) > 0 {
		var billed, day money.USD
		for _, c := range e.Charges {
			billed += c.Total
			day += c.DayPrice
			if c.JobID != "" {
				line.JobID = c.JobID
			}
		}
		line.Billed, line.DayPrice = &billed, &day
	}
	if e.Job.Output == "" {
		if e.Job.State == batch.Succeeded {
			line.OutputMissing = "no answer was kept"
		}
		return slot{line: line}
	}
	answer, err := r.Answer(ctx, e.Job.Output)
	switch {
	case batch.KindOf(err) == batch.NotFound:
		line.OutputMissing = "the archive has nothing under " + e.Job.Output
		if r.Gone != "" {
			line.OutputMissing = "the answer was " + r.Gone
		}
		return slot{line: line}
	case batch.KindOf(err) == batch.Internal: // damaged: it stays so, and the others' lines don't wait for it
		line.OutputMissing = "the answer in the archive can't be read: " + err.Error()
		return slot{line: line}
	case err != nil:
		return slot{err: err}
	}
	line.Output, err = r.Output(answer)
	switch {
	case err != nil:
		line.Output, line.OutputMissing = nil, "the answer in the archive can't be read: "+err.Error()
	case len(line.Output) == 0 || string(bytes.TrimSpace(line.Output)) == "null":
		line.OutputMissing = "the answer has no output"
	}
	return slot{line: line}
}

func writeLine(w io.Writer, line ResultLine) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line); err != nil {
		return fmt.Errorf("write result of job %d: %w", line.Seq, err)
	}
	return tame(w, b.Bytes())
}
