package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/fastnight"
	"github.com/offpeak/offpeak/simulator"
)

// scenario is a night against a rate limit of the premium tier, whose least
// possible time is known: what somebody needs who knows beforehand all that
// will happen, and whose requests take no time.
type scenario struct {
	name, what string
	least      time.Duration
	night      fastnight.Options
}

// scenarios are played with requests of 20 ms against a provider that refuses
// the one too many however quickly it comes.
func scenarios() []scenario {
	minute := []simulator.Quota{{Name: "minute", Span: time.Minute, Limit: 2000}}
	refuse := func(rules ...simulator.Rule) func(*simulator.Server) error {
		return func(s *simulator.Server) error { return s.SetFaults(rules...) }
	}
	all := []scenario{
		{"minute", "2,000 a minute", 2 * time.Minute, fastnight.Options{Jobs: 5000, Limits: minute}},
		{"hour", "10,000 an hour, clock x 10", time.Hour, fastnight.Options{
			Jobs: 12_000, Speed: 10, Limits: append(slices.Clone(minute), simulator.Quota{Name: "hour", Span: time.Hour, Limit: 10_000}),
		}},
		// Three times the 1,400 that the stranger leaves.
		{"stranger", "2,000 a minute, 600 of them a stranger's", 2 * time.Minute, fastnight.Options{
			Jobs: 4200, Limits: minute, Stranger: 100 * time.Millisecond, Before: time.Minute,
		}},
		// 2,000 before it, 2,000 after it, and a minute later the rest.
		{"storm", "2,000 a minute, all refused from 0:30 to 1:30", 150 * time.Second, fastnight.Options{
			Jobs: 5000, Limits: minute, Events: []fastnight.Event{
				{At: 30 * time.Second, Do: refuse(simulator.Rule{Match: "*", Kind: simulator.KindRate429, RetryAfter: "5"})},
				{At: 90 * time.Second, Do: refuse()},
			},
		}},
	}
	for i := range all {
		all[i].night.Latency = simulator.Latency{Kind: "fixed", Low: 20 * time.Millisecond}
		all[i].night.Switches.Strict = true
	}
	return all
}

// limits plays those scenarios that were chosen.
func (b *bench) limits(ctx context.Context, all []scenario) error {
	for _, s := range all {
		if !b.wants(s.name) {
			continue
		}
		var err error
		if s.night.Dir, err = os.MkdirTemp(b.dir, s.name); err != nil {
			return err
		}
		p, err := fastnight.Play(ctx, s.night)
		if err != nil {
			return fmt.Errorf("play %s: %w", s.name, err)
		}
		if p.States[batch.Succeeded] != s.night.Jobs {
			return fmt.Errorf("play %s: jobs ended as %v, want %d succeeded", s.name, p.States, s.night.Jobs)
		}
		b.add(s.what, s.night.Jobs, s.judge(p))
	}
	return nil
}

// judge is the ratio to the least time, and the part of the limit that was
// used: of what somebody else left, where there was one, in the spans in which
// that suffices for all jobs.
func (s scenario) judge(p fastnight.Played) round {
	r := round{took: p.Took()}
	refused := p.Status(http.StatusTooManyRequests)
	if s.night.Stranger == 0 {
		r.thousand = int64(1000 * p.Took() / s.least)
		r.note = fmt.Sprintf("least %.0f s, %d %% used, %d 429s", s.least.Seconds(), 100*s.least/p.Took(), refused)
		return r
	}
	limit := s.night.Limits[0]
	spans := int64(s.least/limit.Span) + 1
	ours, theirs := p.Within(time.Duration(spans) * limit.Span)
	r.note = fmt.Sprintf("%d %% of the rest used, %d 429s", 100*int64(ours)/(spans*limit.Limit-int64(theirs)), refused)
	return r
}
