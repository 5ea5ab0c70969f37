package manifest

import (
	"fmt"
	"strings"
)

// suggest answers an unknown word with the nearest known one, or with all of
// them when none is near.
func suggest(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "known are " + strings.Join(known, ", ")
}

// nearest is the known word that word was probably meant to be, or "".
func nearest(word string, known []string) string {
	word = strings.ToLower(strings.TrimSpace(word))
	best, least := "", len(word)/3+1
	if len(word) > 40 { // nobody mistypes that much
		return ""
	}
	for _, k := range known {
		d := distance(word, k)
		if len(word) >= 4 && strings.Contains(k, word) {
			d = min(d, 1) // "zone" for "timezone"
		}
		if d <= least && (best == "" || d < least) {
			best, least = k, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
