package tariff_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Work that is asked for ten minutes before midnight isn't cut off at it: its
// night is named by the date on which it was asked for, and lasts a day.
func TestAlwaysOpenBeforeMidnight(t *testing.T) {
	w := tariff.AlwaysOpen("Europe/Berlin")
	asked := time.Date(2026, 11, 22, 22, 50, 0, 0, time.UTC) // 23:50 in Berlin
	got, err := w.Decide(asked, 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got.Span.Night != "2026-11-22" || !got.At.Equal(asked) || !got.Span.Deadline.Equal(asked.Add(24*time.Hour)) {
		t.Errorf("begins %s in %+v", got.At, got.Span)
	}
	const reason = "asked for at 23:50 CET, and the window never closes; starts at once"
	if got.Reason != reason {
		t.Errorf("reason %q, want %q", got.Reason, reason)
	}
}

// Always means: every instant is cheap, a start is never put off, the night is
// the date in the zone, it holds a day, and the night that follows it is
// another date's: its batch and its workflow have names of their own.
func TestAlwaysOpenProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := tariff.AlwaysOpen(rapid.SampledFrom(zones).Draw(t, "zone"))
		loc, asked := mustLoad(t, w.Zone), drawInstant(t, "asked")
		slow := time.Duration(rapid.Int64Range(0, int64(20*time.Hour)).Draw(t, "slow"))
		got, err := w.Decide(asked, slow)
		if err != nil || !got.At.Equal(asked) {
			t.Fatalf("asked %s with %s: %+v, %v", asked, slow, got, err)
		}
		s := got.Span
		if date := asked.In(loc).Format(time.DateOnly); string(s.Night) != date {
			t.Fatalf("asked on %s, and it is the night of %s", date, s.Night)
		}
		if s.Opens.After(asked) || asked.Sub(s.Opens) >= time.Second || s.Length() < 22*time.Hour || s.Length() > 26*time.Hour {
			t.Fatalf("asked %s: %+v", asked, s)
		}
		if !w.Cheap(asked) || !w.Cheap(s.Closes) || len(w.Check()) > 0 {
			t.Fatalf("%+v: %v", w, w.Check())
		}
		if after, err := w.Decide(s.Closes, slow); err != nil || after.Span.Night <= s.Night || !after.At.Equal(s.Closes) {
			t.Fatalf("after %+v comes %+v, %v", s, after, err)
		}
		next, err := w.Next(asked)
		if err != nil || !next.Opens.After(asked) || next.Night <= s.Night {
			t.Fatalf("next after %s: %+v, %v", asked, next, err)
		}
		if again, err := w.On(next.Night); err != nil || !reflect.DeepEqual(again, next) {
			t.Fatalf("On(%s) = %+v, %v; want %+v", next.Night, again, err, next)
		}
	})
}

// A window's multiplier takes the place of the card's; one that is always open
// has no discount unless it says so.
func TestCardInAWindow(t *testing.T) {
	quarter := tariff.SwarmsWindow()
	quarter.Multiplier = money.One / 4
	always := tariff.AlwaysOpen("UTC")
	for name, c := range map[string]struct {
		window tariff.Window
		want   money.Ratio
	}{"as the card says": {tariff.SwarmsWindow(), money.Half}, "a quarter": {quarter, money.One / 4}, "always": {always, money.One}} {
		if got := tariff.Swarms().In(c.window).Night; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	quarter.Multiplier = money.One + 1
	if wrong := quarter.Check(); len(wrong) != 1 || wrong[0].Field != "multiplier" {
		t.Errorf("a multiplier above one: %v", wrong)
	}
}

// What an always-open window says in JSON is all there is to it, and the
// windows that there were before read and write the same bytes.
func TestWindowBytes(t *testing.T) {
	for _, text := range []string{
		`{"zone":"UTC","always":true}`,
		`{"zone":"UTC","always":true,"multiplier":"0.8"}`,
		`{"zone":"America/Los_Angeles","open":"20:00","close":"06:00","start_at":"21:00","finish_by":"05:00","buffer":"15m0s"}`,
		`{"zone":"UTC","open":"20:00","close":"06:00","weekdays":["mon","tue"]}`,
	} {
		var w tariff.Window
		if err := json.Unmarshal([]byte(text), &w); err != nil {
			t.Fatal(err)
		}
		if wrong := w.Check(); len(wrong) > 0 {
			t.Errorf("%s: %v", text, wrong)
		}
		again, err := json.Marshal(w)
		if err != nil || string(again) != text {
			t.Errorf("%s is written as %s, %v", text, again, err)
		}
	}
}
