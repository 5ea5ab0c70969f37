package gate_test

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
)

// limited is an exact sliding-window limiter, kept beside the gate: n sends,
// each as soon as the gate lets it, every run over at once. It returns the
// instants of the sends and fails when a span ever holds more than the limit.
func limited(t *testing.T, n int, limit int64, span time.Duration, r gate.Rules) []time.Time {
	t.Helper()
	s := clear()
	var sent []time.Time
	for len(sent) < n {
		w := ledger.Window{Name: "minute", Span: span, Limit: limit, Remaining: -1}
		for i, at := range sent {
			if s.Now.Sub(at) < span {
				w.Used = int64(len(sent) - i)
				w.Frees = at.Add(span)
				break
			}
		}
		s.Key.Windows = []ledger.Window{w}
		switch v := gate.Decide(s, r); v.Action {
		case ledger.Go:
			if i := len(sent) - int(limit); i >= 0 && s.Now.Sub(sent[i]) < span {
				t.Fatalf("send %d is the %dth within %s", len(sent)+1, limit+1, span)
			}
			sent = append(sent, s.Now)
			s.Key.LastSent, s.Key.Proven = s.Now, s.Now
			s.Now = s.Now.Add(time.Millisecond)
		case ledger.Wait:
			s.Now = v.Until
		default:
			t.Fatalf("after %d sends: %s: %s", len(sent), v.Action, v.Detail)
		}
	}
	return sent
}

func TestSlowDownCostsNoWindow(t *testing.T) {
	herd := gate.DefaultRules()
	herd.SlowDownBelow = 1 // a millionth: off
	for _, n := range []int{100, 250, 1000} {
		free := limited(t, n, 100, time.Minute, herd)
		slow := limited(t, n, 100, time.Minute, gate.DefaultRules())
		took := func(sent []time.Time) time.Duration { return sent[len(sent)-1].Sub(sent[0]) }
		// The nth send waits for its window to end, slowed or not; only those of
		// the last window may be spread over it.
		if a, b := took(free), took(slow); b > a+time.Minute {
			t.Errorf("%d sends took %s, without slowing down %s", n, b, a)
		}
	}
}

func TestSlowDownSpreadsEvenly(t *testing.T) {
	sent := limited(t, 100, 100, time.Minute, gate.DefaultRules())
	least, most := time.Hour, time.Duration(0)
	for i := 92; i < 100; i++ {
		gap := sent[i].Sub(sent[i-1])
		least, most = min(least, gap), max(most, gap)
	}
	if least < 6*time.Second || most-least > 100*time.Millisecond {
		t.Errorf("the last ones are between %s and %s apart, want about 6.6 s", least, most)
	}
	if head := sent[89].Sub(sent[0]); head > time.Second {
		t.Errorf("the first nine tenths took %s, want no delay", head)
	}
}

func TestOneRequestPerTwoSeconds(t *testing.T) {
	sent := limited(t, 20, 1, 2*time.Second, gate.DefaultRules())
	for i := 1; i < len(sent); i++ {
		if gap := sent[i].Sub(sent[i-1]); gap != 2*time.Second {
			t.Fatalf("sends %d and %d are %s apart", i, i+1, gap)
		}
	}
}

// Behind a floor exactly one request is under way until an answer comes, then
// the rest follow at a pace that grows to ten times the sustained one.
func TestNoHerdBehindAFloor(t *testing.T) {
	s := clear()
	s.Key.Floor = at(22, 0, 30)
	s.Key.Windows = []ledger.Window{minute(0)}
	alone, paced := 0, 0
	answered := at(22, 0, 30).Add(200 * time.Millisecond)
	last, sustained := time.Time{}, 600*time.Millisecond
	for s.Now.Before(at(22, 0, 40)) {
		switch v := gate.Decide(s, gate.DefaultRules()); v.Action {
		case ledger.Go:
			if s.Now.Before(s.Key.Floor) {
				t.Fatalf("sent at %s, before the floor", s.Now)
			}
			if s.Now.Before(answered) {
				alone++
			} else {
				paced++
				if gap := s.Now.Sub(last); gap < sustained/10 || paced == 1 && gap < sustained {
					t.Fatalf("send %d after the answer comes %s after the one before", paced, gap)
				}
			}
			last = s.Now
			s.Key.LastSent, s.Key.Oldest = s.Now, at(22, 0, 30)
			s.Key.InFlight++
		case ledger.Wait:
			if v.Until.After(answered) && s.Now.Before(answered) {
				t.Fatalf("waits until %s, past the answer", v.Until)
			}
			s.Now = v.Until
		default:
			t.Fatalf("%s: %s", v.Action, v.Detail)
		}
		if !s.Now.Before(answered) && s.Key.Proven.Before(answered) {
			s.Key.Proven = answered
		}
	}
	// A tenth of the window from 1.67 a second to 16.7, then 4 s of that: a herd
	// would be thousands, and at the sustained pace it would be 16.
	if alone != 1 || paced < 100 || paced > 125 {
		t.Errorf("%d went alone and %d after the answer, want 1 and about 115", alone, paced)
	}
}
