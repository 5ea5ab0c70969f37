package main

import (
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/internal/fastnight"
	"github.com/offpeak/offpeak/simulator"
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

// TestLimits plays nights that are small and fast, alone and beside a stranger.
func TestLimits(t *testing.T) {
	night := fastnight.Options{
		Jobs: 250, Speed: 30, Switches: simulator.Switches{Strict: true},
		Limits: []simulator.Quota{{Name: "minute", Span: time.Minute, Limit: 200}},
	}
	shared := night
	shared.Stranger, shared.Before = time.Second, time.Minute
	var out strings.Builder
	all := []scenario{{"alone", "200 a minute", time.Minute, night}, {"shared", "200 a minute, 60 of them a stranger's", time.Minute, shared}}
	if err := limits(t.Context(), options{out: &out, commit: "this"}, all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"commit this, ", "200 a minute  ", "of them a stranger's", " %"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if _, err := named("minute,fortnight"); err == nil || !strings.Contains(err.Error(), "fortnight") {
		t.Errorf("a scenario that doesn't exist: %v", err)
	}
	if all, err := named("storm,minute"); err != nil || len(all) != 2 || all[0].name != "storm" {
		t.Errorf("%v, %v", all, err)
	}
}
