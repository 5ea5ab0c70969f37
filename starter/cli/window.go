package cli

import (
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/tariff"
)

// parseWindow reads "20:00-06:00@America/Los_Angeles": a window without
// margins, to try things out.
func parseWindow(s string) (tariff.Window, error) {
	w, err := tariff.ParseHours(s)
	if err != nil {
		return w, &batch.Fault{
			Kind: batch.BadInput, Op: "read --window", Thing: s, Detail: err.Error(),
			Hint: `write it as --window "20:00-06:00@America/Los_Angeles", with seconds where they matter and commas between several; or "always@UTC"`,
		}
	}
	return w, nil
}

// moments is an instant for people wherever they are: "Sun 2026-11-22 21:00 PST
// = 05:00 UTC = 06:00 CET (your time)".
func (a *app) moments(t time.Time) string {
	s := t.Format("Mon 2006-01-02 15:04:05 MST")
	if t.Second() == 0 {
		s = t.Format("Mon 2006-01-02 15:04 MST")
	}
	_, offset := t.Zone()
	if offset != 0 {
		s += " = " + beside(t, t.UTC())
	}
	local := t.In(a.Local)
	if _, here := local.Zone(); here != offset && here != 0 {
		s += " = " + beside(t, local) + " (your time)"
	}
	return s
}

// clock is "21:00 PST", with seconds where there are some.
func clock(t time.Time) string { return beside(t, t) }

// beside is t's time of day in another zone, with the weekday where it differs.
func beside(t, other time.Time) string {
	layout := "15:04 MST"
	if t.Second() != 0 {
		layout = "15:04:05 MST"
	}
	if other.Weekday() != t.Weekday() {
		layout = "Mon " + layout
	}
	return other.Format(layout)
}

// hours is a span in one line.
func hours(s tariff.Span) string {
	at := s.Location()                                              // instants keep only their offset on the way here
	if len(s.Pieces) == 0 && s.Closes.Sub(s.Opens) > 20*time.Hour { // as good as a day: both have the same time of day
		return s.Opens.In(at).Format("Mon 15:04 MST") + " to " + s.Closes.In(at).Format("Mon 15:04 MST")
	}
	return s.Hours() + ", last job ends by " + clock(s.Deadline.In(at))
}

// lasting is a duration for people: "10 h 58 min", "4 min 5 s", "12 s".
func lasting(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second
	var parts []string
	if h > 0 {
		parts = append(parts, itoa(int64(h))+" h")
	}
	if m > 0 {
		parts = append(parts, itoa(int64(m))+" min")
	}
	if h == 0 && (s > 0 || m == 0) {
		parts = append(parts, itoa(int64(s))+" s")
	}
	return strings.Join(parts, " ")
}
