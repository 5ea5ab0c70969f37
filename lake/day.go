package lake

import (
	"fmt"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/tariff"
)

// Zone is where a day of the lake begins and ends: the provider's night price
// goes by this clock, and so does whoever adds up a day of it.
const Zone = "America/Los_Angeles"

// Unknown is the day of rows that say no time.
const Unknown = "unknown"

// layouts are the forms in which databases and Python print a time; one
// without a zone is UTC, as the provider's servers are.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07",
	"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999",
}

// Time reads a row's created_at, to the microsecond; zero when it can't be read.
func Time(createdAt string) time.Time {
	for _, l := range layouts {
		if t, err := time.Parse(l, createdAt); err == nil && t.Year() >= 2000 && t.Year() < 2200 {
			return t.UTC().Truncate(time.Microsecond)
		}
	}
	return time.Time{}
}

// calendar tells days.
type calendar struct{ zone *time.Location }

func newCalendar() (calendar, error) {
	zone, err := tariff.Location(Zone)
	return calendar{zone}, err
}

// day is the day of an instant, "2026-11-21".
func (c calendar) day(t time.Time) string {
	if t.IsZero() {
		return Unknown
	}
	return t.In(c.zone).Format(time.DateOnly)
}

// bounds are a day's first instant and that of the next one; on the days of a
// clock change they are 23 or 25 hours apart.
func (c calendar) bounds(day string) (from, to time.Time) {
	d, err := time.ParseInLocation(time.DateOnly, day, c.zone)
	if err != nil {
		return time.Time{}, time.Time{}
	}
	return d, time.Date(d.Year(), d.Month(), d.Day()+1, 0, 0, 0, 0, c.zone)
}

// beside are the days before and after one.
func beside(day string) []string {
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return nil
	}
	return []string{d.AddDate(0, 0, -1).Format(time.DateOnly), d.AddDate(0, 0, 1).Format(time.DateOnly)}
}

// Days are the days that are asked for: all from From to To, both included;
// empty means without a bound.
type Days struct{ From, To string }

// Check says what is wrong with them.
func (d Days) Check() error {
	for _, day := range []string{d.From, d.To} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return &batch.Fault{
				Kind: batch.BadInput, Op: "read days", Thing: day, Detail: "it is no day", Moved: batch.MovedNo,
				Hint: "write a date in Los Angeles, such as 2026-11-21",
			}
		}
	}
	if d.From != "" && d.To != "" && d.From > d.To {
		return &batch.Fault{
			Kind: batch.BadInput, Op: "read days", Thing: d.From, Moved: batch.MovedNo,
			Detail: fmt.Sprintf("it comes after %s", d.To), Hint: "the first day comes first",
		}
	}
	return nil
}

// has says whether a day is among them. Rows of an unknown day belong to any
// export that isn't bounded at its beginning.
func (d Days) has(day string) bool {
	if day == Unknown {
		return d.From == ""
	}
	return day >= d.From && (d.To == "" || day <= d.To)
}
