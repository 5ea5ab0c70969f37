package swarms

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
	"pgregory.net/rapid"
)

func TestLimitHeaders(t *testing.T) {
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	minute := provider.Window{Name: "minute", Span: time.Minute, Limit: 100, Remaining: 58}
	day := provider.Window{Name: "day", Span: 24 * time.Hour, Limit: 1200, Remaining: 0}
	reset := minute
	reset.Reset = now.Add(30 * time.Second)
	for _, tc := range []struct {
		name string
		head map[string]string
		want provider.Limits
	}{
		{"none", nil, provider.Limits{}},
		{
			"all",
			map[string]string{
				"X-RateLimit-Limit-Minute": "100", "X-RateLimit-Remaining-Minute": "58",
				"X-RateLimit-Limit-Day": "1200", "X-RateLimit-Remaining-Day": "0",
				"X-RateLimit-Reset": "1795323630", "X-RateLimit-Tier": "free",
			},
			provider.Limits{Tier: "free", Windows: []provider.Window{reset, day}},
		},
		{"half a window", map[string]string{"X-RateLimit-Limit-Minute": "100", "X-RateLimit-Remaining-Day": "7"}, provider.Limits{}},
		{"garbage", map[string]string{"X-RateLimit-Limit-Minute": "many", "X-RateLimit-Remaining-Minute": "-1", "X-RateLimit-Reset": "x"}, provider.Limits{}},
		{"unlimited", map[string]string{"X-RateLimit-Limit-Minute": "0", "X-RateLimit-Remaining-Minute": "0"}, provider.Limits{}},
		{
			"past reset",
			map[string]string{"X-RateLimit-Limit-Minute": "100", "X-RateLimit-Remaining-Minute": "58", "X-RateLimit-Reset": "1"},
			provider.Limits{Windows: []provider.Window{minute}},
		},
		{"retry", map[string]string{"Retry-After": " 42 "}, provider.Limits{RetryAfter: 42 * time.Second, HasRetry: true}},
		{"retry at once", map[string]string{"Retry-After": "0"}, provider.Limits{HasRetry: true}},
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			for k, v := range tc.head {
				w.Header().Set(k, v)
			}
			jsonAnswer(`{"total_credits":1}`)(w, r)
		})
		c.now = func() time.Time { return now }
		_, rec, err := c.Credits(t.Context())
		if err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(tc.want, rec.Limits); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
		if v := rec.Header.Get("Content-Type"); v != "application/json" {
			t.Errorf("content type %q", v)
		}
	}
}

// Told twice, the longer wait counts.
func TestRetryAfterTwice(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Retry-After"] = []string{"3", "x", "9", "5"}
		answer(503, "text/plain", "")(w, r)
	})
	if _, _, f := complete(t, c); f.After != 9*time.Second {
		t.Errorf("after %s", f.After)
	}
}

func TestRetryAfterForms(t *testing.T) {
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"0": 0, "42": 42 * time.Second, "007": 7 * time.Second, "1.5": 1500 * time.Millisecond, "0.000000001": 1,
		"0.0000000001": 1, // rounded up: waiting too little is a second refusal
		"86399":        86399 * time.Second, "86400": maxWait, "86400.5": maxWait, "99999999999999999999999": maxWait,
		"Sun, 22 Nov 2026 05:01:00 GMT":  time.Minute,
		"Sunday, 22-Nov-26 05:01:00 GMT": time.Minute,
		"Sun Nov 22 05:01:00 2026":       time.Minute,
		"Sun, 22 Nov 2026 04:01:00 GMT":  0,
		"Sun, 22 Nov 2099 04:01:00 GMT":  maxWait,
		"Mon, 23 Nov 2026 04:59:59 GMT":  maxWait - time.Second,
		"":                               -1, "-1": -1, "+5": -1, "1e3": -1, "5s": -1, ".5": -1, "5.": -1, "1.2.3": -1, "0x10": -1, "NaN": -1, "٣": -1, "4 2": -1, "42, 42": -1,
	} {
		got, ok := wire.RetryAfter(v, now, maxWait)
		if ok != (want >= 0) || (ok && got != want) {
			t.Errorf("%q is %s, %t; want %s", v, got, ok, want)
		}
	}
}

func TestExceededWindows(t *testing.T) {
	for text, want := range map[string][]string{
		"Rate limit exceeded for minute window(s). Upgrade to Premium (2,000/min, 10,000/hour, 100,000/day)": {"minute"},
		"Rate limit exceeded for minute, hour window(s).":                                                    {"minute", "hour"},
		"rate limit exceeded for Hour and Day windows":                                                       {"hour", "day"},
		"Rate limit exceeded for day window":                                                                 {"day"},
		"Rate limit exceeded. Please try again later.":                                                       nil,
		"limits (2,000/min, 10,000/hour)":                                                                    nil,
	} {
		if d := cmp.Diff(want, exceeded(text)); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

// Whatever a server says, the wait of a 429 is above zero and at most a day.
func TestWaitIsBounded(t *testing.T) {
	c := connect(t, Options{})
	rapid.Check(t, func(t *rapid.T) {
		h := http.Header{}
		for _, name := range []string{"Retry-After", "X-RateLimit-Reset", "Date"} {
			if v := rapid.OneOf(rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{0,12})?`), rapid.String(), rapid.Just("Sun, 22 Nov 2026 05:01:00 GMT")).Draw(t, name); v != "" {
				h.Set(name, v)
			}
		}
		rec := provider.Receipt{SentAt: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "now"), 0)}
		rec.Limits = c.limits(h, rec.SentAt)
		if d := c.wait(h, rec); d <= 0 || d > maxWait {
			t.Fatalf("%v: wait of %s", h, d)
		}
	})
}
