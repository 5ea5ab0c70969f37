package main

import (
	"strings"
	"testing"
)

// TestBench measures a night that is small, so that what make bench runs works
// when somebody wants to know.
func TestBench(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), options{out: &out, jobs: 40, books: 100, commit: "this"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"commit this, ", "ledger alone, sqlite", "raw Go loop, nothing kept", "whole night by lanes, sqlite", "whole night by jobs, sqlite"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
