package swarms

import (
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Quote is what a job is going to cost: the most, and the most likely. Planning
// reserves by the ceiling and checks budgets and credits by the estimate;
// `starter estimate` prints both before anything is handed over.
type Quote struct {
	Ceiling  money.USD    // the most that the job can cost: the worst case, at the day price
	Estimate money.USD    // what it is expected to cost by night
	DayPrice money.USD    // what the same is expected to cost by day
	Expect   tariff.Usage // what the estimate is made of: the job's own expect, else a guess from its request
	Worst    tariff.Usage // what the ceiling is made of
	Guessed  bool         // the job doesn't say what it expects
	Shape    Shape
}

// Price quotes a job by a rate card. The ceiling is at the day price, because a
// run that ends after the close costs that much; it never lies below what the
// job itself expects. The error is of a request that can't be sized.
func Price(j batch.Job, card tariff.Card) (Quote, error) {
	shape, err := Size(j.Request)
	if err != nil {
		return Quote{}, err
	}
	q := Quote{
		Shape:   shape,
		Worst:   tariff.Usage{InputTokens: shape.WorstInput, OutputTokens: shape.WorstOutput, Agents: shape.Agents},
		Expect:  tariff.Usage{InputTokens: shape.GuessInput, OutputTokens: shape.GuessOutput, Agents: shape.Agents},
		Guessed: j.Expect == nil,
	}
	if j.Expect != nil {
		q.Expect.InputTokens, q.Expect.OutputTokens = j.Expect.InputTokens, j.Expect.OutputTokens
		q.Worst.InputTokens = max(q.Worst.InputTokens, q.Expect.InputTokens)
		q.Worst.OutputTokens = max(q.Worst.OutputTokens, q.Expect.OutputTokens)
	}
	q.Ceiling = card.Day(q.Worst).Total
	q.Estimate = card.AtNight(q.Expect).Total
	q.DayPrice = card.Day(q.Expect).Total
	return q, nil
}
