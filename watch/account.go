package watch

import (
	"fmt"
	"math/big"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Anew is how many days are looked at again every morning: rows come late, and
// runs that were unknown are settled by then.
const Anew = 3

// Sums are what one key spent, by day. Days without spend may be missing.
type Sums struct {
	Account string
	Logged  bool // Foreign is known
	Ours    map[string]batch.Spend
	Foreign map[string]batch.Spend
	First   string // the first day of which anything is known; "" when there is none
}

// Memory is what earlier watches said of an account.
type Memory struct {
	States       map[string]batch.WatchedDay // the newest word on each day
	Last         string                      // the last day that was watched; "" for none
	ForeignSince string
}

// MostGap bounds how many days that nobody watched are judged afterwards.
const MostGap = 31

// Range is which days are judged: those that nobody has watched yet, and the
// last three anew. Without any watch before it is the last three.
func Range(day, last string) (from string) {
	from = Shift(day, 1-Anew)
	if last != "" && last < day {
		from = min(from, max(Shift(last, 1), Shift(day, 1-MostGap)))
	}
	return from
}

// shown is how many days a result holds at least, for a chart of the days that
// the last mean is of.
const shown = 14

// Account judges a key's days from first on, up to day. Those since from are
// marked as judged.
func (r Rule) Account(s Sums, day, from string, zone *time.Location) batch.AccountWatch {
	out := batch.AccountWatch{
		Account: s.Account, Logged: s.Logged, Since: s.First, Floor: r.Floor, Days: []batch.WatchedDay{}, Foreign: []batch.Stranger{},
		State: batch.DayYoung, Elsewhere: batch.DayYoung,
	}
	if !s.Logged {
		out.Elsewhere = batch.DayUnknown
	}
	if s.First == "" || s.First > day {
		out.Since = ""
		return out
	}
	dates := Dates(s.First, day)
	total, foreign := make([]money.USD, len(dates)), make([]money.USD, len(dates))
	for i, d := range dates {
		foreign[i] = s.Foreign[d].Dollars
		total[i] = s.Ours[d].Dollars + foreign[i]
		if out.ForeignSince == "" && s.Foreign[d].Runs > 0 {
			out.ForeignSince = d
		}
	}
	totals, foreigns := r.Judge(total), r.Judge(foreign)
	show := min(from, Shift(day, 1-shown))
	for i, d := range dates {
		if d < show {
			continue
		}
		w := batch.WatchedDay{
			Day: d, Hours: hours(d, zone), Ours: s.Ours[d], Foreign: s.Foreign[d], Total: total[i],
			Mean: totals[i].Mean, State: totals[i].State, ForeignState: foreigns[i].State, Judged: d >= from,
		}
		w.Why = because(totals[i], total[i], i)
		if !s.Logged {
			w.ForeignState = batch.DayUnknown
		}
		out.Days = append(out.Days, w)
		out.State, out.Elsewhere = w.State, w.ForeignState
	}
	return out
}

func hours(day string, zone *time.Location) int {
	from, to, ok := Bounds(day, zone)
	if !ok {
		return 0
	}
	return int(to.Sub(from) / time.Hour)
}

// because is a verdict for people.
func because(v Verdict, spent money.USD, before int) string {
	if v.State == batch.DayYoung {
		return fmt.Sprintf("%s of history before it, %d are needed", counted(before, "day"), Trailing)
	}
	if !v.State.Loud() {
		return ""
	}
	text := Times(spent, *v.Mean) + " the mean of the seven days before, " + v.Mean.Dollars()
	if v.Held != nil {
		text += ", which is " + v.Held.Dollars() + " with the leap in it held to what was high then"
	}
	if v.State == batch.DayLasting {
		text += "; not yet back below 1.5 times it"
	}
	return text
}

// Times is how many times a mean an amount is, "3.1 times"; without a mean
// there is no such number, and "against" stands for it.
func Times(spent, mean money.USD) string {
	if mean <= 0 {
		return "against"
	}
	return new(big.Rat).Quo(spent.Rat(), mean.Rat()).FloatString(1) + " times"
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return batch.Grouped(int64(n)) + " " + what
}
