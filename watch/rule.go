package watch

import (
	"math/big"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Trailing is how many days a day is compared with.
const Trailing = 7

// spike is how many days an incident lasts that counts as a spike, and not as
// a new level.
const spike = 3

// Rule is when a day is high.
type Rule struct {
	Floor money.USD // a day that cost no more never is: twice nearly nothing is no news
}

// DefaultFloor keeps the noise of a key that is hardly used from waking anybody.
const DefaultFloor = money.Dollar

// Verdict is what the rule says of one day.
type Verdict struct {
	State batch.DayState
	Mean  *money.USD // of the seven days before, rounded down; nil without as many
	Held  *money.USD // the same with the days of a spike held to what would have been high; nil where that is no other
}

// Judge judges consecutive days, the first of which is where history begins: a
// day without spend is zero, and none before the first counts. The verdicts on
// all days follow from all amounts, so that judging again, with late amounts or
// without, needs no memory.
//
// A day is high when it is more than twice the mean of the seven days before it
// and above the floor. The days after it are lasting until one is below 1.5
// times that mean, or no higher than the floor: what wavers around the limit is
// one incident.
//
// A spike must not hide the next one behind the mean that it has raised. So
// the days of an incident enter later means as no more than what was high when
// it began, for as long as it lasts no longer than three days. One that goes on
// is a new level: from then on its days enter whole, all but the first, and
// what has become usual ends the incident within a week.
func (r Rule) Judge(days []money.USD) []Verdict {
	out := make([]Verdict, len(days))
	enters := append([]money.USD{}, days...) // what each day counts as in later means
	open := -1                               // the day that began the incident; -1 without one
	var limit money.USD                      // what was high then
	for i, spent := range days {
		if i < Trailing {
			out[i].State = batch.DayYoung
			continue
		}
		if open >= 0 && i-open == spike+1 { // it lasts
			copy(enters[open+1:i], days[open+1:i])
		}
		plain, held := sum(days[i-Trailing:i]), sum(enters[i-Trailing:i])
		mean := plain / Trailing
		out[i].Mean = &mean
		if held != plain {
			mean := held / Trailing
			out[i].Held = &mean
		}
		high := above(spent, 2, 1, held) && spent > r.Floor
		switch {
		case open >= 0 && !high && (spent <= r.Floor || !above(spent, 3, 2, held)):
			out[i].State, open = batch.DayNormal, -1
		case open >= 0 && high:
			out[i].State = batch.DayHigh
		case open >= 0:
			out[i].State = batch.DayLasting
		case high:
			out[i].State, open = batch.DayHigh, i
			limit = max(2*held/Trailing, r.Floor)
		default:
			out[i].State = batch.DayNormal
		}
		if open >= 0 && i-open < spike {
			enters[i] = min(spent, limit)
		}
	}
	return out
}

// above says whether an amount is more than n/d times the mean of Trailing days
// with this sum, exactly.
func above(spent money.USD, n, d int64, sum money.USD) bool {
	left := new(big.Int).Mul(big.NewInt(int64(spent)), big.NewInt(d*Trailing))
	right := new(big.Int).Mul(big.NewInt(int64(sum)), big.NewInt(n))
	return left.Cmp(right) > 0
}

func sum(days []money.USD) (all money.USD) {
	for _, d := range days {
		all += d
	}
	return all
}
