package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Row is a night that was lived through.
type Row struct {
	Plan     Plan
	Took     time.Duration
	Requests int            // paid ones, at the provider
	Broken   map[string]int // what the provider did wrong, and how often
	Found    []Finding
}

// Table is Markdown: what was done to the nights, and what the judge found by
// each rule.
func Table(rows []Row) string {
	var (
		b                        strings.Builder
		jobs, requests, provider int
		deeds, broken            = map[string]int{}, map[Rule]int{}
		kinds                    = map[string]int{}
		ways                     = map[string]int{}
		bad                      []string
	)
	slices.SortFunc(rows, func(a, c Row) int { return int(a.Plan.Seed) - int(c.Plan.Seed) })
	for _, r := range rows {
		jobs += r.Plan.Jobs
		requests += r.Requests
		ways[r.Plan.Way+", "+r.Plan.Store]++
		for _, e := range r.Plan.Events {
			name := string(e.Do)
			if e.Link != "" {
				name += ", " + string(e.Link)
			}
			deeds[name]++
		}
		for k, n := range r.Broken {
			provider += n
			kinds[k] += n
		}
		seen := map[Rule]bool{}
		for _, f := range r.Found {
			if !seen[f.Rule] {
				broken[f.Rule]++
			}
			seen[f.Rule] = true
		}
		if len(r.Found) > 0 {
			bad = append(bad, fmt.Sprint(r.Plan.Seed))
		}
	}
	fmt.Fprintf(&b, "%d nights, %d jobs, %d paid requests, %d of them with a fault of the provider's on cue.\n\n", len(rows), jobs, requests, provider)
	b.WriteString("| the judge's rule | nights that broke it |\n|---|---:|\n")
	for _, r := range Rules() {
		fmt.Fprintf(&b, "| %s | %d |\n", r, broken[r])
	}
	if len(bad) > 0 {
		fmt.Fprintf(&b, "\nSeeds that failed: %s.\n", strings.Join(bad, ", "))
	}
	counted(&b, "nights by way and store", "nights", ways)
	counted(&b, "what was done", "times", deeds)
	counted(&b, "what the provider did", "times", kinds)
	return b.String()
}

func counted(b *strings.Builder, what, unit string, n map[string]int) {
	fmt.Fprintf(b, "\n| %s | %s |\n|---|---:|\n", what, unit)
	for _, k := range slices.Sorted(maps.Keys(n)) {
		fmt.Fprintf(b, "| %s | %d |\n", k, n[k])
	}
}
