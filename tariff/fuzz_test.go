package tariff

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// FuzzClock: a time of day is one form or an error.
func FuzzClock(f *testing.F) {
	for _, s := range []string{"20:00", "20:00:30", "24:00", "9:00", "-1:00", "+1:00", "20:0\xff", "20:00:", "99:99:99", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseClock(s)
		if err != nil {
			if c != Unset || len(err.Error()) > 400 {
				t.Errorf("%.100q: %d, %v", s, c, err)
			}
			return
		}
		again, err := ParseClock(c.String())
		if err != nil || again != c || !c.valid() || (s != c.String() && s != c.String()+":00") {
			t.Errorf("%q is %s, which is %s again: %v", s, c, again, err)
		}
	})
}

// FuzzWindow: a window that travelled is the same one, and one that passes its
// check has nights that open before they close.
func FuzzWindow(f *testing.F) {
	for _, s := range []string{
		`{"zone":"America/Los_Angeles","open":"20:00","close":"06:00","start_at":"21:00","finish_by":"05:00","buffer":"15m0s","weekdays":["mon","TUE"]}`,
		`{"zone":"Local"}`, `{"zone":"../etc/passwd","open":"00:00","close":"00:00"}`, `{"buffer":"-1ns"}`, `{"buffer":"9223372036854775807ns"}`, `{"weekdays":["x"]}`,
		`{"zone":"Africa/Casablanca","open":"02:30","close":"02:31"}`, `{}`, `[]`, `{"open":null,"close":""}`,
	} {
		f.Add([]byte(s), int64(1_795_323_600))
	}
	f.Fuzz(func(t *testing.T, b []byte, at int64) {
		var w Window
		if json.Unmarshal(b, &w) != nil {
			return
		}
		text, err := json.Marshal(w)
		if err != nil {
			t.Fatalf("%q can be read and not written: %v", b, err)
		}
		var again Window
		if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(w, again) {
			t.Errorf("%s: %+v becomes %+v: %v", text, w, again, err)
		}
		if w = w.Fill(); w.Check() != nil {
			return
		}
		span, err := w.Next(time.Unix(at%(1<<32), 0))
		if err != nil {
			return // no night within reach: a window of no weekday that comes
		}
		if !span.Opens.Before(span.Closes) || span.Deadline.After(span.Closes) || span.StartAt.Before(span.Opens) {
			t.Errorf("%s: %+v", text, span)
		}
	})
}
