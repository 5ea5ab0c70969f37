package tariff

import (
	"fmt"
	"sync"
	"time"

	_ "time/tzdata" // no zone is ever missing, whatever the machine has installed
)

// locations remembers zones that were loaded, because loading one parses a
// file. Only names that exist are kept, so it can't grow without bound.
var locations sync.Map // string -> *time.Location

// location loads an IANA zone. "" and "Local", which time.LoadLocation takes,
// are refused: the first is a forgotten setting and the second means something
// else on every machine.
func location(name string) (*time.Location, error) {
	if l, ok := locations.Load(name); ok {
		return l.(*time.Location), nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("no time zone named")
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	locations.Store(name, l)
	return l, nil
}

// Location is an IANA zone by its name, for those who count by the calendar
// themselves. "" and "Local" are errors.
func Location(name string) (*time.Location, error) { return location(name) }

// Days are counted from 1970-01-01, a Thursday, in the window's own zone.
const secondsPerDay = int64(day)

const dateLayout = "2006-01-02"

func nightOf(d int64) Night {
	return Night(time.Unix(d*secondsPerDay, 0).UTC().Format(dateLayout))
}

func (n Night) day() (int64, error) {
	t, err := time.Parse(dateLayout, string(n))
	if err != nil {
		return 0, fmt.Errorf("read night %q: not a date; write it as 2026-11-22", clip(string(n)))
	}
	return floorDiv(t.Unix(), secondsPerDay), nil
}

func weekdayOf(d int64) time.Weekday {
	return time.Weekday(d + int64(time.Thursday) - 7*floorDiv(d+int64(time.Thursday), 7))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
