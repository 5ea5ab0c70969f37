package estimate

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/offpeak/offpeak/advice"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Estimate is what a batch is expected to cost. Its JSON is what starter
// estimate --json prints.
type Estimate struct {
	Batch      batch.ID       `json:"batch"`
	Jobs       int            `json:"jobs"`
	Guessed    int            `json:"guessed"`  // jobs without an expect: priced by a guess from their request
	Unbounded  int            `json:"-"`        // jobs whose agents the provider chooses: the ceiling rests on assumptions
	Card       tariff.Card    `json:"card"`     //
	Day        money.USD      `json:"by_day"`   // expected, at the day price
	Night      money.USD      `json:"by_night"` // expected, at the night price
	Saving     money.USD      `json:"saving"`
	Percent    string         `json:"saving_percent"` // of the day price, one decimal
	AgentFee   money.USD      `json:"agent_fee"`      // the part that is never discounted
	Ceiling    money.USD      `json:"ceiling"`
	Needed     money.USD      `json:"credits_needed"`
	Credits    *money.USD     `json:"credits,omitempty"` // on the account, when it was asked
	Budget     batch.Budget   `json:"budget"`
	OverPerJob []string       `json:"over_per_job,omitempty"` // jobs whose ceiling is above budget.per_job: the night would be refused
	Parts      []Part         `json:"parts"`                  // what the prices are made of; they add up to within a micro-dollar a job
	Month      Going          `json:"in_30_nights"`
	Year       Going          `json:"in_12_such_months"`
	Fit        batch.Fit      `json:"fit"`
	Starts     tariff.Start   `json:"starts"`
	Notes      []string       `json:"notes,omitempty"`
	Advice     []batch.Advice `json:"advice,omitempty"` // what would save money, or isn't work for the night
}

// Part is one component of the price.
type Part struct {
	Name  string    `json:"name"` // "input tokens", "output tokens", "agents"
	Day   money.USD `json:"by_day"`
	Night money.USD `json:"by_night"`
}

// Going is what the same batch comes to every night: in a month of 30, and in
// twelve of them, as the night-mode guide reckons (Swarms docs,
// guides/night-mode).
type Going struct {
	Day    money.USD `json:"by_day"`
	Night  money.USD `json:"by_night"`
	Saving money.USD `json:"saving"`
}

func (e Estimate) going(nights int64) Going {
	return Going{e.Day.Times(nights), e.Night.Times(nights), e.Saving.Times(nights)}
}

// Price prices every job of a manifest, whose jobs come from each, and says
// when the night would begin if it were asked for now. What is wrong with a job
// or the window is a fault of kind BadInput.
func Price(m batch.Manifest, each Jobs, t Terms, now time.Time) (Estimate, error) {
	if m.Metered() {
		t = t.metered(m)
	}
	t.Card = t.Card.In(m.Window)
	e := Estimate{Card: t.Card, Budget: m.Budget, Credits: t.Credits, Notes: t.Notes}
	e.Parts = []Part{{Name: "input tokens"}, {Name: "output tokens"}, {Name: "agents"}}
	about := advice.Facts{Provider: m.Provider, Tier: tier(t.Limits.Tier), When: "in a night", PerAgent: t.Card.PerAgent}
	urgent := map[string]time.Time{}
	elsewhere, err := each(func(j batch.Job) error {
		q, err := t.quote(m, j)
		if err != nil {
			return &batch.Fault{Kind: batch.BadInput, Op: "price job", Thing: j.Name, Err: err}
		}
		e.Jobs++
		if q.Guessed {
			e.Guessed++
		}
		if q.Shape.Guess {
			e.Unbounded++
		}
		e.Day, e.Night, e.Ceiling = add(e.Day, q.DayPrice), add(e.Night, q.Estimate), add(e.Ceiling, q.Ceiling)
		day, night := t.Card.Day(q.Expect), t.Card.AtNight(q.Expect)
		for i, p := range [][2]money.USD{{day.Input, night.Input}, {day.Output, night.Output}, {day.Agents, night.Agents}} {
			e.Parts[i].Day, e.Parts[i].Night = add(e.Parts[i].Day, p[0]), add(e.Parts[i].Night, p[1])
		}
		e.AgentFee = e.Parts[2].Day
		if n := maxTokens(m, j); n > advice.MostMaxTokens {
			about.MaxTokens, about.Hungry = max(about.MaxTokens, n), append(about.Hungry, j.Name)
		}
		about.Agents += q.Expect.Agents
		if !j.NeededBy.IsZero() {
			urgent[j.Name] = j.NeededBy
		}
		if q.Ceiling > m.Budget.PerJob {
			e.OverPerJob = append(e.OverPerJob, j.Name)
		}
		return nil
	})
	if err != nil {
		return e, err
	}
	if elsewhere {
		e.Notes = append(e.Notes, "the jobs of "+m.JobsFrom+" are not on this machine and aren't counted")
	}
	e.Saving = e.Day - e.Night
	e.Percent = percent(e.Saving, e.Day)
	e.Month, e.Year = e.going(30), e.going(12*30)
	if !m.Metered() {
		e.Needed = batch.CreditsNeeded(e.Night)
	} else {
		e.Parts = nil
	}
	if e.Starts, err = starts(m, now); err != nil {
		return e, err
	}
	e.Batch = batch.NewID(m.Name, e.Starts.Span.Night)
	e.Fit = t.fit(e.Jobs, e.Starts, m.Policy.RequestTimeout)
	for name, by := range urgent {
		if by.Before(e.Starts.Span.Deadline) {
			about.NeededBy = append(about.NeededBy, name)
		}
	}
	slices.Sort(about.NeededBy)
	about.Requests, about.Jobs, about.Night, about.DayPrice, about.AgentFee = e.Jobs, e.Jobs, e.Night, e.Day, e.AgentFee
	if m.Policy.Mode == batch.ModeSingle {
		about.Singly = e.Jobs
	}
	e.Advice = advice.On(about)
	return e, nil
}

// tier is an account's tier in a word; one that is only assumed isn't known.
func tier(says string) string {
	for _, word := range []string{"premium", "free"} {
		if strings.Contains(strings.ToLower(says), word) && !strings.Contains(says, "assumed") {
			return word
		}
	}
	return ""
}

// starts is when a night that is asked for now begins.
func starts(m batch.Manifest, now time.Time) (tariff.Start, error) {
	s, err := m.Window.Decide(now, m.Policy.RequestTimeout)
	if err != nil {
		return s, &batch.Fault{Kind: batch.BadInput, Op: "plan night of", Thing: string(m.Name), Err: err, Hint: "correct the window or policy.request_timeout"}
	}
	return s, nil
}

// percent is part of whole with one decimal, "32.7"; "" when whole is zero.
func percent(part, whole money.USD) string {
	if whole == 0 {
		return ""
	}
	r := new(big.Rat).Quo(part.Rat(), whole.Rat())
	return r.Mul(r, big.NewRat(100, 1)).FloatString(1)
}

// add is a sum that stays at the largest amount there is instead of wrapping
// round: ceilings that can't be bounded are that amount.
func add(a, b money.USD) money.USD {
	const largest = money.USD(1<<63 - 1)
	if b > 0 && a > largest-b {
		return largest
	}
	return a + b
}
