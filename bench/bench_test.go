package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/internal/fastnight"
	"github.com/offpeak/offpeak/simulator"
)

// TestMain is also what the parts that are programs of their own run.
func TestMain(m *testing.M) {
	if code, is := part(os.Args[1:]); is {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// TestBench measures a night that is small, so that what make bench runs works
// when somebody wants to know.
func TestBench(t *testing.T) {
	var out strings.Builder
	o := options{out: &out, jobs: 40, many: 80, books: 100, times: 1, commit: "this"}
	if err := o.choose("ledger,nights"); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"commit this, ", "one round", "ledger alone, sqlite", "raw Go loop, nothing kept", "1.000", "whole night by lanes, sqlite",
		"whole night by jobs, sqlite", "a large one beside it, sqlite", "ms after the opening",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// TestMedians: of several rounds each column is its own median.
func TestMedians(t *testing.T) {
	var out strings.Builder
	b := &bench{options: options{out: &out, times: 3}}
	for _, r := range []round{{3 * time.Second, 250, "slow"}, {time.Second, 900, "quick"}, {2 * time.Second, 333, "usual"}} {
		b.add("a night", 1000, r)
	}
	if err := b.print(); err != nil {
		t.Fatal(err)
	}
	fields := strings.Join(strings.Fields(out.String()), " ")
	if want := "a night 1000 2.00 500 2000 0.333 usual"; !strings.Contains(fields, want) || !strings.Contains(fields, "medians of 3 rounds") {
		t.Errorf("no %q in\n%s", want, &out)
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
	b := &bench{options: options{out: &out, commit: "this"}, dir: t.TempDir()}
	if err := b.limits(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if err := b.print(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"commit this, ", "one round", "200 a minute  ", "least 60 s", "of them a stranger's", "of the rest used", "429s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// TestChoose takes parts of the card by name.
func TestChoose(t *testing.T) {
	var o options
	if err := o.choose("minute,fortnight"); err == nil || !strings.Contains(err.Error(), "fortnight") {
		t.Errorf("a part that doesn't exist: %v", err)
	}
	o = options{}
	if err := o.choose("storm,nights"); err != nil || !o.wants("storm") || !o.wants("many") || o.wants("minute") || o.wants("ledger") {
		t.Errorf("%v, %v", o.only, err)
	}
	o = options{}
	if err := o.choose("limits"); err != nil || len(o.only) != len(scenarios()) || o.wants("jobs") {
		t.Errorf("%v, %v", o.only, err)
	}
	if o = (options{}); o.choose("") != nil || !o.wants("ledger") || !o.wants("hour") {
		t.Errorf("%v", o.only)
	}
}
