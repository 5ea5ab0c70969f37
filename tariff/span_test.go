package tariff_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/tariff"
)

// instant reads "2026-11-22 20:00:00 -0800" or the same without a zone, in UTC.
func instant(t testing.TB, s string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at
		}
	}
	t.Fatalf("not an instant: %q", s)
	return time.Time{}
}

// An ordinary night and the nights on which the clocks change, in UTC and to
// the second.
func TestSwarmsNights(t *testing.T) {
	for _, c := range []struct {
		night                                    tariff.Night
		opens, earliest, start, deadline, closes string
		length                                   time.Duration
	}{
		{
			"2026-11-22", // winter: 9 PM Pacific is 05:00 UTC
			"2026-11-23 04:00:00", "2026-11-23 04:15:00", "2026-11-23 05:00:00", "2026-11-23 13:00:00", "2026-11-23 14:00:00", 10 * time.Hour,
		},
		{
			"2026-07-01", // summer: 9 PM Pacific is 04:00 UTC
			"2026-07-02 03:00:00", "2026-07-02 03:15:00", "2026-07-02 04:00:00", "2026-07-02 12:00:00", "2026-07-02 13:00:00", 10 * time.Hour,
		},
		{
			"2027-03-13", // summer time begins
			"2027-03-14 04:00:00", "2027-03-14 04:15:00", "2027-03-14 05:00:00", "2027-03-14 12:00:00", "2027-03-14 13:00:00", 9 * time.Hour,
		},
		{
			"2026-10-31", // summer time ends
			"2026-11-01 03:00:00", "2026-11-01 03:15:00", "2026-11-01 04:00:00", "2026-11-01 13:00:00", "2026-11-01 14:00:00", 11 * time.Hour,
		},
		{
			"2027-11-06",
			"2027-11-07 03:00:00", "2027-11-07 03:15:00", "2027-11-07 04:00:00", "2027-11-07 13:00:00", "2027-11-07 14:00:00", 11 * time.Hour,
		},
	} {
		want := tariff.Span{
			Night: c.night,
			Opens: instant(t, c.opens), Earliest: instant(t, c.earliest), StartAt: instant(t, c.start),
			Deadline: instant(t, c.deadline), Closes: instant(t, c.closes), Zone: "America/Los_Angeles",
		}
		got, err := tariff.SwarmsWindow().On(c.night)
		if err != nil {
			t.Errorf("%s: %v", c.night, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.night, diff)
		}
		if got.Length() != c.length {
			t.Errorf("%s is %s long, want %s", c.night, got.Length(), c.length)
		}
	}
}

func TestCheapAtTheEdges(t *testing.T) {
	w := tariff.SwarmsWindow()
	for at, want := range map[string]bool{
		"2026-11-22 19:59:59 -0800": false,
		"2026-11-22 20:00:00 -0800": true,
		"2026-11-23 00:00:00 -0800": true,
		"2026-11-23 05:59:59 -0800": true,
		"2026-11-23 06:00:00 -0800": false,
		"2026-11-23 12:00:00 -0800": false,
		"2026-07-01 20:00:00 -0700": true,
		"2026-07-01 19:59:59 -0700": false,
		"2026-07-02 06:00:00 -0700": false,
		"2027-03-14 05:59:59 -0700": true,  // the short night ends at 6 by the new clock
		"2027-03-14 05:00:00 -0800": false, // which is 6 AM already
		"2026-11-01 01:30:00 -0700": true,  // the repeated hour, first time
		"2026-11-01 01:30:00 -0800": true,  // and again
		"2026-11-01 05:30:00 -0800": true,
		"1969-07-20 19:59:59 -0700": false, // before 1970 days count backwards
		"1969-07-20 20:00:00 -0700": true,
	} {
		if got := w.Cheap(instant(t, at)); got != want {
			t.Errorf("Cheap(%s) = %v, want %v", at, got, want)
		}
		if _, got := w.Containing(instant(t, at)); got != want {
			t.Errorf("Containing(%s) is %v, want %v", at, got, want)
		}
	}
	last := instant(t, "2026-11-23 05:59:59 -0800").Add(time.Second - 1)
	if !w.Cheap(last) || w.Cheap(last.Add(1)) {
		t.Error("the last cheap nanosecond isn't the one before 06:00:00")
	}
	if (tariff.Window{Zone: "Mars/Olympus", Open: 1, Close: 2}).Cheap(last) || (tariff.Window{Zone: "UTC"}).Cheap(last) {
		t.Error("a window that isn't valid is cheap")
	}
}

func TestNightsThatAreNone(t *testing.T) {
	for _, c := range []struct {
		name, clocks string
		night, next  tariff.Night
		says         string
	}{
		{"skipped whole", "02:10 02:50", "2027-03-14", "2027-03-15", "skipped by a change of the clocks"},
		{"too short for its buffer", "01:50 03:02", "2027-03-14", "2027-03-15", "too short"},
		{"working hours skipped", "20:00 06:00 02:10 02:50", "2027-03-13", "2027-03-14", "too short"},
	} {
		w := window(t, pacific, c.clocks)
		if c.name == "too short for its buffer" {
			w.Buffer = 30 * time.Minute
		}
		if _, err := w.On(c.night); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: On = %v, want an error that says %q", c.name, err, c.says)
		}
		s, err := w.Next(instant(t, string(c.night)+" 00:00:00 -0800"))
		if err != nil || s.Night != c.next {
			t.Errorf("%s: Next is %s, %v; want %s", c.name, s.Night, err, c.next)
		}
	}
	for _, n := range []tariff.Night{"", "tonight", "2026-02-30", "2026-11-22T20:00:00Z", tariff.Night(strings.Repeat("9", 1<<20))} {
		if s, err := tariff.SwarmsWindow().On(n); err == nil || len(err.Error()) > 300 {
			t.Errorf("On(%.30q) = %+v, want a short error", n, s)
		}
	}
}

func TestWeekdays(t *testing.T) {
	w := tariff.SwarmsWindow()
	w.Weekdays = []time.Weekday{time.Friday, time.Sunday}
	if _, err := w.On("2026-11-21"); err == nil || !strings.Contains(err.Error(), "Saturday; its weekdays are fri, sun") {
		t.Errorf("On a Saturday: %v", err)
	}
	// Friday's night goes on into Saturday; Saturday evening is dear.
	for at, want := range map[string]bool{
		"2026-11-20 20:00:00 -0800": true,
		"2026-11-21 05:59:59 -0800": true,
		"2026-11-21 20:00:00 -0800": false,
		"2026-11-22 05:00:00 -0800": false,
		"2026-11-22 20:00:00 -0800": true,
		"2026-11-23 05:59:59 -0800": true,
		"2026-11-23 20:00:00 -0800": false,
	} {
		if got := w.Cheap(instant(t, at)); got != want {
			t.Errorf("Cheap(%s) = %v, want %v", at, got, want)
		}
	}
	at := instant(t, "2026-11-20 20:00:00 -0800") // the instant of an opening: the next one is strictly later
	for _, want := range []tariff.Night{"2026-11-22", "2026-11-27", "2026-11-29"} {
		s, err := w.Next(at)
		if err != nil || s.Night != want {
			t.Fatalf("Next(%s) is %s, %v; want %s", at, s.Night, err, want)
		}
		at = s.Opens
	}
	before := instant(t, "1969-12-27 12:00:00") // a Saturday
	if s, err := w.Next(before); err != nil || s.Night != "1969-12-28" {
		t.Errorf("Next(%s) is %s, %v", before, s.Night, err)
	}
}

func TestSpanTravelsAsJSON(t *testing.T) {
	s, err := tariff.SwarmsWindow().On("2026-10-31")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got tariff.Span
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("%s (-sent +received):\n%s", b, diff)
	}
	if !strings.Contains(string(b), `"start_at":"2026-10-31T21:00:00-07:00"`) {
		t.Errorf("%s: the start isn't readable as 9 PM Pacific", b)
	}
	if _, err := (tariff.Window{}).On("2026-11-22"); !errors.As(err, new(tariff.FieldError)) {
		t.Errorf("On of no window: %v", err)
	}
}

// Instants keep only their offset through JSON; the span keeps the zone.
func TestSpanKeepsItsZone(t *testing.T) {
	span, err := tariff.SwarmsWindow().On("2026-11-22")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(span)
	if err != nil {
		t.Fatal(err)
	}
	var got tariff.Span
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if s := got.Deadline.In(got.Location()).Format("15:04 MST"); s != "05:00 PST" {
		t.Errorf("the deadline reads %s", s)
	}
	if s := (tariff.Span{Opens: span.Opens}).Location(); s != span.Opens.Location() {
		t.Errorf("a span that names no zone is in %s", s)
	}
}
