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

func clock(t testing.TB, s string) tariff.Clock {
	t.Helper()
	if s == "" {
		return tariff.Unset
	}
	c, err := tariff.ParseClock(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// window reads "open close [start_at [finish_by]]"; the margins that aren't
// there are unset, and so is the buffer.
func window(t testing.TB, zone, clocks string) tariff.Window {
	t.Helper()
	at := append(strings.Fields(clocks), "", "")
	return tariff.Window{
		Zone: zone,
		Open: clock(t, at[0]), Close: clock(t, at[1]),
		StartAt: clock(t, at[2]), FinishBy: clock(t, at[3]),
		Buffer: tariff.UnsetBuffer,
	}
}

const pacific = "America/Los_Angeles"

func TestFill(t *testing.T) {
	for _, c := range []struct {
		in, want string
		buffer   time.Duration
	}{
		{"20:00 06:00", "20:00 06:00 21:00 05:00", 15 * time.Minute},
		{"22:00 02:00", "22:00 02:00 23:00 01:00", 15 * time.Minute}, // four hours exactly
		{"23:30 06:00", "23:30 06:00 00:30 05:00", 15 * time.Minute}, // past midnight
		{"18:00 00:30", "18:00 00:30 19:00 23:30", 15 * time.Minute},
		{"22:00 01:59:59", "22:00 01:59:59 22:14:59 01:45", 14*time.Minute + 59*time.Second}, // 14,399 / 16 = 899.9
		{"01:00 02:00", "01:00 02:00 01:03:45 01:56:15", 3*time.Minute + 45*time.Second},
		{"12:00 12:00:16", "12:00 12:00:16 12:00:01 12:00:15", time.Second},
		{"12:00 12:00:15", "12:00 12:00:15 12:00 12:00:15", 0},
		{"12:00 12:00:01", "12:00 12:00:01 12:00 12:00:01", 0},
		{"20:00 06:00 20:30", "20:00 06:00 20:30 05:00", 15 * time.Minute}, // what was given stays
	} {
		want := window(t, pacific, c.want)
		want.Buffer = c.buffer
		got := window(t, pacific, c.in).Fill()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.in, diff)
		}
		if bad := got.Check(); bad != nil {
			t.Errorf("%s: filled but not valid: %v", c.in, bad)
		}
		if diff := cmp.Diff(got, got.Fill()); diff != "" {
			t.Errorf("%s: filling twice changes it:\n%s", c.in, diff)
		}
	}

	given := window(t, pacific, "01:00 03:00")
	given.Buffer = 10 * time.Minute
	want := window(t, pacific, "01:00 03:00 01:10 02:50")
	want.Buffer = given.Buffer
	if diff := cmp.Diff(want, given.Fill()); diff != "" {
		t.Errorf("a short window with a buffer of its own (-want +got):\n%s", diff)
	}

	if diff := cmp.Diff(tariff.SwarmsWindow(), window(t, pacific, "20:00 06:00").Fill()); diff != "" {
		t.Errorf("the defaults of 20:00 to 06:00 aren't the Swarms window (-want +got):\n%s", diff)
	}
}

func TestCheck(t *testing.T) {
	if bad := tariff.SwarmsWindow().Check(); bad != nil {
		t.Errorf("the built-in window: %v", bad)
	}
	for _, c := range []struct {
		name   string
		clocks string
		change func(*tariff.Window)
		want   string // fields in error, in order
		says   string
	}{
		{"zone misspelt", "20:00 06:00", func(w *tariff.Window) { w.Zone = "America/Los_Angelos" }, "zone", "IANA"},
		{"zone missing", "20:00 06:00", func(w *tariff.Window) { w.Zone = "" }, "zone", "IANA"},
		{"zone of the machine", "20:00 06:00", func(w *tariff.Window) { w.Zone = "Local" }, "zone", "IANA"},
		{"zone as a path", "20:00 06:00", func(w *tariff.Window) { w.Zone = "../../etc/passwd" }, "zone", "IANA"},
		{"no length", "20:00 20:00", nil, "close", "equal to open"},
		{"open missing", "20:00 06:00", func(w *tariff.Window) { w.Open = tariff.Unset }, "open", "missing"},
		{"nothing given", "20:00 06:00", func(w *tariff.Window) { w.Open, w.Close, w.Zone = tariff.Unset, tariff.Unset, "" }, "zone open close", "missing"},
		{"not a time", "20:00 06:00", func(w *tariff.Window) { w.StartAt, w.Close = 90_000, -7 }, "close start_at", "not a time of day"},
		{"buffer below zero", "20:00 06:00", func(w *tariff.Window) { w.Buffer = -time.Second }, "buffer", "below zero"},
		{"buffer is half of it", "20:00 06:00", func(w *tariff.Window) { w.Buffer = 5 * time.Hour }, "buffer", "10h0m0s"},
		{"buffer beyond reason", "20:00 06:00", func(w *tariff.Window) { w.Buffer = 1 << 62 }, "buffer", "twice the buffer"},
		{"buffer too large for a short one", "01:00 01:10", func(w *tariff.Window) { w.Buffer = time.Hour }, "buffer", "10m0s"},
		{"start by day", "20:00 06:00 12:00", nil, "start_at", "inside the window"},
		{"start at the close", "20:00 06:00 06:00", nil, "start_at", "inside the window"},
		{"finish by day", "20:00 06:00 21:00 07:00", nil, "finish_by", "inside the window"},
		{"finish at the opening", "20:00 06:00 21:00 20:00", nil, "finish_by", "after its opening"},
		{"both by day", "20:00 06:00 19:00 07:00", nil, "start_at finish_by", "inside the window"},
		{"start after finish", "20:00 06:00 04:00 23:00", nil, "start_at", "before finish_by 23:00"},
		{"start is finish", "20:00 06:00 01:00 01:00", nil, "start_at", "before finish_by"},
		{"start after the default finish", "20:00 06:00 05:30", nil, "start_at", "before finish_by 05:00"},
		{"start in the last buffer", "20:00 06:00 05:50 06:00", nil, "start_at", "nothing could end"},
		{"start as the last buffer begins", "20:00 06:00 05:45 06:00", nil, "start_at", "nothing could end"},
		{"finish as the first buffer ends", "20:00 06:00 20:00 20:15", nil, "finish_by", "nothing could start"},
		{"finish in the first buffer", "20:00 06:00 20:00 20:10", nil, "finish_by", "nothing could start"},
		{"weekdays", "20:00 06:00", func(w *tariff.Window) { w.Weekdays = []time.Weekday{1, 1, 7, -1} }, "weekdays weekdays weekdays", "named twice"},
		{"all at once", "20:00 20:00", func(w *tariff.Window) { w.Zone, w.Buffer, w.Weekdays = "Mars", -1, []time.Weekday{9} }, "zone weekdays close buffer", "Mars"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := window(t, pacific, c.clocks)
			if c.change != nil {
				c.change(&w)
			}
			var fields, lines []string
			for _, e := range w.Check() {
				fields, lines = append(fields, e.Field), append(lines, e.Error())
			}
			if got := strings.Join(fields, " "); got != c.want {
				t.Errorf("fields in error: %s, want %s\n%s", got, c.want, strings.Join(lines, "\n"))
			}
			if !strings.Contains(strings.Join(lines, "\n"), c.says) {
				t.Errorf("nothing says %q:\n%s", c.says, strings.Join(lines, "\n"))
			}
			// Nothing is decided from a window that isn't valid.
			now := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
			var field tariff.FieldError
			if s, err := w.On("2026-11-22"); !errors.As(err, &field) {
				t.Errorf("On = %+v, %v; want a FieldError", s, err)
			}
			if s, err := w.Next(now); !errors.As(err, &field) {
				t.Errorf("Next = %+v, %v; want a FieldError", s, err)
			}
			if s, err := w.Decide(now, 0); !errors.As(err, &field) {
				t.Errorf("Decide = %+v, %v; want a FieldError", s, err)
			}
			if s, ok := w.Containing(now); ok {
				t.Errorf("Containing = %+v", s)
			}
		})
	}
	for _, clocks := range []string{"20:00 06:00 20:00 06:00", "20:00 06:00 05:44:59 06:00", "20:00 06:00 20:00 20:15:01", "06:00 20:00", "00:00 23:59:59", "12:00 11:59:59", "00:00 06:00", "18:00 00:00"} {
		if bad := window(t, pacific, clocks).Check(); bad != nil {
			t.Errorf("%s: %v", clocks, bad)
		}
	}
}

func TestWindowTravelsAsJSON(t *testing.T) {
	w := tariff.SwarmsWindow()
	w.Weekdays = []time.Weekday{time.Monday, time.Sunday}
	const want = `{"zone":"America/Los_Angeles","open":"20:00","close":"06:00","start_at":"21:00","finish_by":"05:00","buffer":"15m0s","weekdays":["mon","sun"]}`
	b, err := json.Marshal(w)
	if err != nil || string(b) != want {
		t.Errorf("Marshal = %s, %v; want %s", b, err, want)
	}
	part := window(t, pacific, "00:00 06:00") // midnight was given, the rest wasn't
	for _, w := range []tariff.Window{w, part, {}, tariff.SwarmsWindow()} {
		b, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		var got tariff.Window
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("%s (-sent +received):\n%s", b, diff)
		}
	}

	for _, in := range []string{
		`{"open":"8pm"}`, `{"open":20}`, `{"buffer":"soon"}`, `{"buffer":15}`, `{"weekdays":["someday"]}`, `{"weekdays":"mon"}`, `[]`,
	} {
		got := tariff.SwarmsWindow()
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("Unmarshal %s = %+v, want an error", in, got)
		}
		if diff := cmp.Diff(tariff.SwarmsWindow(), got); diff != "" {
			t.Errorf("Unmarshal %s changed the window:\n%s", in, diff)
		}
	}
	if b, err := json.Marshal(tariff.Window{Weekdays: []time.Weekday{8}}); err == nil {
		t.Errorf("Marshal of an eighth weekday = %s, want an error", b)
	}
	var got tariff.Window
	if err := json.Unmarshal([]byte(`{"weekdays":["MON","Tue"]}`), &got); err != nil || len(got.Weekdays) != 2 {
		t.Errorf("weekdays in capitals: %v, %v", got.Weekdays, err)
	}
}
