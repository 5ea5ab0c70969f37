package fastnight_test

import (
	"slices"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/fastnight"
	"github.com/offpeak/offpeak/simulator"
)

func limits(minute, hour int64) []simulator.Quota {
	return []simulator.Quota{{Name: "minute", Span: time.Minute, Limit: minute}, {Name: "hour", Span: time.Hour, Limit: hour}}
}

// play plays a night of which every job has to succeed.
func play(t *testing.T, o fastnight.Options) fastnight.Played {
	t.Helper()
	o.Dir = t.TempDir()
	if o.Latency.Kind == "" {
		o.Latency = simulator.Latency{Kind: "fixed", Low: 20 * time.Millisecond}
	}
	p, err := fastnight.Play(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d requests, %d of them 429, %d of the stranger's; %s of the night; limits read %d times",
		len(p.Ours), p.Status(429), p.Stranger, p.Took(), p.Asked)
	if p.States[batch.Succeeded] != o.Jobs {
		t.Errorf("jobs ended as %v, want %d succeeded", p.States, o.Jobs)
	}
	return p
}

var strict = simulator.Switches{Strict: true}

// A provider that counts arrivals and refuses one too many however quickly it
// comes never has to.
func TestStrictWindows(t *testing.T) {
	for name, o := range map[string]fastnight.Options{
		"minute": {Jobs: 500, Speed: 20, Limits: limits(200, 10_000), Switches: strict},
		"hour":   {Jobs: 500, Speed: 500, Limits: limits(200, 300), Switches: strict},
	} {
		t.Run(name, func(t *testing.T) {
			p := play(t, o)
			if n := p.Status(429); n > 0 {
				t.Errorf("%d requests were refused, want none", n)
			}
			if len(p.Ours) != o.Jobs {
				t.Errorf("%d requests for %d jobs", len(p.Ours), o.Jobs)
			}
		})
	}
}

// Somebody else takes three tenths of a limit: hardly a request is refused,
// whichever way the provider counts, and whether or not it tells of the window
// with each answer.
func TestAStrangerSharesTheKey(t *testing.T) {
	minute := fastnight.Options{Jobs: 400, Speed: 20, Limits: limits(200, 10_000), Stranger: time.Second, Before: time.Minute}
	hour := fastnight.Options{Jobs: 400, Speed: 500, Limits: limits(200, 300), Stranger: 40 * time.Second, Before: time.Hour}
	counted := minute
	minute.Switches, hour.Switches = strict, strict
	for name, o := range map[string]fastnight.Options{"minute": minute, "minute, counted when done": counted, "hour": hour} {
		t.Run(name, func(t *testing.T) {
			p := play(t, o)
			if n := p.Status(429); n*100 >= len(p.Ours) {
				t.Errorf("%d of %d requests were refused, want less than 1 %%", n, len(p.Ours))
			}
			if p.Stranger == 0 {
				t.Error("the stranger got nothing: this proves nothing")
			}
		})
	}
}

// The provider refuses everything for a minute in mid-run. No job fails, each
// wait is kept by all, one request probes after each, and what follows the last
// is no herd.
func TestAStormOfRefusals(t *testing.T) {
	const begins, ends, after = 30 * time.Second, 90 * time.Second, 5 * time.Second
	refuse := func(rules ...simulator.Rule) func(*simulator.Server) error {
		return func(s *simulator.Server) error { return s.SetFaults(rules...) }
	}
	p := play(t, fastnight.Options{
		Jobs: 380, Speed: 20, Limits: limits(200, 10_000), Switches: strict,
		Events: []fastnight.Event{
			{At: begins, Do: refuse(simulator.Rule{Match: "*", Kind: simulator.KindRate429, RetryAfter: "5"})},
			{At: ends, Do: refuse()},
		},
	})
	var refused, released []time.Time
	for _, a := range p.Ours {
		switch {
		case a.Status == 429:
			refused = append(refused, a.At)
		case len(refused) > 0 && a.At.After(refused[0].Add(after)):
			released = append(released, a.At)
		}
	}
	slices.SortFunc(refused, time.Time.Compare)
	slices.SortFunc(released, time.Time.Compare)
	if len(refused) < 2 || len(released) < 100 {
		t.Fatalf("%d refused and %d released: the storm missed the run", len(refused), len(released))
	}
	// Those under way when it begins are refused together, each later one alone.
	first := slices.IndexFunc(refused, func(at time.Time) bool { return at.After(refused[0].Add(after)) })
	for i := max(first, 1); first > 0 && i < len(refused); i++ {
		if gap := refused[i].Sub(refused[i-1]); i > first && gap < after {
			t.Errorf("two requests %s apart met the storm, which asked for %s", gap, after)
		}
	}
	if len(refused) > first+int((ends-begins)/after) {
		t.Errorf("%d requests were refused: more than one each %s", len(refused), after)
	}
	early := 0
	for _, at := range released {
		if at.Sub(released[0]) < 6*time.Second {
			early++
		}
	}
	if early > 125 { // by the pace 1 and about 110; as a herd all 190
		t.Errorf("%d of %d requests left within 6 s of the first: a herd", early, len(released))
	}
}
