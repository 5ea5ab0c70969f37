package wire

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Reference is the instant against which an answer's instants are read: its
// own Date header, so that a wrong clock on either side cancels out.
func Reference(h http.Header, now time.Time) time.Time {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t
	}
	return now
}

// Count reads a header's plain, non-negative whole number.
func Count(v string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	return n, err == nil && n >= 0
}

// RetryAfter reads seconds, a fraction of seconds, or an HTTP date
// relative to now. Anything else, negative values included, is ignored; what
// is above most is most; a date in the past is no wait.
func RetryAfter(v string, now time.Time, most time.Duration) (time.Duration, bool) {
	v = strings.TrimSpace(v)
	if whole, frac, _ := strings.Cut(v, "."); digits(whole) && (digits(frac) || whole == v) {
		sec, err := strconv.ParseUint(whole, 10, 64)
		if err != nil || sec >= uint64(most/time.Second) {
			return most, true
		}
		return time.Duration(sec)*time.Second + nanos(frac), true
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	return min(max(t.Sub(now), 0), most), true
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// nanos reads the digits behind a decimal point, rounding up.
func nanos(frac string) time.Duration {
	var n time.Duration
	for i := range 9 {
		n *= 10
		if i < len(frac) {
			n += time.Duration(frac[i] - '0')
		}
	}
	if len(frac) > 9 && strings.Trim(frac[9:], "0") != "" {
		n++
	}
	return n
}
