package tariff_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/tariff"
)

func TestParseClock(t *testing.T) {
	for in, want := range map[string]tariff.Clock{
		"00:00":    0,
		"00:00:01": 1,
		"06:00":    6 * 3600,
		"20:00":    20 * 3600,
		"20:00:30": 20*3600 + 30,
		"23:59":    24*3600 - 60,
		"23:59:59": 24*3600 - 1,
	} {
		if got, err := tariff.ParseClock(in); err != nil || got != want {
			t.Errorf("ParseClock(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	for in, says := range map[string]string{
		"":          "two digits",
		"9:00":      "two digits",
		"20:00:3":   "two digits",
		"8 PM":      "two digits",
		"20.00":     "colons",
		"20-00-00":  "colons",
		"20:00.00":  "colons",
		"24:00":     "midnight is 00:00",
		"24:00:00":  "midnight is 00:00",
		"25:00":     "hour is above 23",
		"20:60":     "minute is above 59",
		"20:00:60":  "second is above 59",
		"-1:00":     "hour is not a number",
		"+1:00":     "hour is not a number",
		"ab:cd":     "hour is not a number",
		"20:0x":     "minute is not a number",
		"20:00: 1":  "second is not a number",
		"20:00\x00": "two digits",
		"é0:00":     "two digits",
	} {
		got, err := tariff.ParseClock(in)
		if err == nil || got != tariff.Unset {
			t.Errorf("ParseClock(%q) = %s, %v; want an error and Unset", in, got, err)
			continue
		}
		if !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "20:00:30") {
			t.Errorf("ParseClock(%q): %q doesn't say %q and what to write", in, err, says)
		}
	}
	if _, err := tariff.ParseClock(strings.Repeat("9", 1<<20)); err == nil || len(err.Error()) > 300 {
		t.Error("a megabyte of digits isn't refused in one short line")
	}
}

func TestClockRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := tariff.Clock(rapid.IntRange(0, 86_399).Draw(t, "seconds"))
		if got, err := tariff.ParseClock(c.String()); err != nil || got != c {
			t.Fatalf("ParseClock(%q) = %d, %v; want %d", c.String(), got, err, c)
		}
		b, err := json.Marshal(c)
		if err != nil || string(b) != `"`+c.String()+`"` {
			t.Fatalf("Marshal(%s) = %s, %v", c, b, err)
		}
		var got tariff.Clock
		if err := json.Unmarshal(b, &got); err != nil || got != c {
			t.Fatalf("Unmarshal(%s) = %s, %v", b, got, err)
		}
	})
}

func TestClockOutsideOfADay(t *testing.T) {
	if got := tariff.Unset.String(); got != "unset" {
		t.Errorf("Unset is %q", got)
	}
	b, err := json.Marshal(tariff.Unset)
	if err != nil || string(b) != `""` {
		t.Errorf("Marshal(Unset) = %s, %v", b, err)
	}
	var c tariff.Clock
	if err := json.Unmarshal(b, &c); err != nil || c != tariff.Unset {
		t.Errorf("Unmarshal(%s) = %s, %v", b, c, err)
	}
	for _, c := range []tariff.Clock{-2, 86_400} {
		if b, err := json.Marshal(c); err == nil {
			t.Errorf("Marshal(Clock(%d)) = %s, want an error", int(c), b)
		}
	}
	for _, in := range []string{`"20"`, `2000`, `{}`, `"24:00"`} {
		c := tariff.Clock(7)
		if err := json.Unmarshal([]byte(in), &c); err == nil || c != 7 {
			t.Errorf("Unmarshal %s = %s, %v; want an error and nothing changed", in, c, err)
		}
	}
}
