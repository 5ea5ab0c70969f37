package tariff_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/tariff"
)

// Asked when, starts when, to the second; the slowest job takes 600 s.
func TestDecide(t *testing.T) {
	const slow = 600 * time.Second
	for _, c := range []struct {
		asked, at string
		night     tariff.Night
		reason    string
	}{
		// An ordinary night.
		{"2026-11-22 10:00:00 -0800", "2026-11-22 21:00:00 -0800", "2026-11-22", "asked for at 10:00 PST; waits for 21:00 PST (05:00 UTC)"},
		{"2026-11-22 19:59:59 -0800", "2026-11-22 21:00:00 -0800", "2026-11-22", "asked for at 19:59:59 PST; waits for 21:00 PST (05:00 UTC)"},
		{"2026-11-22 20:00:00 -0800", "2026-11-22 20:15:00 -0800", "2026-11-22", "asked for at 20:00 PST, within 15m0s of the opening; starts at 20:15 PST (04:15 UTC)"},
		{"2026-11-22 20:05:00 -0800", "2026-11-22 20:15:00 -0800", "2026-11-22", ""},
		{"2026-11-22 20:14:59 -0800", "2026-11-22 20:15:00 -0800", "2026-11-22", ""},
		{"2026-11-22 20:15:00 -0800", "2026-11-22 20:15:00 -0800", "2026-11-22", "asked for at 20:15 PST, inside the window; starts at once"},
		{"2026-11-22 20:30:00 -0800", "2026-11-22 20:30:00 -0800", "2026-11-22", ""},
		{"2026-11-22 23:00:00 -0800", "2026-11-22 23:00:00 -0800", "2026-11-22", ""},
		{"2026-11-23 04:50:00 -0800", "2026-11-23 04:50:00 -0800", "2026-11-22", ""},
		{"2026-11-23 04:50:01 -0800", "2026-11-23 21:00:00 -0800", "2026-11-23", "asked for at 04:50:01 PST, too late for a job of 10m0s to end by 05:00 PST; waits for 21:00 PST (05:00 UTC)"},
		{"2026-11-23 04:55:00 -0800", "2026-11-23 21:00:00 -0800", "2026-11-23", ""},
		{"2026-11-23 05:30:00 -0800", "2026-11-23 21:00:00 -0800", "2026-11-23", ""},
		{"2026-11-23 06:00:00 -0800", "2026-11-23 21:00:00 -0800", "2026-11-23", ""},
		{"2026-07-01 19:00:00 -0700", "2026-07-02 04:00:00 +0000", "2026-07-01", "asked for at 19:00 PDT; waits for 21:00 PDT (04:00 UTC)"},
		// 9 hours: 2027-03-13.
		{"2027-03-13 19:59:59 -0800", "2027-03-13 21:00:00 -0800", "2027-03-13", ""},
		{"2027-03-14 01:59:59 -0800", "2027-03-14 01:59:59 -0800", "2027-03-13", ""},
		{"2027-03-14 03:00:00 -0700", "2027-03-14 03:00:00 -0700", "2027-03-13", ""},
		{"2027-03-14 04:50:00 -0700", "2027-03-14 04:50:00 -0700", "2027-03-13", ""},
		{"2027-03-14 04:50:01 -0700", "2027-03-14 21:00:00 -0700", "2027-03-14", ""},
		{"2027-03-14 04:00:00 -0800", "2027-03-14 21:00:00 -0700", "2027-03-14", "asked for at 05:00 PDT, too late for a job of 10m0s to end by 05:00 PDT; waits for 21:00 PDT (04:00 UTC)"},
		// 11 hours: 2026-10-31 and 2027-11-06.
		{"2026-10-31 12:00:00 -0700", "2026-10-31 21:00:00 -0700", "2026-10-31", ""},
		{"2026-11-01 01:30:00 -0700", "2026-11-01 01:30:00 -0700", "2026-10-31", "asked for at 01:30 PDT, inside the window; starts at once"},
		{"2026-11-01 01:30:00 -0800", "2026-11-01 01:30:00 -0800", "2026-10-31", "asked for at 01:30 PST, inside the window; starts at once"},
		{"2026-11-01 04:50:00 -0800", "2026-11-01 04:50:00 -0800", "2026-10-31", ""},
		{"2026-11-01 04:50:01 -0800", "2026-11-01 21:00:00 -0800", "2026-11-01", ""},
		{"2027-11-06 20:00:00 -0700", "2027-11-06 20:15:00 -0700", "2027-11-06", ""},
		{"2027-11-07 04:50:00 -0800", "2027-11-07 04:50:00 -0800", "2027-11-06", ""},
		{"2027-11-07 04:50:01 -0800", "2027-11-07 21:00:00 -0800", "2027-11-07", ""},
	} {
		got, err := tariff.SwarmsWindow().Decide(instant(t, c.asked), slow)
		if err != nil {
			t.Errorf("asked %s: %v", c.asked, err)
			continue
		}
		if !got.At.Equal(instant(t, c.at)) || got.Span.Night != c.night {
			t.Errorf("asked %s: starts %s in the night of %s, want %s in %s", c.asked, got.At, got.Span.Night, c.at, c.night)
		}
		if c.reason != "" && got.Reason != c.reason {
			t.Errorf("asked %s:\n got %s\nwant %s", c.asked, got.Reason, c.reason)
		}
		if strings.Contains(got.Reason, "\n") || !strings.HasPrefix(got.Reason, "asked for at ") {
			t.Errorf("asked %s: reason %q isn't one line", c.asked, got.Reason)
		}
	}
}

// How much of the night is left to work in: 8 hours, 7 in spring, 9 in autumn.
func TestDecideAgainstTheRealLength(t *testing.T) {
	for _, c := range []struct {
		asked string
		slow  time.Duration
		night tariff.Night
	}{
		{"2026-11-22 12:00:00 -0800", 8 * time.Hour, "2026-11-22"},
		{"2027-03-13 12:00:00 -0800", 7 * time.Hour, "2027-03-13"},
		{"2027-03-13 12:00:00 -0800", 7*time.Hour + 1, "2027-03-14"}, // a nanosecond too long for the short night
		{"2026-10-31 12:00:00 -0700", 9 * time.Hour, "2026-10-31"},
		{"2027-11-06 12:00:00 -0700", 9 * time.Hour, "2027-11-06"},
	} {
		got, err := tariff.SwarmsWindow().Decide(instant(t, c.asked), c.slow)
		if err != nil || got.Span.Night != c.night {
			t.Errorf("asked %s with %s: night %s, %v; want %s", c.asked, c.slow, got.Span.Night, err, c.night)
		}
	}
}

func TestDecideRefuses(t *testing.T) {
	asked := instant(t, "2026-11-22 12:00:00 -0800")
	for slow, says := range map[time.Duration][]string{
		8*time.Hour + time.Second: {"8h0m1s", "has 8h0m0s", "start_at 21:00", "finish_by 05:00", "15m0s", "request timeout"},
		1<<63 - 1:                 {"has 8h0m0s"},
	} {
		got, err := tariff.SwarmsWindow().Decide(asked, slow)
		if !errors.Is(err, tariff.ErrTooSlow) || !reflect.DeepEqual(got, tariff.Start{}) {
			t.Errorf("Decide with %s = %+v, %v; want ErrTooSlow", slow, got, err)
			continue
		}
		for _, s := range says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%q doesn't say %q", err, s)
			}
		}
	}
	if got, err := tariff.SwarmsWindow().Decide(asked, -1); err == nil || errors.Is(err, tariff.ErrTooSlow) {
		t.Errorf("Decide with less than no time = %+v, %v", got, err)
	}
}

// A long wait names the day, and an instant is the same whatever zone it comes in.
func TestDecideReason(t *testing.T) {
	w := tariff.SwarmsWindow()
	w.Weekdays = []time.Weekday{time.Friday}
	asked := instant(t, "2026-11-22 18:00:00")
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("odd", 12345)} {
		got, err := w.Decide(asked.In(zone), time.Minute)
		if want := "asked for at 10:00 PST; waits for Fri 2026-11-27 21:00 PST (05:00 UTC)"; err != nil || got.Reason != want {
			t.Errorf("asked in %s: %q, %v; want %q", zone, got.Reason, err, want)
		}
	}
	got, err := window(t, "UTC", "20:00 06:00").Decide(asked, time.Minute)
	if want := "asked for at 18:00 UTC; waits for 21:00 UTC"; err != nil || got.Reason != want {
		t.Errorf("%q, %v; want %q", got.Reason, err, want)
	}
}

func ExampleWindow_Decide() {
	w := tariff.SwarmsWindow()
	for _, asked := range []string{"2026-11-22T10:00:00-08:00", "2026-11-22T20:05:00-08:00", "2026-11-22T23:00:00-08:00", "2026-11-23T05:30:00-08:00"} {
		at, err := time.Parse(time.RFC3339, asked)
		if err != nil {
			panic(err)
		}
		start, err := w.Decide(at, 600*time.Second)
		if err != nil {
			panic(err)
		}
		fmt.Println(start.Reason)
	}
	// Output:
	// asked for at 10:00 PST; waits for 21:00 PST (05:00 UTC)
	// asked for at 20:05 PST, within 15m0s of the opening; starts at 20:15 PST (04:15 UTC)
	// asked for at 23:00 PST, inside the window; starts at once
	// asked for at 05:30 PST, too late for a job of 10m0s to end by 05:00 PST; waits for 21:00 PST (05:00 UTC)
}
