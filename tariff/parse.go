package tariff

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ParseHours reads a window from a flag: "20:00-06:00@America/Los_Angeles",
// several intervals with commas between them, "always@UTC", or the JSON of a
// [Window]. In the short forms nothing is kept free at the edges: they are for
// trying things out. Seconds are allowed. The error says all that is wrong.
func ParseHours(s string) (Window, error) {
	w := unset
	if strings.HasPrefix(s, "{") {
		if err := json.Unmarshal([]byte(s), &w); err != nil {
			return unset, err
		}
		return w, w.invalid()
	}
	hours, zone, ok := strings.Cut(s, "@")
	if !ok || hours == "" {
		return unset, errors.New("not OPEN-CLOSE@ZONE")
	}
	if hours == "always" {
		w = AlwaysOpen(zone)
		return w, w.invalid()
	}
	w.Zone, w.Buffer = zone, 0
	var errs []error
	for text := range strings.SplitSeq(hours, ",") {
		open, shut, both := strings.Cut(strings.TrimSpace(text), "-")
		if !both {
			return unset, errors.New("not OPEN-CLOSE@ZONE")
		}
		var i Interval
		for _, c := range []struct {
			text string
			to   *Clock
		}{{open, &i.Open}, {shut, &i.Close}} {
			v, err := ParseClock(c.text)
			if errs = append(errs, err); err == nil {
				*c.to = v
			}
		}
		w.Intervals = append(w.Intervals, i)
	}
	if err := errors.Join(errs...); err != nil {
		return unset, err
	}
	if w = w.simple(); len(w.Intervals) == 0 {
		w.StartAt, w.FinishBy = w.Open, w.Close
	}
	return w, w.invalid()
}

// invalid is Check as one error; nil when nothing is wrong.
func (w Window) invalid() error {
	var errs []error
	for _, e := range w.Check() {
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// Hours are the cheap hours of the night for people, in its zone: "20:00 PST to
// 06:00 PST", and of several stretches "00:00 to 06:00 and 12:00 to 14:00 PST".
func (s Span) Hours() string {
	loc := s.Location()
	if len(s.Pieces) == 0 {
		return clockText(s.Opens.In(loc)) + " to " + clockText(s.Closes.In(loc))
	}
	all := make([]string, len(s.Pieces))
	for i, p := range s.Pieces {
		all[i] = fmt.Sprintf("%s to %s", bareClock(p.Opens.In(loc)), bareClock(p.Closes.In(loc)))
	}
	return strings.Join(all, " and ") + " " + s.Opens.In(loc).Format("MST")
}
