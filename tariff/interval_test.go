package tariff_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/tariff"
)

// read is a window as it travels.
func read(t testing.TB, text string) tariff.Window {
	t.Helper()
	var w tariff.Window
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

const (
	twice    = `{"zone":"America/Los_Angeles","intervals":[{"open":"00:00","close":"06:00"},{"open":"12:00","close":"14:00"}]}`
	weekends = `{"zone":"America/Los_Angeles","intervals":[{"open":"00:00","close":"12:00","weekdays":["sat","sun"]},` +
		`{"open":"12:00","close":"20:00","weekdays":["sat","sun"]},{"open":"20:00","close":"06:00","weekdays":["mon","tue","wed","thu"]},` +
		`{"open":"20:00","close":"00:00","weekdays":["fri","sat","sun"]}]}`
)

// What begins on one date is one night, in pieces: each with its margins, and
// the night from the first to the last.
func TestNightOfSeveralIntervals(t *testing.T) {
	s, err := read(t, twice).On("2026-11-22")
	if err != nil {
		t.Fatal(err)
	}
	at := func(hours string) time.Time { return instant(t, "2026-11-22 "+hours+" -0800") }
	// A sixteenth of the shortest interval, two hours, is 7 min 30 s.
	want := []tariff.Piece{
		{Opens: at("00:00:00"), Closes: at("06:00:00"), Earliest: at("00:07:30"), Deadline: at("05:52:30")},
		{Opens: at("12:00:00"), Closes: at("14:00:00"), Earliest: at("12:07:30"), Deadline: at("13:52:30")},
	}
	if diff := cmp.Diff(want, s.Pieces); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !s.Opens.Equal(at("00:00:00")) || !s.StartAt.Equal(at("00:07:30")) || !s.Deadline.Equal(at("13:52:30")) || !s.Closes.Equal(at("14:00:00")) {
		t.Errorf("the whole: %+v", s)
	}
	if s.Length() != 8*time.Hour {
		t.Errorf("open for %s, want 8h", s.Length())
	}
}

// Intervals of one date that touch are one piece; a night that has one only is
// written as it always was.
func TestTouchingIntervals(t *testing.T) {
	w := read(t, weekends)
	if wrong := w.Check(); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for night, hours := range map[tariff.Night]int{"2026-11-20": 4, "2026-11-21": 24, "2026-11-22": 24, "2026-11-23": 10, "2026-11-26": 10} {
		s, err := w.On(night)
		if err != nil || len(s.Pieces) != 0 || s.Length() != time.Duration(hours)*time.Hour {
			t.Errorf("%s: open for %s in %d pieces, %v; want %d h in one", night, s.Length(), len(s.Pieces), err, hours)
		}
		if text, _ := json.Marshal(s); strings.Contains(string(text), "pieces") {
			t.Errorf("%s: %s", night, text)
		}
	}
}

func TestDecideBetweenIntervals(t *testing.T) {
	for _, c := range []struct {
		asked string
		slow  time.Duration
		night tariff.Night
		at    string
		says  string
	}{
		{"2026-11-22 03:00:00", time.Hour, "2026-11-22", "2026-11-22 03:00:00", "inside the window; starts at once"},
		{"2026-11-22 05:00:00", time.Hour, "2026-11-22", "2026-11-22 12:07:30", "too late in these cheap hours for a job of 1h0m0s; waits for 12:07:30 PST"},
		{"2026-11-22 09:00:00", time.Hour, "2026-11-22", "2026-11-22 12:07:30", "between two stretches of cheap hours; waits for 12:07:30 PST"},
		{"2026-11-22 09:00:00", 3 * time.Hour, "2026-11-23", "2026-11-23 00:07:30", "too late for a job of 3h0m0s to end by 13:52:30 PST; waits for 00:07:30 PST"},
		{"2026-11-22 12:01:00", time.Hour, "2026-11-22", "2026-11-22 12:07:30", "within 7m30s of the opening; starts at 12:07:30 PST"},
		{"2026-11-22 13:30:00", time.Hour, "2026-11-23", "2026-11-23 00:07:30", "too late for a job of 1h0m0s"},
		{"2026-11-22 18:00:00", time.Hour, "2026-11-23", "2026-11-23 00:07:30", "waits for 00:07:30 PST"},
	} {
		got, err := read(t, twice).Decide(instant(t, c.asked+" -0800"), c.slow)
		if err != nil || got.Span.Night != c.night || !got.At.Equal(instant(t, c.at+" -0800")) || !strings.Contains(got.Reason, c.says) {
			t.Errorf("asked %s with %s: %s of %s, %q, %v; want %s of %s, %q", c.asked, c.slow, got.At, got.Span.Night, got.Reason, err, c.at, c.night, c.says)
		}
	}
	_, err := read(t, twice).Decide(instant(t, "2026-11-22 09:00:00 -0800"), 6*time.Hour)
	if err == nil || !strings.Contains(err.Error(), "has 5h45m0s") {
		t.Errorf("six hours in a stretch of six: %v", err)
	}
}

// What a page shows, and how far work comes: only open time counts.
func TestEdgesAndOpenTime(t *testing.T) {
	s, err := read(t, twice).On("2026-11-22")
	if err != nil {
		t.Fatal(err)
	}
	at := func(clock string) time.Time { return instant(t, "2026-11-22 "+clock+" -0800") }
	for now, want := range map[string]tariff.Edge{
		"03:00:00": {At: at("06:00:00"), Deadline: at("05:52:30")}, "06:00:00": {At: at("12:00:00"), Opens: true},
		"13:00:00": {At: at("14:00:00"), Deadline: at("13:52:30")}, "15:00:00": {At: at("14:00:00"), Deadline: at("13:52:30")},
	} {
		if got := s.Edge(at(now)); !got.At.Equal(want.At) || got.Opens != want.Opens || !got.Deadline.Equal(want.Deadline) {
			t.Errorf("at %s: %+v, want %+v", now, got, want)
		}
	}
	for _, c := range []struct {
		from string
		open time.Duration
		want string
		fits bool
	}{
		{"03:00:00", time.Hour, "04:00:00", true},
		{"05:00:00", time.Hour, "12:15:00", true}, // 52 min 30 s before six, the rest after noon
		{"08:00:00", time.Hour, "13:07:30", true},
		{"13:00:00", time.Hour, "13:52:30", false},
	} {
		if got, fits := s.Through(at(c.from), c.open); !got.Equal(at(c.want)) || fits != c.fits {
			t.Errorf("%s of open time from %s: %s, %v; want %s, %v", c.open, c.from, got, fits, c.want, c.fits)
		}
	}
	if got := s.Room(at("05:00:00"), 10*time.Minute); got != 42*time.Minute+30*time.Second+95*time.Minute+10*time.Minute {
		t.Errorf("room for sends from 05:00: %s", got)
	}
	if got := s.Hours(); got != "00:00 to 06:00 and 12:00 to 14:00 PST" {
		t.Errorf("for people: %q", got)
	}
}

// A list of one is the same window as open and close, with its margins.
func TestOneInterval(t *testing.T) {
	one := read(t, `{"zone":"America/Los_Angeles","intervals":[{"open":"20:00","close":"06:00","weekdays":["fri"]}]}`).Fill()
	plain := read(t, `{"zone":"America/Los_Angeles","open":"20:00","close":"06:00","weekdays":["fri"]}`).Fill()
	if !reflect.DeepEqual(one, plain) || len(one.Check()) > 0 {
		t.Errorf("%+v, want %+v; %v", one, plain, one.Check())
	}
}

// All that is wrong with intervals is said at once, and where.
func TestIntervalsCheck(t *testing.T) {
	for _, c := range []struct {
		window string
		want   []string // field: message
	}{
		{twice, nil},
		{
			`{"zone":"UTC","open":"20:00","close":"06:00","start_at":"21:00","finish_by":"05:00","intervals":[{"open":"00:00","close":"06:00"},{"open":"12:00","close":"14:00"}]}`,
			[]string{"open: can't stand beside intervals", "close: can't stand", "start_at: can't stand", "finish_by: can't stand"},
		},
		{
			`{"zone":"UTC","intervals":[{"open":"00:00"},{"open":"12:00","close":"12:00"},{"open":"10:00","close":"11:00","weekdays":["mon","mon"]}]}`,
			[]string{"intervals[0].close: missing", "intervals[1].close: equal to open", "intervals[2].weekdays: named twice", "intervals[2].open: comes before the one above it, which opens at 12:00"},
		},
		{
			`{"zone":"UTC","intervals":[{"open":"04:00","close":"08:00"},{"open":"07:59","close":"10:00"},{"open":"20:00","close":"04:01"}]}`,
			[]string{"intervals[1]: overlaps intervals[0], 04:00 to 08:00: an hour", "intervals[2]: overlaps intervals[0], 04:00 to 08:00: an hour"},
		},
		{ // Friday's goes on into Saturday, where the other one opens
			`{"zone":"UTC","intervals":[{"open":"05:00","close":"08:00","weekdays":["sat"]},{"open":"20:00","close":"06:00","weekdays":["fri"]}]}`,
			[]string{"intervals[1]: overlaps intervals[0], 05:00 to 08:00 on sat, on sat"},
		},
		{ // the same hours on other days never meet
			`{"zone":"UTC","intervals":[{"open":"05:00","close":"08:00","weekdays":["sat"]},{"open":"20:00","close":"06:00","weekdays":["sat"]}]}`, nil,
		},
		{`{"zone":"UTC","buffer":"30m","intervals":[{"open":"00:00","close":"06:00"},{"open":"12:00","close":"13:00"}]}`, []string{"buffer: leaves no time inside the shortest interval"}},
		{`{"zone":"UTC","always":true,"intervals":[{"open":"00:00","close":"06:00"}]}`, []string{"intervals: can't stand beside always"}},
	} {
		var got []string
		for _, e := range read(t, c.window).Check() {
			got = append(got, e.Field+": "+e.Message)
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %d wrong, want %d:\n%s", c.window, len(got), len(c.want), strings.Join(got, "\n"))
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], c.want[i]) {
				t.Errorf("%s: %q, want %q", c.window, got[i], c.want[i])
			}
		}
	}
}
