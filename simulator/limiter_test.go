package simulator

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// naive counts by looking at everything that ever happened.
type naive struct {
	quotas []Quota
	events []time.Time
}

func (n *naive) count(q Quota, now time.Time) (in []time.Time) {
	for _, e := range n.events {
		if now.Sub(e) < q.Span && !e.After(now) {
			in = append(in, e)
		}
	}
	return in
}

// room is the first instant, looked for one by one, at which all windows have
// room if nothing more is counted.
func (n *naive) room(q Quota, now time.Time) time.Duration {
	for d := time.Duration(0); ; d++ {
		if int64(len(n.count(q, now.Add(d)))) < q.Limit {
			return d
		}
	}
}

func TestLimiterAgreesWithNaiveCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_800_000_000, 0)
		quotas := []Quota{
			{"minute", time.Duration(rapid.IntRange(1, 8).Draw(t, "short")), rapid.Int64Range(1, 4).Draw(t, "few")},
			{"hour", time.Duration(rapid.IntRange(4, 40).Draw(t, "long")), rapid.Int64Range(1, 9).Draw(t, "many")},
		}
		l := NewLimiter(quotas, func() time.Time { return now })
		model := &naive{quotas: quotas}
		var admitted []time.Time
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "gap")))
			switch rapid.SampledFrom([]string{"arrive", "arrive", "look", "record"}).Draw(t, "step") {
			case "record": // completions come whether or not there is room
				l.Record()
				model.events = append(model.events, now)
			case "look":
				l.Admit(false)
			case "arrive":
				free := true
				var want []int64
				var waits []time.Duration
				for _, q := range quotas {
					in := model.count(q, now)
					free = free && int64(len(in)) < q.Limit
					want = append(want, int64(len(in)))
					waits = append(waits, model.room(q, now))
				}
				_, levels, ok := l.Admit(true)
				if ok != free {
					t.Fatalf("admitted %v, want %v", ok, free)
				}
				if ok {
					model.events = append(model.events, now)
					admitted = append(admitted, now)
					for i := range want {
						want[i]++
					}
				}
				var got []int64
				for i, lv := range levels {
					got = append(got, lv.Count)
					if lv.Wait != waits[i] {
						t.Fatalf("%s: wait %d, want %d", lv.Name, lv.Wait, waits[i])
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatal(diff)
				}
			}
		}
		for _, q := range quotas { // what the promise says, from the other end
			for i, from := range admitted {
				n := int64(0)
				for _, e := range admitted[i:] {
					if e.Sub(from) < q.Span {
						n++
					}
				}
				if n > q.Limit {
					t.Fatalf("%d admitted within %d, limit %d", n, q.Span, q.Limit)
				}
			}
		}
	})
}

func TestLimiterForgets(t *testing.T) {
	now := time.Unix(0, 0)
	l := NewLimiter([]Quota{{"minute", time.Minute, 10}}, func() time.Time { return now })
	for range 100_000 {
		now = now.Add(time.Second)
		l.Record()
	}
	if len(l.events) > 5000 {
		t.Errorf("keeps %d events of a window of 60", len(l.events))
	}
	now = now.Add(-time.Hour) // a clock that is set back takes back what hasn't happened
	if _, levels, ok := l.Admit(false); !ok || levels[0].Count != 0 {
		t.Errorf("after setting back: %d counted", levels[0].Count)
	}
}

func TestUnlimited(t *testing.T) {
	l := NewLimiter(nil, time.Now)
	for range 1000 {
		l.Record()
	}
	if _, _, ok := l.Admit(true); !ok || len(l.events) > 2 {
		t.Errorf("no quotas: admitted %v, keeps %d", ok, len(l.events))
	}
}

func TestParseQuotas(t *testing.T) {
	got, err := ParseQuotas("1/2s, 2000/1m,10000/1h,7/24h")
	want := []Quota{{"2s", 2 * time.Second, 1}, {"minute", time.Minute, 2000}, {"hour", time.Hour, 10_000}, {"day", 24 * time.Hour, 7}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := ParseQuotas("none"); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "5", "0/1m", "5/", "x/1m", "5/1m,", "5/-1m"} {
		if _, err := ParseQuotas(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
