package config

import (
	"fmt"
	"slices"
	"strings"
)

// strangers warns of variables that begin like ours and that nobody reads: a
// misspelt OFFPEAK_LEGDER would otherwise quietly mean the default books. The
// values aren't shown.
func strangers(env Env) []string {
	var found []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "OFFPEAK_") && !strings.HasPrefix(name, "SWARMS_API_") && !strings.HasPrefix(name, "SWARMS_BASE") {
			continue
		}
		if slices.Contains(Known(), name) {
			continue
		}
		msg := "nobody reads " + name
		if near := nearest(name); near != "" {
			msg += fmt.Sprintf("; did you mean %s?", near)
		}
		found = append(found, msg)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// nearest is the known name within three slips, or "".
func nearest(name string) string {
	best, least := "", 4
	for _, k := range Known() {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
