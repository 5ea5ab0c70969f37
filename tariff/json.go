package tariff

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/offpeak/offpeak/money"
)

// wire is a Window in JSON, as it travels in Temporal payloads:
//
//	{"zone": "America/Los_Angeles", "open": "20:00", "close": "06:00",
//	 "start_at": "21:00", "finish_by": "05:00", "buffer": "15m0s",
//	 "weekdays": ["mon", "tue"]}
//
//	{"zone": "Asia/Shanghai", "intervals": [{"open": "00:00", "close": "06:00"},
//	 {"open": "12:00", "close": "14:00", "weekdays": ["sat", "sun"]}]}
//	{"zone": "UTC", "always": true, "multiplier": "1"}
//
// What isn't there wasn't given: it is neither midnight nor a buffer of zero.
type wire struct {
	Zone     string   `json:"zone"`
	Open     *Clock   `json:"open,omitempty"`
	Close    *Clock   `json:"close,omitempty"`
	StartAt  *Clock   `json:"start_at,omitempty"`
	FinishBy *Clock   `json:"finish_by,omitempty"`
	Buffer   *string  `json:"buffer,omitempty"`
	Weekdays []string `json:"weekdays,omitempty"`

	Intervals  []Interval  `json:"intervals,omitempty"`
	Always     bool        `json:"always,omitempty"`
	Multiplier money.Ratio `json:"multiplier,omitempty"`
}

// MarshalJSON writes the form above; fields that are unset are left out.
func (w Window) MarshalJSON() ([]byte, error) {
	v := wire{
		Zone: w.Zone,
		Open: given(w.Open), Close: given(w.Close),
		StartAt: given(w.StartAt), FinishBy: given(w.FinishBy),
		Intervals: w.Intervals, Always: w.Always, Multiplier: w.Multiplier,
	}
	if w.Buffer != UnsetBuffer {
		s := w.Buffer.String()
		v.Buffer = &s
	}
	var err error
	if v.Weekdays, err = dayNames(w.Weekdays); err != nil {
		return nil, fmt.Errorf("write window: %w", err)
	}
	return json.Marshal(v)
}

// UnmarshalJSON reads the form above. It checks each field by itself; whether
// they make a window together is [Window.Check]'s to say.
func (w *Window) UnmarshalJSON(b []byte) error {
	var v wire
	if err := json.Unmarshal(b, &v); err != nil {
		return fmt.Errorf("read window: %w", err)
	}
	r := Window{
		Zone: v.Zone,
		Open: or(v.Open), Close: or(v.Close),
		StartAt: or(v.StartAt), FinishBy: or(v.FinishBy),
		Buffer:    UnsetBuffer,
		Intervals: v.Intervals, Always: v.Always, Multiplier: v.Multiplier,
	}
	if v.Buffer != nil {
		d, err := time.ParseDuration(*v.Buffer)
		if err != nil {
			return fmt.Errorf("read window: buffer %q is not a duration; write it as 15m or 1h30m", clip(*v.Buffer))
		}
		r.Buffer = d
	}
	var err error
	if r.Weekdays, err = parseDays(v.Weekdays); err != nil {
		return fmt.Errorf("read window: %w", err)
	}
	*w = r
	return nil
}

// wireInterval is an Interval in JSON.
type wireInterval struct {
	Open     *Clock   `json:"open,omitempty"`
	Close    *Clock   `json:"close,omitempty"`
	Weekdays []string `json:"weekdays,omitempty"`
}

// MarshalJSON writes an interval as a window has it.
func (i Interval) MarshalJSON() ([]byte, error) {
	days, err := dayNames(i.Weekdays)
	if err != nil {
		return nil, fmt.Errorf("write interval: %w", err)
	}
	return json.Marshal(wireInterval{given(i.Open), given(i.Close), days})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (i *Interval) UnmarshalJSON(b []byte) error {
	var v wireInterval
	if err := json.Unmarshal(b, &v); err != nil {
		return fmt.Errorf("read interval: %w", err)
	}
	days, err := parseDays(v.Weekdays)
	if err != nil {
		return fmt.Errorf("read interval: %w", err)
	}
	*i = Interval{or(v.Open), or(v.Close), days}
	return nil
}

// given and or are an unset clock in JSON, which isn't there.
func given(c Clock) *Clock {
	if c == Unset {
		return nil
	}
	return &c
}

func or(c *Clock) Clock {
	if c == nil {
		return Unset
	}
	return *c
}

func dayNames(days []time.Weekday) ([]string, error) {
	var out []string
	for _, d := range days {
		if d < time.Sunday || d > time.Saturday {
			return nil, fmt.Errorf("weekday %d is not a day of the week", int(d))
		}
		out = append(out, weekdayName(d))
	}
	return out, nil
}

func parseDays(names []string) ([]time.Weekday, error) {
	var out []time.Weekday
	for _, s := range names {
		d, err := ParseWeekday(s)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// ParseWeekday reads "mon", "tue" and so on, in any case.
func ParseWeekday(s string) (time.Weekday, error) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(s, weekdayName(d)) {
			return d, nil
		}
	}
	return 0, fmt.Errorf("read weekday %q: not one of mon, tue, wed, thu, fri, sat, sun", clip(s))
}

// weekdayName is "mon", as in JSON.
func weekdayName(d time.Weekday) string { return strings.ToLower(d.String()[:3]) }
