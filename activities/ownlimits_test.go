package activities_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/provider"
)

// TestOwnLimits: what the operator sets is in the books before anything is
// sent, stands beside the provider's windows, counts in the plan, and goes when
// it isn't set any more.
func TestOwnLimits(t *testing.T) {
	w := newWorld(t, nil)
	keep := func(limits ...provider.Window) *activities.Hands {
		t.Helper()
		deps := w.deps
		deps.Limits = limits
		h := activities.New(deps)
		if err := h.KeepLimits(t.Context()); err != nil {
			t.Fatal(err)
		}
		return h
	}
	want := func(want string) {
		t.Helper()
		k, err := w.books.Key(t.Context(), w.deps.Swarms.KeyID())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, win := range k.Windows {
			if win.Limit > 0 {
				got += fmt.Sprintf("%d per %s; ", win.Limit, win.Name)
			}
		}
		if got != want {
			t.Errorf("the books keep %q, want %q", got, want)
		}
	}
	keep(provider.Window{Span: 2 * time.Second, Limit: 1}, provider.Window{Span: time.Minute, Limit: 20})
	want("1 per 2s of OFFPEAK_LIMITS; 20 per 1m of OFFPEAK_LIMITS; ")
	h := keep(provider.Window{Span: time.Hour, Limit: 1}, provider.Window{Span: 2 * time.Second, Limit: 3})
	want("3 per 2s of OFFPEAK_LIMITS; 1 per 1h of OFFPEAK_LIMITS; ")

	w.deps.Limits, w.hands = []provider.Window{{Span: time.Hour, Limit: 1}}, h
	w.planned(manifest(12, ""))
	if w.plan.Fit.Fits || w.plan.Fit.Binding != "1 request per 1h of OFFPEAK_LIMITS" {
		t.Errorf("twelve jobs, one an hour: %+v", w.plan.Fit)
	}
	want("3 per 2s of OFFPEAK_LIMITS; 2000 per minute; 1 per 1h of OFFPEAK_LIMITS; 10000 per hour; 100000 per day; ")
	keep()
	want("2000 per minute; 10000 per hour; 100000 per day; ")

	// A worker whose clock is behind is heard, too.
	keep(provider.Window{Span: time.Second, Limit: 5})
	w.clock.mu.Lock()
	w.clock.at = w.clock.at.Add(-time.Hour)
	w.clock.mu.Unlock()
	keep(provider.Window{Span: time.Second, Limit: 4})
	want("4 per 1s of OFFPEAK_LIMITS; 2000 per minute; 10000 per hour; 100000 per day; ")
}
