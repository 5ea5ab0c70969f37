package watch

import (
	"time"

	"github.com/offpeak/offpeak/tariff"
)

// Zone is where days begin and end: that of the provider's price window.
func Zone() *time.Location {
	loc, err := tariff.Location(tariff.SwarmsWindow().Zone)
	if err != nil {
		return time.UTC // can't be: the zone database is in the binary
	}
	return loc
}

// DayOf is the calendar day of an instant, "2026-11-21".
func DayOf(t time.Time, zone *time.Location) string { return t.In(zone).Format(time.DateOnly) }

// Bounds are a day's first instant and that of the next day: 23, 24 or 25
// hours apart. ok is false for what is no date.
func Bounds(day string, zone *time.Location) (from, to time.Time, ok bool) {
	from, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return from, to, false
	}
	return from, time.Date(from.Year(), from.Month(), from.Day()+1, 0, 0, 0, 0, zone), true
}

// Shift is the date so many days later; what is no date stays as it is.
func Shift(day string, days int) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return t.AddDate(0, 0, days).Format(time.DateOnly)
}

// Dates are all dates from one to another, both included.
func Dates(from, to string) []string {
	var out []string
	for d := from; d <= to; d = Shift(d, 1) {
		out = append(out, d)
		if next := Shift(d, 1); next <= d {
			break
		}
	}
	return out
}
