package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
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

// named are the scenarios of those names.
func named(names string) ([]scenario, error) {
	all := scenarios()
	if names == "all" {
		return all, nil
	}
	var chosen []scenario
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("limits %q: no such scenario; write all, or some of minute, hour, stranger, storm with commas between", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// limits plays scenarios and prints a table of their own.
func limits(ctx context.Context, o options, all []scenario) (err error) {
	dir, err := os.MkdirTemp("", "offpeak-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "limit\tjobs\tseconds\tleast\tof the least\tused\t429s\t")
	for _, s := range all {
		s.night.Dir = filepath.Join(dir, s.name)
		if err := os.Mkdir(s.night.Dir, 0o700); err != nil {
			return err
		}
		p, err := fastnight.Play(ctx, s.night)
		if err != nil {
			return fmt.Errorf("play %s: %w", s.name, err)
		}
		if p.States[batch.Succeeded] != s.night.Jobs {
			return fmt.Errorf("play %s: jobs ended as %v, want %d succeeded", s.name, p.States, s.night.Jobs)
		}
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%s\t%d\t\n", s.what, s.night.Jobs, p.Took().Seconds(), s.judge(p), p.Status(http.StatusTooManyRequests))
	}
	fmt.Fprintf(o.out, "commit %s, %s/%s, %d cores, %s\n", o.commit, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	return w.Flush()
}

// judge is the least time, the ratio to it, and the part of the limit that was
// used: of what somebody else left, where there was one, in the spans in which
// that suffices for all jobs.
func (s scenario) judge(p fastnight.Played) string {
	if s.night.Stranger == 0 {
		per := int64(1000 * p.Took() / s.least)
		return fmt.Sprintf("%.0f\t%d.%03d\t%d %%", s.least.Seconds(), per/1000, per%1000, 100*s.least/p.Took())
	}
	limit := s.night.Limits[0]
	spans := int64(s.least/limit.Span) + 1
	ours, theirs := p.Within(time.Duration(spans) * limit.Span)
	return fmt.Sprintf("\t\t%d %%", 100*int64(ours)/(spans*limit.Limit-int64(theirs)))
}
