package tariff

import (
	"fmt"
	"strconv"
)

// Clock is a time of day in seconds after midnight, written "20:00" or
// "20:00:30".
type Clock int

// Unset is a Clock that wasn't given: [Window.Fill] puts a default in its
// place. The zero Clock is midnight.
const Unset Clock = -1

const (
	minute Clock = 60
	hour         = 60 * minute
	day          = 24 * hour
)

// ParseClock reads "20:00" or "20:00:30", from 00:00 to 23:59:59, always with
// two digits: "9:00" may be a slip for 21:00, so it is refused.
func ParseClock(s string) (Clock, error) {
	bad := func(why string) (Clock, error) {
		return Unset, fmt.Errorf("read time of day %q: %s; write it as 20:00 or 20:00:30, from 00:00 to 23:59:59", clip(s), why)
	}
	if len(s) != len("20:00") && len(s) != len("20:00:30") {
		return bad("not two digits each for hours, minutes and perhaps seconds")
	}
	var c Clock
	for i, part := range []struct {
		name  string
		limit int
		unit  Clock
	}{{"hour", 23, hour}, {"minute", 59, minute}, {"second", 59, 1}} {
		at := i * 3
		if at > len(s) {
			break // no seconds
		}
		if i > 0 && s[at-1] != ':' {
			return bad("parts are separated by colons")
		}
		n, err := strconv.ParseUint(s[at:at+2], 10, 8) // takes no sign
		switch {
		case err != nil:
			return bad("the " + part.name + " is not a number")
		case s == "24:00" || s == "24:00:00":
			return bad("midnight is 00:00")
		case int(n) > part.limit:
			return bad(fmt.Sprintf("the %s is above %d", part.name, part.limit))
		}
		c += Clock(n) * part.unit
	}
	return c, nil
}

// String is the form that ParseClock reads, without seconds where there are
// none; "unset" for [Unset].
func (c Clock) String() string {
	switch {
	case c == Unset:
		return "unset"
	case !c.valid():
		return fmt.Sprintf("Clock(%d)", int(c))
	case c%minute == 0:
		return fmt.Sprintf("%02d:%02d", c/hour, c%hour/minute)
	}
	return fmt.Sprintf("%02d:%02d:%02d", c/hour, c%hour/minute, c%minute)
}

// MarshalText writes the form of String, which makes a Clock a string in JSON
// too; Unset is the empty text.
func (c Clock) MarshalText() ([]byte, error) {
	switch {
	case c == Unset:
		return nil, nil
	case !c.valid():
		return nil, fmt.Errorf("write time of day: %d seconds after midnight is not within a day", int(c))
	}
	return []byte(c.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (c *Clock) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*c = Unset
		return nil
	}
	v, err := ParseClock(string(b))
	if err != nil {
		return err
	}
	*c = v
	return nil
}

func (c Clock) valid() bool { return c >= 0 && c < day }

// after is how many seconds c comes after open, going forward along the clock
// and past midnight where needed: 0 to 86,399.
func (c Clock) after(open Clock) Clock { return (c - open + day) % day }

// clip keeps hostile input out of error messages.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
