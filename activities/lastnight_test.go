package activities_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
)

// What was sent late last night still counts in the day's window tonight, also
// by a worker that has started since and knows of it from the books alone.
func TestLastNightCountsToday(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) {
		o.Accounts[0].Limits = &simulator.Limits{Quotas: []simulator.Quota{{Name: "minute", Span: time.Minute, Limit: 100}, {Name: "day", Span: 24 * time.Hour, Limit: 5}}}
		o.Switches.Strict = true
	})
	w.planned(manifest(3, ""))
	w.clock.mu.Lock()
	w.clock.at = nine.Add(7 * time.Hour) // 04:00
	w.clock.mu.Unlock()
	for seq := range 3 {
		if out, _ := w.send(seq); out.State != batch.Succeeded {
			t.Fatalf("last night: %+v", out)
		}
	}
	first := w.posts()[0].Ended

	w.clock.mu.Lock()
	w.clock.at = nine.Add(24 * time.Hour)
	w.clock.mu.Unlock()
	if err := w.books.Close(); err != nil {
		t.Fatal(err)
	}
	w.openBooks()
	w.newHands(w.server.URL)
	w.planned(manifest(3, ""))
	if w.plan.Batch != "digest/2026-11-23" {
		t.Fatalf("planned %s", w.plan.Batch)
	}
	for seq := range 3 {
		if out, _ := w.send(seq); out.State != batch.Succeeded {
			t.Fatalf("tonight: %+v", out)
		}
	}
	posts := w.posts()
	for _, p := range posts {
		if p.Status != http.StatusOK {
			t.Errorf("%s met %d", p.Name, p.Status)
		}
	}
	if len(posts) != 6 || posts[4].At.After(nine.Add(25*time.Hour)) || posts[5].At.Before(first.Add(24*time.Hour)) {
		t.Errorf("%d requests, the fifth of the day at %s, the sixth at %s: want it a day after %s", len(posts), posts[4].At, posts[len(posts)-1].At, first)
	}
	w.discreet()
}
