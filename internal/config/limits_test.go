package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
)

func TestLimits(t *testing.T) {
	for text, want := range map[string][]config.Limit{
		"":                 nil,
		"1/2s":             {{N: 1, Span: 2 * time.Second}},
		" 1/2s , 2000/1m,": {{N: 1, Span: 2 * time.Second}, {N: 2000, Span: time.Minute}},
		"100000/24h":       {{N: 100_000, Span: 24 * time.Hour}},
	} {
		c, err := config.Load(config.Env{"HOME=/home/ada", "OFFPEAK_LIMITS=" + text})
		if err != nil || !slices.Equal(c.Limits, want) {
			t.Errorf("%q: %v, %v; want %v", text, c.Limits, err, want)
		}
	}
	for _, text := range []string{"1", "1/", "/2s", "x/2s", "1/2", "0/2s", "-1/2s", "1/0s", "1/-2s", "1/25h", "1/1us", "1/2s,2/2s", "1/60s,5/1m", "1.5/2s", "99999999999999999999/1m"} {
		_, err := config.Load(config.Env{"HOME=/home/ada", "OFFPEAK_LIMITS=" + text})
		if batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), "OFFPEAK_LIMITS") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
