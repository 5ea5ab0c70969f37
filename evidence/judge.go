package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// judge asks whether a bundle's entries are true of each other. It sees them
// once, in their order, and keeps some hundred bytes of each job.
type judge struct {
	m     Manifest
	good  bool // m is as it was written, so that it may be compared with
	lines map[string]int

	jobs  []job
	byID  map[string]int
	count batch.Counts
	last  Charge // the link before
	chain Chain
	money Money

	result  *batch.Result
	pins    int
	receipt int
	rows    int
	request int
	answers int
	unheard []string // names of jobs that were charged and that the provider's log doesn't show
	matched int      // answers that hash to what their receipt says

	notes    []string
	problems []Problem
	more     int
}

// job is what is remembered of one.
type job struct {
	id, name string
	state    batch.State
	attempts int
	receipts int
	answered bool   // a receipt says so
	pinned   string // SHA-256 of its request; "" while none was seen
	pins     string // SHA-256 of its pins
	charges  int
	guessed  bool // a ceiling stands in for a charge
	billed   money.USD
	rows     int
	unpriced int
	logged   money.USD
	bodies   []string // SHA-256 of the answers that its receipts speak of
}

func (j *judge) begin(m Manifest, good bool) {
	j.m, j.good, j.lines = m, good, map[string]int{}
}

func (j *judge) wrong(entry string, line int, field, format string, args ...any) {
	if len(j.problems) >= maxProblems {
		j.more++
		return
	}
	j.problems = append(j.problems, Problem{entry, line, field, fmt.Sprintf(format, args...)})
}

// take judges one entry's content. Its error is of reading it.
func (j *judge) take(name string, r io.Reader) error {
	switch name {
	case FileJobs:
		return each(j, name, r, j.job)
	case FilePins:
		return each(j, name, r, j.pin)
	case FileRequests:
		return each(j, name, r, j.requested)
	case FileReceipts:
		return each(j, name, r, j.received)
	case FileCharges:
		return each(j, name, r, j.charged)
	case FileLog:
		return each(j, name, r, j.row)
	case FileAnswers:
		return each(j, name, r, j.answer)
	case FileAudit:
		return j.audit(r)
	case FileReport:
		return j.report(r)
	}
	return nil
}

// each hands over a content line by line. A line that can't be read, or that
// isn't in its only form, is a problem, and the next one is read.
func each[V any](j *judge, name string, r io.Reader, see func(n int, v V)) error {
	in := readers.Get().(*bufio.Reader) //nolint:forcetypeassert // nothing else is in it
	defer func() { in.Reset(nil); readers.Put(in) }()
	in.Reset(r)
	for n := 1; ; n++ {
		text, err := in.ReadSlice('\n')
		whole := text
		if errors.Is(err, bufio.ErrBufferFull) {
			whole = bytes.Clone(text)
			for errors.Is(err, bufio.ErrBufferFull) && len(whole) <= maxLine {
				text, err = in.ReadSlice('\n')
				whole = append(whole, text...)
			}
			if len(whole) > maxLine {
				j.wrong(name, n, "", "it is longer than %d bytes, and neither it nor what follows was read", maxLine)
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			if len(whole) > 0 {
				j.wrong(name, n, "", "it has no end")
			}
			return nil
		}
		if err != nil {
			return err
		}
		j.lines[name] = n
		v, odd := strict[V](whole, line)
		if odd != "" {
			j.wrong(name, n, "", "%s", odd)
			continue
		}
		see(n, v)
	}
}

// of is the job that a line names twice, by its number and by its request id;
// nil, and a problem, when it is none or two.
func (j *judge) of(entry string, line, seq int, id string) *job {
	if seq < 0 || seq >= len(j.jobs) {
		j.wrong(entry, line, "seq", "there is no job %d", seq)
		return nil
	}
	if j.jobs[seq].id != id {
		j.wrong(entry, line, "request_id", "it is %s, and job %d's is %s", shown(id), seq, shown(j.jobs[seq].id))
		return nil
	}
	return &j.jobs[seq]
}

func (j *judge) job(n int, v Job) {
	if v.Seq != len(j.jobs) {
		j.wrong(FileJobs, n, "seq", "it is %d, and job %d is the next", v.Seq, len(j.jobs))
		return
	}
	if first, twice := j.byID[v.RequestID]; twice {
		j.wrong(FileJobs, n, "request_id", "job %d has the same", first)
	}
	switch v.State {
	case batch.Succeeded, batch.Rejected, batch.Unknown, batch.Parked, batch.Skipped, batch.Cancelled:
	default:
		j.wrong(FileJobs, n, "state", "%s is no state in which a judged night leaves a job", shown(string(v.State)))
	}
	j.byID[v.RequestID] = v.Seq
	j.jobs = append(j.jobs, job{id: v.RequestID, name: v.Name, state: v.State, attempts: v.Attempts})
	j.count.Add(v.State, 1)
}

func (j *judge) pin(n int, v Pin) {
	own := j.of(FilePins, n, v.Seq, v.RequestID)
	if own == nil {
		return
	}
	j.pins++
	if own.pinned != "" {
		j.wrong(FilePins, n, "seq", "job %d is pinned twice", v.Seq)
	}
	own.pinned, own.pins = v.SHA256, Sum(v.Pins)
	if j.m.Policy.Compliance != batch.ComplianceRegulated {
		return
	}
	if err := obeys(v.Pins); err != nil {
		if own.state == batch.Rejected && own.attempts == 0 {
			return // that is why it was rejected, and it never left
		}
		j.wrong(FilePins, n, "pins", "job %d (%s) breaks the rule of regulated work: %s", v.Seq, shown(own.name), err)
	}
}

func (j *judge) requested(n int, v Request) {
	own := j.of(FileRequests, n, v.Seq, v.RequestID)
	if own == nil {
		return
	}
	j.request++
	if have := Sum([]byte(v.Request)); have != own.pinned {
		j.wrong(FileRequests, n, "request", "it hashes to %.12s, pins.jsonl says %.12s", have, own.pinned)
		return
	}
	pins, err := Skeleton([]byte(v.Request))
	if err != nil || Sum(pins) != own.pins {
		j.wrong(FileRequests, n, "request", "its pins aren't those in pins.jsonl")
	}
}

func (j *judge) received(n int, v Receipt) {
	own := j.of(FileReceipts, n, v.Seq, v.RequestID)
	if own == nil {
		return
	}
	j.receipt++
	own.receipts++
	if v.Attempt != own.receipts {
		j.wrong(FileReceipts, n, "attempt", "it is %d, and %d is the next of job %d", v.Attempt, own.receipts, v.Seq)
	}
	switch v.Ending {
	case ledger.EndedAnswered, ledger.EndedFound:
		own.answered = true
	}
	if len(v.Receipt) == 0 {
		return
	}
	var said struct {
		Status   int    `json:"status"`
		BodyHash string `json:"body_hash"`
	}
	if err := json.Unmarshal(v.Receipt, &said); err != nil || said.Status != v.Status && v.Ending != ledger.EndedFound {
		j.wrong(FileReceipts, n, "receipt", "it says HTTP %d, the line %d", said.Status, v.Status)
	}
	if said.BodyHash != "" {
		own.bodies = append(own.bodies, said.BodyHash)
	}
}

func (j *judge) answer(n int, v Answer) {
	own := j.of(FileAnswers, n, v.Seq, v.RequestID)
	if own == nil || v.Missing != "" {
		return
	}
	j.answers++
	body := []byte(v.Answer)
	if v.Bytes != nil {
		body = v.Bytes
	}
	if have := Sum(body); have != v.SHA256 {
		j.wrong(FileAnswers, n, "sha256", "the answer hashes to %.12s, and not to %.12s", have, v.SHA256)
	}
	for _, b := range own.bodies {
		if b == v.SHA256 {
			j.matched++
			break
		}
	}
}

func (j *judge) audit(r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, maxPage))
	if err != nil {
		return err
	}
	v, odd := strict[batch.Result](text, page)
	if odd != "" {
		j.wrong(FileAudit, 0, "", "%s", odd)
		return nil
	}
	j.result = &v
	j.same(FileAudit, v)
	return nil
}

// report looks into the report as it was archived, whose form is its own.
func (j *judge) report(r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, maxPage))
	if err != nil {
		return err
	}
	var v struct {
		Schema string `json:"schema"`
		batch.Result
	}
	if err := json.Unmarshal(text, &v); err != nil {
		j.wrong(FileReport, 0, "", "it can't be read: %s", err)
		return nil
	}
	if !strings.HasPrefix(v.Schema, "offpeak/report/") {
		j.wrong(FileReport, 0, "schema", "%s is no report of ours", shown(v.Schema))
	}
	j.same(FileReport, v.Result)
	return nil
}

// same holds a verdict against the jobs and the charges.
func (j *judge) same(entry string, v batch.Result) {
	if j.good && v.Batch != j.m.Batch {
		j.wrong(entry, 0, "batch", "it is of %s", shown(string(v.Batch)))
	}
	if v.Jobs != j.count {
		j.wrong(entry, 0, "jobs", "it counts %+v, jobs.jsonl has %+v", v.Jobs, j.count)
	}
	for _, c := range []struct {
		field      string
		said, have money.USD
	}{
		{"money.billed", v.Money.Billed, j.money.Billed},
		{"money.day_price", v.Money.DayPrice, j.money.DayPrice},
		{"money.saved", v.Money.Saved, j.money.Saved},
	} {
		if c.said != c.have {
			j.wrong(entry, 0, c.field, "it says %s, the charges add up to %s", c.said.Dollars(), c.have.Dollars())
		}
	}
}
