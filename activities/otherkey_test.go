package activities_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

const secondKey = "sk-test-another-key-of-the-account"

// secondKey is a worker with another key of the same account.
func (w *world) secondKey() {
	w.Helper()
	client, err := swarms.New(swarms.Options{BaseURL: w.server.URL, Key: secondKey, Now: w.clock.Now})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(client.CloseIdle)
	w.deps.Swarms = client
	w.hands = activities.New(w.deps)
}

// A job that is in doubt when the key is changed isn't bought again because
// the new key's log doesn't show it.
func TestAnotherKeysLogProvesNothing(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Accounts[0].Keys = append(o.Accounts[0].Keys, secondKey) })
	w.faults(lostAnswer("job-0")).planned(manifest(1, ""))
	w.jitter = func(most time.Duration) time.Duration { return most - time.Millisecond } // too long to wait for it in process
	if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(0)); kindOf(t, err) != batch.OutcomeUnknown {
		t.Fatal(err)
	}
	first := w.deps
	w.secondKey()
	if out, _ := w.send(0); out.State != batch.Unknown || !strings.Contains(out.Why, "another key") || len(w.posts()) != 1 {
		t.Errorf("%+v after %d requests", out, len(w.posts()))
	}
	w.hands = activities.New(first)
	if out, _ := w.send(0); out.State != batch.Succeeded || len(w.posts()) != 1 {
		t.Errorf("with the key that sent it: %+v after %d requests", out, len(w.posts()))
	}
	w.honest()
}

// The log is one key's: what another key sent is neither absent from it nor a
// ghost, and says so.
func TestReconcileWithAnotherKey(t *testing.T) {
	for name, lost := range map[string]simulator.Rule{
		"may have run": lostAnswer("job-0"),
		"was billed":   {Match: "job-0", Kind: simulator.KindBadJSON, Attempts: firstTry},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *simulator.Options) { o.Accounts[0].Keys = append(o.Accounts[0].Keys, secondKey) })
			w.faults(lost).planned(manifest(2, "")).opened()
			w.jitter = func(most time.Duration) time.Duration { return most - time.Millisecond } // too long to wait for it in process
			if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(0)); kindOf(t, err) != batch.OutcomeUnknown {
				t.Fatal(err)
			}
			w.send(1)
			first := w.deps
			w.secondKey()
			_ = w.clock.Wait(t.Context(), time.Hour)
			r := w.reconcile()
			if r.Runs != 0 || r.Absent != 0 || w.job(0).State != batch.Unknown || !slices.Equal(topics(r), []string{batch.NoteLog}) || !strings.Contains(r.Notes[0].Text, "another key") {
				t.Errorf("%+v", r)
			}
			w.hands = activities.New(first)
			if r := w.reconcile(); r.Found != 1 || len(r.Notes) != 0 {
				t.Errorf("%+v", r)
			}
			w.honest()
		})
	}
}
