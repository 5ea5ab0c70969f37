package batch_test

import (
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
)

// FuzzParseID: a batch id becomes part of workflow ids, file names and URLs.
// What is taken for one names no other folder, and is its two halves.
func FuzzParseID(f *testing.F) {
	for _, s := range []string{"market-digest/2026-11-22", "a/2026-11-22/..", "../2026-11-22", "a/2026-2-30", "A/2026-11-22", "a/20261-11-22", "a\x00/2026-11-22", "/", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := batch.ParseID(s)
		if err != nil {
			if id != "" {
				t.Errorf("%q is %q and %v", s, id, err)
			}
			return
		}
		if batch.NewID(id.Name(), id.Night()) != id || string(id) != s || id.Name().Valid() != nil || len(id.Night()) != len("2026-11-22") {
			t.Errorf("%q is read as %q of %q", s, id.Name(), id.Night())
		}
		if strings.Count(s, "/") != 1 || strings.HasPrefix(s, ".") || strings.ContainsAny(s, "\x00\\\n ") {
			t.Errorf("%q would be a path of its own", s)
		}
	})
}
