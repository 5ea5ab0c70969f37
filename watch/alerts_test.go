package watch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/advice"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/watch"
)

var morning = time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)

// spends are some days from 2026-11-01 on, in dollars.
func spends(dollars ...int64) map[string]batch.Spend {
	out := map[string]batch.Spend{}
	for i, d := range dollars {
		if d > 0 {
			out[watch.Shift("2026-11-01", i)] = batch.Spend{Runs: 1, Dollars: money.Dollar * money.USD(d)}
		}
	}
	return out
}

// told are the alerts in short: what, and whether it is over.
func told(alerts []batch.Alert) string {
	var out []string
	for _, a := range alerts {
		s := strings.TrimPrefix(a.Key, "usage/key/")
		if a.Over {
			s += " over"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// TestAlerts: each missed day once, what is known not again, late rows anew.
func TestAlerts(t *testing.T) {
	t.Parallel()
	usual := []int64{10, 10, 10, 10, 10, 10, 10}
	normal := func(from string, n int) map[string]batch.WatchedDay {
		m := map[string]batch.WatchedDay{}
		for i := range n {
			d := watch.Shift(from, i)
			m[d] = batch.WatchedDay{Day: d, State: batch.DayNormal, ForeignState: batch.DayNormal}
		}
		return m
	}
	loud := normal("2026-11-08", 2)
	loud["2026-11-08"] = batch.WatchedDay{Day: "2026-11-08", State: batch.DayHigh, ForeignState: batch.DayNormal}
	for _, c := range []struct {
		name          string
		ours, foreign []int64
		day           string
		memory        watch.Memory
		want          string
	}{
		{"too young", usual[:5], nil, "2026-11-05", watch.Memory{}, ""},
		{"usual", append(usual[:7:7], 10), nil, "2026-11-08", watch.Memory{}, "total over, foreign over"},
		{"a leap", append(usual[:7:7], 30), nil, "2026-11-08", watch.Memory{}, "total, foreign over"},
		{"told already", append(usual[:7:7], 30, 28), nil, "2026-11-09", watch.Memory{Last: "2026-11-08", States: loud}, "total, foreign over"},
		{"told already, asked again", append(usual[:7:7], 30), nil, "2026-11-08", watch.Memory{Last: "2026-11-07", States: loud}, "foreign over"},
		{"over", append(usual[:7:7], 30, 10), nil, "2026-11-09", watch.Memory{Last: "2026-11-08", States: map[string]batch.WatchedDay{"2026-11-08": loud["2026-11-08"]}}, "total over, foreign over"},
		{"a week away: the day in it is told, and that it is over", append(usual[:7:7], 30, 10, 10, 10, 10, 10, 10), nil, "2026-11-14", watch.Memory{Last: "2026-11-07"}, "total, foreign over"},
		{"the same, and nobody was away", append(usual[:7:7], 30, 10, 10, 10, 10, 10, 10), nil, "2026-11-14", watch.Memory{Last: "2026-11-13", States: loud}, "total over, foreign over"},
		{"late rows make a day high", append(usual[:7:7], 10, 10), []int64{0, 0, 0, 0, 0, 0, 0, 60}, "2026-11-09", watch.Memory{Last: "2026-11-08", States: normal("2026-11-01", 8), ForeignSince: "2026-11-01"}, "total, foreign"},
		{"others for the first time, little", append(usual[:7:7], 10), []int64{0, 0, 0, 0, 0, 0, 0, 1}, "2026-11-08", watch.Memory{}, "total over, foreign"},
		{"others for the first time, on a young key", usual[:3], []int64{0, 0, 1}, "2026-11-03", watch.Memory{}, "foreign"},
		{"others as ever", append(usual[:7:7], 10), []int64{5, 5, 5, 5, 5, 5, 5, 5}, "2026-11-08", watch.Memory{ForeignSince: "2026-11-01"}, "total over, foreign over"},
		{"others leap", append(usual[:7:7], 10), []int64{2, 2, 2, 2, 2, 2, 2, 5}, "2026-11-08", watch.Memory{ForeignSince: "2026-11-01"}, "total over, foreign"},
	} {
		s := watch.Sums{Account: "key", Logged: true, Ours: spends(c.ours...), Foreign: spends(c.foreign...), First: "2026-11-01"}
		a := watch.Rule{Floor: watch.DefaultFloor}.Account(s, c.day, watch.Range(c.day, c.memory.Last), watch.Zone())
		if got := told(watch.Alerts(a, c.memory, morning)); got != c.want {
			t.Errorf("%s: told %q, want %q", c.name, got, c.want)
		}
		s.Logged = false // without the log nothing is said of others, and nothing ends
		a = watch.Rule{Floor: watch.DefaultFloor}.Account(s, c.day, watch.Range(c.day, c.memory.Last), watch.Zone())
		if got := told(watch.Alerts(a, c.memory, morning)); strings.Contains(got, "foreign") || a.Elsewhere != batch.DayUnknown {
			t.Errorf("%s, without the log: told %q of others, who are %s", c.name, got, a.Elsewhere)
		}
	}
}

// TestAlertText: an alert says what happened, in dollars, who else it was, and
// what to do.
func TestAlertText(t *testing.T) {
	t.Parallel()
	s := watch.Sums{Account: "9f86d081", Logged: true, Ours: spends(10, 10, 10, 10, 10, 10, 10, 12), Foreign: spends(0, 0, 0, 0, 0, 0, 0, 33), First: "2026-11-01"}
	a := watch.Rule{Floor: watch.DefaultFloor}.Account(s, "2026-11-08", "2026-11-08", watch.Zone())
	a.Foreign = []batch.Stranger{{Name: "Lead Scorer", Model: "gpt-4.1", Spend: batch.Spend{Runs: 12, Dollars: 20 * money.Dollar}}, {Spend: batch.Spend{Runs: 1, Dollars: 13 * money.Dollar}}}
	a.Rest = batch.Spend{Runs: 4, Dollars: money.Cent}
	got := watch.Alerts(a, watch.Memory{}, morning)[0]
	want := batch.Alert{
		Key: "usage/9f86d081/total", Kind: batch.AlertUsage, Severity: batch.Warning, Account: "9f86d081", At: morning, Dollars: 45 * money.Dollar,
		Title: "$45.00 spent with key 9f86d081 on 2026-11-08, 4.5 times the mean of the seven days before, $10.00",
		Lines: []string{
			"$12.00 by these books, 1 run", "$33.00 by others on the same key, 1 run", "Lead Scorer (gpt-4.1): $20.00, 12 runs", "a swarm without a name: $13.00, 1 run", "others: $0.01, 4 runs",
		},
		Remedy: "find out who else has the key; if nobody should, revoke it at the provider and give the worker a new one",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestDays: a calendar day is as long as it is.
func TestDays(t *testing.T) {
	t.Parallel()
	for day, hours := range map[string]int{"2026-11-01": 25, "2027-03-14": 23, "2026-11-22": 24} {
		from, to, ok := watch.Bounds(day, watch.Zone())
		if !ok || to.Sub(from) != time.Duration(hours)*time.Hour {
			t.Errorf("%s has %s, want %d h", day, to.Sub(from), hours)
		}
		for _, at := range []time.Time{from, to.Add(-time.Nanosecond)} {
			if got := watch.DayOf(at, watch.Zone()); got != day {
				t.Errorf("%s is of %s, want %s", at, got, day)
			}
		}
	}
	if _, _, ok := watch.Bounds("yesterday", watch.Zone()); ok {
		t.Error("yesterday passed as a date")
	}
	if got := watch.Dates("2026-12-30", "2027-01-02"); fmt.Sprint(got) != "[2026-12-30 2026-12-31 2027-01-01 2027-01-02]" {
		t.Errorf("%v", got)
	}
}

// TestCredits: the coming night stands for the last ones that cost something.
func TestCredits(t *testing.T) {
	t.Parallel()
	d := func(n int64) money.USD { return money.Dollar * money.USD(n) }
	for _, c := range []struct {
		name   string
		total  money.USD
		nights []money.USD
		least  money.USD
		low    string
		sev    batch.Severity
	}{
		{"nothing is known", 0, nil, 0, "", batch.Info},
		{"enough", d(15), []money.USD{d(10), 0, d(10)}, 0, "", batch.Info},
		{"a micro-dollar short", d(15) - 1, []money.USD{d(10), 0, d(10)}, 0, "less than 1.5 times a night of $10.00", batch.Critical},
		{"only the last seven count", d(15), []money.USD{d(10), d(10), d(10), d(10), d(10), d(10), d(10), d(900)}, 0, "", batch.Info},
		{"below one's own limit", d(49), []money.USD{d(10)}, d(50), "less than $50.00, the limit that is set", batch.Warning},
		{"the limit alone", d(49), nil, d(50), "less than $50.00", batch.Warning},
		{"in debt", -d(1), nil, d(1), "the account owes $1.00", batch.Critical},
	} {
		w := watch.Credits(c.total, morning, c.nights, c.least)
		a := watch.CreditsAlert(w, "key")
		if !strings.Contains(w.Low, c.low) || (c.low == "") != (w.Low == "") || a.Severity != c.sev || a.Over != (c.low == "") || a.Key != "credits-low/key" {
			t.Errorf("%s: %+v, %+v", c.name, w, a)
		}
	}
}

// TestAdviceAlert: told when it is due, and over when it doesn't hold any more.
func TestAdviceAlert(t *testing.T) {
	t.Parallel()
	given := advice.On(advice.Facts{Provider: "swarms", When: "tonight", Limited: 5, Hungry: []string{"EU"}, MaxTokens: 300_000})
	got := watch.AdviceAlert(given, "key", morning, true)
	if len(got) != 1 || got[0].Over || got[0].Key != "advice/key/premium-tier" || got[0].Severity != batch.Info || got[0].Dollars != 100*money.Dollar ||
		!strings.Contains(got[0].Title, "5 requests met a rate limit") || !strings.Contains(got[0].Remedy, "$100.00 a month") || len(got[0].Lines) != 1 {
		t.Errorf("%+v", got)
	}
	if got := watch.AdviceAlert(given, "key", morning, false); len(got) != 0 {
		t.Errorf("told again: %+v", got)
	}
	if got := watch.AdviceAlert(nil, "key", morning, false); len(got) != 1 || !got[0].Over {
		t.Errorf("nothing to advise any more: %+v", got)
	}
	if advice.Premium != watch.PremiumRule {
		t.Error("the rule has another name")
	}
}

// TestWho: five by name, the rest together, and no more than a thousand names.
func TestWho(t *testing.T) {
	t.Parallel()
	var w watch.Who
	for i := range 1500 {
		w.Add(fmt.Sprintf("swarm %d", i%1200), "gpt-4.1", money.USD(1+i%1200))
	}
	most, rest := w.Top()
	runs, dollars := rest.Runs, rest.Dollars
	for _, s := range most {
		runs += s.Runs
		dollars += s.Dollars
	}
	var want money.USD
	for i := range 1500 {
		want += money.USD(1 + i%1200)
	}
	if len(most) != 5 || most[0].Name != "swarm 999" || runs != 1500 || dollars != want {
		t.Errorf("%+v and %+v: %d runs, %s of %s", most, rest, runs, dollars, want)
	}
}
