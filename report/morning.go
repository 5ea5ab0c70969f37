package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/offpeak/offpeak/advice"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Schema names the shape of a Morning as JSON. Fields may be added under the
// same name; a change of what is there gets a new one.
const Schema = "offpeak/report/v1"

// Morning is the report as data. Its result holds every finding with every
// job's name, where that of a workflow is bounded.
type Morning struct {
	Schema string `json:"schema"`
	batch.Result
	Provider string         `json:"provider"`
	Stop     string         `json:"stop,omitempty"` // why the night stopped early, if it did
	Window   Hours          `json:"window"`
	Work     Work           `json:"work"`
	Shares   Shares         `json:"shares"`
	Leaks    []batch.Leak   `json:"leaks"`
	Left     []Leftover     `json:"left"` // every job that didn't succeed
	Warnings []string       `json:"warnings"`
	Advice   []string       `json:"advice"`
	Advised  []batch.Advice `json:"advised"` // the same in parts
}

// Hours are the night's instants.
type Hours struct {
	Zone     string    `json:"zone"`
	Opens    time.Time `json:"opens"`
	StartAt  time.Time `json:"start_at"`
	Deadline time.Time `json:"deadline"`
	Closes   time.Time `json:"closes"`
	Length   string    `json:"length"`           // how long it was open, "10h0m0s"; 9 or 11 hours when the clocks change
	Pieces   []Stretch `json:"pieces,omitempty"` // the cheap hours of a night that has several stretches of them, in order
}

// Stretch is one stretch of the cheap hours of a night, [Opens, Closes).
type Stretch struct {
	Opens  time.Time `json:"opens"`
	Closes time.Time `json:"closes"`
}

// Open is how long the window was open, for people, and when, of several
// stretches: "8h, 00:00 to 06:00 and 12:00 to 14:00".
func (h Hours) Open() string {
	s := short(h.Length)
	if len(h.Pieces) == 0 {
		return s
	}
	all := make([]string, len(h.Pieces))
	for i, p := range h.Pieces {
		all[i] = p.Opens.Format("15:04") + " to " + p.Closes.Format("15:04")
	}
	return s + ", " + strings.Join(all, " and ")
}

// Work is what was done in them.
type Work struct {
	Began     time.Time `json:"began,omitzero"`            // first send of a run that was charged
	Ended     time.Time `json:"ended,omitzero"`            // last end of one
	PerMinute string    `json:"jobs_per_minute,omitempty"` // charged runs, one decimal; "" when that means nothing
	Requests  int       `json:"requests"`                  // sent in all
	Retried   int       `json:"retried_jobs"`              // jobs that took more than one
	Limited   int       `json:"rate_limited"`              // requests that met a rate limit (HTTP 429)
	Charges   int       `json:"charges"`                   // charges on the books
	Tokens    Tokens    `json:"tokens"`                    // of the charges that name them
	Parked    money.USD `json:"parked_ceiling,omitzero"`   // the most that what is put off can cost
	AtRisk    money.USD `json:"in_doubt_ceiling,omitzero"` // the most that unknown jobs may have cost
}

// Tokens are counts of tokens.
type Tokens struct {
	Input  int64 `json:"input"`
	Output int64 `json:"output"`
}

// Shares are percentages with one decimal, "32.7"; "" when the whole is zero.
type Shares struct {
	OfDayPrice string    `json:"saved_of_day_price"` // saved / day price
	Realised   string    `json:"realised"`           // realised / possible; 100.0 only when nothing leaked
	Possible   money.USD `json:"possible_dollars"`   // what the night could take off: token day price x (1 - night)
	Saved      money.USD `json:"realised_dollars"`   // what it did take off
}

// Leftover is a job that didn't succeed.
type Leftover struct {
	Seq       int         `json:"seq"`
	Name      string      `json:"name"`
	RequestID string      `json:"request_id"`
	State     batch.State `json:"state"`
	Why       string      `json:"why,omitempty"`
	Ceiling   money.USD   `json:"ceiling"`
	Attempts  int         `json:"attempts"`
}

// Facts are what a report is built from, beside the stream of jobs, charges
// and attempts.
type Facts struct {
	Batch    ledger.Batch
	Span     tariff.Span
	Zone     *time.Location  // in which people read times; nil: the zone that the span carries
	Result   batch.Result    // with the audit's verdict
	All      []batch.Finding // the audit's findings with every name; nil: those of the result
	Possible money.USD       // as the audit computed it
	Realised money.USD
	Leaks    []batch.Leak
	Warnings []string
	Stop     string
	Tier     string // the account's, "free" or "premium"; "" when unknown
}

// Draft takes in a night and builds its report. It isn't safe for concurrent
// use.
type Draft struct {
	facts Facts
	work  Work
	left  []Leftover

	agents int64     // that charges are for
	fee    money.USD // what they cost
	parked int       // jobs
}

// New begins a report.
func New(f Facts) *Draft { return &Draft{facts: f} }

// Job takes in a job of the batch, each once.
func (d *Draft) Job(j ledger.Job) {
	d.work.Requests += j.Attempts
	if j.Attempts > 1 {
		d.work.Retried++
	}
	switch j.State {
	case batch.Succeeded:
		return
	case batch.Parked:
		d.parked++
		d.work.Parked += j.Ceiling
	case batch.Unknown, batch.Sending:
		d.work.AtRisk += j.Ceiling
	}
	d.left = append(d.left, Leftover{
		Seq: j.Seq, Name: j.Name, RequestID: j.RequestID, State: j.State, Why: j.Why, Ceiling: j.Ceiling, Attempts: j.Attempts,
	})
}

// Charge takes in a charge of the batch, each once.
func (d *Draft) Charge(c ledger.Charge) {
	w := &d.work
	w.Charges++
	d.agents += c.Agents
	if c.HasParts {
		d.fee += c.Agent
	} else {
		d.fee += d.facts.Batch.Card.PerAgent.Times(c.Agents)
	}
	if !c.SentAt.IsZero() && (w.Began.IsZero() || c.SentAt.Before(w.Began)) {
		w.Began = c.SentAt
	}
	if c.EndedAt.After(w.Ended) {
		w.Ended = c.EndedAt
	}
	if c.HasTokens {
		w.Tokens.Input += c.InputTokens
		w.Tokens.Output += c.OutputTokens
	}
}

// Attempt takes in a request, to count those that met a rate limit. A job that
// succeeded with its first request has none, so that only the attempts of the
// others need to be read.
func (d *Draft) Attempt(a ledger.Attempt) {
	if a.Outcome == batch.RateLimited {
		d.work.Limited++
	}
}

// Build is the report of what was taken in.
func (d *Draft) Build() Morning {
	f := d.facts
	zone := f.Zone
	if zone == nil {
		zone = f.Span.Opens.Location()
	}
	m := Morning{
		Schema: Schema, Result: f.Result, Provider: f.Batch.Provider, Stop: f.Stop,
		Window: Hours{
			Zone: zone.String(), Opens: f.Span.Opens, StartAt: f.Span.StartAt,
			Deadline: f.Span.Deadline, Closes: f.Span.Closes, Length: f.Span.Length().String(),
		},
		Work: d.work,
		Shares: Shares{
			OfDayPrice: Percent(f.Result.Money.Saved, f.Result.Money.DayPrice),
			Realised:   Percent(f.Realised, f.Possible), Possible: f.Possible, Saved: f.Realised,
		},
		Leaks: given(f.Leaks), Left: given(d.left), Warnings: given(f.Warnings),
	}
	m.Advised = advice.On(d.advisable())
	m.Advice = advice.Lines(m.Advised)
	for _, p := range f.Span.Pieces {
		m.Window.Pieces = append(m.Window.Pieces, Stretch{p.Opens, p.Closes})
	}
	if f.All != nil {
		m.Audit.Findings = f.All
	}
	m.Audit.Findings = given(m.Audit.Findings)
	m.Work.PerMinute = perMinute(d.work.Charges, d.work.Ended.Sub(d.work.Began))
	slices.SortStableFunc(m.Left, func(a, b Leftover) int {
		return cmp.Or(cmp.Compare(slices.Index(urgent, a.State), slices.Index(urgent, b.State)), cmp.Compare(a.Seq, b.Seq))
	})
	return m.In(zone)
}

// In is the report with its times in a zone. JSON keeps a time's offset but not
// its zone's abbreviation, so a report that was read back wants this before it
// is written for people.
func (m Morning) In(zone *time.Location) Morning {
	times := []*time.Time{
		&m.Window.Opens, &m.Window.StartAt, &m.Window.Deadline, &m.Window.Closes, &m.Work.Began, &m.Work.Ended,
	}
	if m.Reconciled != nil {
		r := *m.Reconciled // the caller's stays as it is
		m.Reconciled = &r
		times = append(times, &r.At, &r.Credits.From, &r.Credits.To)
	}
	m.Window.Pieces = slices.Clone(m.Window.Pieces) // as above
	for i := range m.Window.Pieces {
		times = append(times, &m.Window.Pieces[i].Opens, &m.Window.Pieces[i].Closes)
	}
	for _, t := range times {
		if !t.IsZero() {
			*t = t.In(zone)
		}
	}
	return m
}

// urgent is the order in which left-over jobs want a person's attention: money
// in doubt first, what comes round by itself last.
var urgent = []batch.State{
	batch.Unknown, batch.Sending, batch.Rejected, batch.Skipped, batch.Reserved, batch.Planned, batch.Cancelled, batch.Parked,
}

// given is a copy that is never null in JSON.
func given[T any](s []T) []T { return append([]T{}, s...) }

// advisable is what the advice of a night rests on.
func (d *Draft) advisable() advice.Facts {
	f := advice.Facts{
		Provider: d.facts.Batch.Provider, Tier: d.facts.Tier, When: "tonight",
		Requests: d.work.Requests, Limited: d.work.Limited, Parked: d.parked,
		Jobs: d.work.Charges, Agents: d.agents, AgentFee: d.fee, PerAgent: d.facts.Batch.Card.PerAgent,
		Night: d.facts.Result.Money.Billed, DayPrice: d.facts.Result.Money.DayPrice,
	}
	for _, l := range d.facts.Leaks {
		if l.Cause == batch.LeakLate {
			f.Lost = l.Dollars
		}
	}
	if d.facts.Batch.Policy.Mode == batch.ModeSingle {
		f.Singly = d.work.Requests
	}
	return f
}
