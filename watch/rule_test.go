package watch_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/watch"
)

// states are verdicts as one letter each: y(oung), n(ormal), h(igh), l(asting).
func states(vs []watch.Verdict) string {
	var b strings.Builder
	for _, v := range vs {
		b.WriteByte(v.State[0])
	}
	return b.String()
}

func cents(days ...int64) []money.USD {
	out := make([]money.USD, len(days))
	for i, d := range days {
		out[i] = money.Cent.Times(d)
	}
	return out
}

// TestRule is the table of days in which the rule fires and doesn't.
func TestRule(t *testing.T) {
	t.Parallel()
	week := func(c int64) []int64 { return slices.Repeat([]int64{c}, 7) }
	for _, c := range []struct {
		name  string
		floor money.USD
		days  []int64 // cents
		want  string  // of the days after the first seven
	}{
		{"no history at all", watch.DefaultFloor, nil, ""},
		{"fewer than seven days say nothing, however much", watch.DefaultFloor, []int64{100, 100, 100, 100, 100, 999_999}, ""},
		{"as usual", watch.DefaultFloor, append(week(1000), 1100, 900, 1000), "nnn"},
		{"exactly twice isn't more than twice", watch.DefaultFloor, append(week(1000), 2000), "n"},
		{"a cent more is", watch.DefaultFloor, append(week(1000), 2001), "h"},
		{"a spike, over the day after", watch.DefaultFloor, append(week(1000), 9000, 1000, 1000), "hnn"},
		{"zero days count: half the mean, twice the excess", watch.DefaultFloor, append([]int64{0, 2000, 0, 2000, 0, 2000, 0}, 1715), "h"},
		{"and it isn't with work on those days", watch.DefaultFloor, append(week(2000), 1715), "n"},
		{"a weekly night is high each week but the first", watch.DefaultFloor, []int64{5000, 0, 0, 0, 0, 0, 0, 5000, 0, 0, 0, 0, 0, 0, 5000}, "hnnnnnnh"},
		{"nothing, and then something above the floor", watch.DefaultFloor, append(week(0), 101), "h"},
		{"nothing, and then the floor", watch.DefaultFloor, append(week(0), 100), "n"},
		{"a tiny mean makes no noise", watch.DefaultFloor, append(week(1), 90, 3, 100, 2), "nnnn"},
		{"a floor of zero makes it", 0, append(week(1), 3), "h"},
		{"a floor of zero clears at zero", 0, append(week(0), 3, 0, 0), "hnn"},
		{"idle for ever", watch.DefaultFloor, append(week(0), 0, 0, 0), "nnn"},
		{"a floor as high as the bill", 100 * money.Dollar, append(week(1000), 9999, 10_001), "nh"},
		{"wavering around the limit is one incident", watch.DefaultFloor, append(week(1000), 2100, 2200, 2100, 1000), "hlln"},
		{"it lasts above 1.5 times", watch.DefaultFloor, append(week(1000), 3000, 1800, 1700), "hln"},
		{"a spike doesn't hide the next one", watch.DefaultFloor, append(week(1000), 10_000, 1000, 4000, 1000), "hnhn"},
		{"nor do two of them", watch.DefaultFloor, append(week(1000), 10_000, 10_000, 1000, 4000), "hhnh"},
		{"when it leaves the mean nothing happens", watch.DefaultFloor, append(week(1000), 10_000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1900, 1900), "hnnnnnnnnn"},
		{"a new level is usual within a week", watch.DefaultFloor, append(week(1000), 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000), "hhhhnnnnn"},
		{"also from nothing", watch.DefaultFloor, append(week(0), 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000), "hhhhhlnnn"},
		{"a key that is used less is no news", watch.DefaultFloor, append(week(1000), 10, 0, 0), "nnn"},
		{"every day dearer by a half", watch.DefaultFloor, append(week(1000), 1500, 2250, 3375, 5062), "nhhh"},
		{"beyond what 64 bits hold seven times", watch.DefaultFloor, append(week(1000), 900_000_000_000_000), "h"},
	} {
		days := cents(c.days...)
		got := states(watch.Rule{Floor: c.floor}.Judge(days))
		want := strings.Repeat("y", min(len(days), watch.Trailing)) + c.want
		if got != want {
			t.Errorf("%s: %v is %s, want %s", c.name, c.days, got, want)
		}
	}
}

// TestRuleMeans: the mean that is told is that of the seven days, zero days
// counted, and beside it the one with a spike held.
func TestRuleMeans(t *testing.T) {
	t.Parallel()
	v := watch.Rule{Floor: watch.DefaultFloor}.Judge(cents(0, 700, 0, 0, 0, 0, 0, 900, 100))
	if v[6].Mean != nil || *v[7].Mean != money.Dollar || v[7].State != batch.DayHigh || v[7].Held != nil {
		t.Errorf("the eighth day: %+v", v[7])
	}
	if *v[8].Mean != money.USD(2_285_714) || *v[8].Held != money.USD(1_285_714) {
		t.Errorf("the ninth day: mean %s, held %s", v[8].Mean, v[8].Held)
	}
}
