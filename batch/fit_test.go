package batch_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/tariff"
)

func TestFitNight(t *testing.T) {
	free := []batch.RateLimit{{"minute", time.Minute, 100}, {"hour", time.Hour, 350}, {"day", 24 * time.Hour, 1200}}
	premium := []batch.RateLimit{{"minute", time.Minute, 2000}, {"hour", time.Hour, 10_000}, {"day", 24 * time.Hour, 100_000}}
	contract := append([]batch.RateLimit{batch.OwnRateLimit(time.Minute, 5)}, premium...)
	at := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	start := tariff.Start{At: at, Span: tariff.Span{Deadline: at.Add(8 * time.Hour)}}
	for _, c := range []struct {
		jobs    int
		tier    string
		limits  []batch.RateLimit
		fits    bool
		needs   time.Duration
		binding string
	}{
		{0, "free", free, true, 0, ""},
		{100, "free", free, true, 10 * time.Minute, "a single request, which may take 10m"},
		{101, "free", free, true, 11 * time.Minute, "100 requests per minute (free)"},
		{351, "", free, true, 70 * time.Minute, "350 requests per hour"},
		{1201, "free", free, false, 24*time.Hour + 10*time.Minute, "1,200 requests per day (free)"},
		{10_001, "premium", premium, true, 70 * time.Minute, "10,000 requests per hour (premium)"},
		{80_000, "premium", premium, true, 7*time.Hour + 10*time.Minute, "10,000 requests per hour (premium)"},
		{90_001, "premium", premium, false, 9*time.Hour + 10*time.Minute, "10,000 requests per hour (premium)"},
		{5001, "premium", contract, false, 16*time.Hour + 50*time.Minute, "5 requests per 1m of OFFPEAK_LIMITS"},
		{5000, "", nil, true, 10 * time.Minute, "a single request, which may take 10m"},
		{5000, "", []batch.RateLimit{{"none", time.Minute, 0}, {"never", 0, 5}}, true, 10 * time.Minute, "a single request, which may take 10m"},
	} {
		f := batch.FitNight(c.jobs, start, 10*time.Minute, c.tier, c.limits)
		if f.Fits != c.fits || f.Needs != c.needs || f.Binding != c.binding || f.Has != 8*time.Hour {
			t.Errorf("%d jobs: %+v, want %v, %s, %s", c.jobs, f, c.fits, c.needs, c.binding)
		}
	}
	if f := batch.FitNight(1_000_000_000, start, 10*time.Minute, "premium", premium); f.Fits || f.Needs != 365*24*time.Hour+10*time.Minute || !strings.Contains(f.Binding, "requests per") {
		t.Errorf("a billion jobs: %+v", f)
	}
}

// What is said to fit into a night of several pieces does: sent as early as one
// limit allows, in rounds, every job leaves where it can end in its piece.
func TestFitNightInPieces(t *testing.T) {
	opens := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		minutes := func(least, most int, name string) time.Duration {
			return time.Duration(rapid.IntRange(least, most).Draw(t, name)) * time.Minute
		}
		var s tariff.Span
		for at, n := opens, rapid.IntRange(2, 4).Draw(t, "pieces"); n > 0; n-- {
			p := tariff.Piece{Opens: at, Earliest: at.Add(time.Minute)}
			p.Closes = p.Earliest.Add(minutes(2, 90, "length"))
			p.Deadline = p.Closes.Add(-time.Minute)
			s.Pieces, at = append(s.Pieces, p), p.Closes.Add(minutes(1, 300, "gap"))
		}
		last := s.Pieces[len(s.Pieces)-1]
		s.Opens, s.Earliest, s.StartAt, s.Deadline, s.Closes = opens, s.Pieces[0].Earliest, s.Pieces[0].Earliest, last.Deadline, last.Closes
		slow, limit := minutes(0, 30, "slow"), batch.RateLimit{Name: "x", Span: minutes(1, 60, "span"), Limit: rapid.Int64Range(1, 20).Draw(t, "limit")}
		at, ok := s.Slot(s.StartAt, slow)
		if !ok {
			return
		}
		jobs := rapid.IntRange(1, 300).Draw(t, "jobs")
		f := batch.FitNight(jobs, tariff.Start{At: at, Span: s}, slow, "", []batch.RateLimit{limit})
		sent := 0
		for from := at; ok && sent < jobs; from = at.Add(limit.Span) {
			if at, ok = s.Slot(from, slow); ok {
				sent += int(limit.Limit)
			}
		}
		if f.Fits && sent < jobs {
			t.Fatalf("%d jobs are said to fit, %d do: %+v of %+v", jobs, sent, f, s)
		}
		if whole := s.Deadline.Sub(s.StartAt); f.Has > whole || f.Has < slow {
			t.Fatalf("has %s of %s", f.Has, whole)
		}
	})
}

func TestOwnRateLimit(t *testing.T) {
	for span, want := range map[time.Duration]string{
		2 * time.Second: "2s of OFFPEAK_LIMITS", time.Minute: "1m of OFFPEAK_LIMITS",
		24 * time.Hour: "24h of OFFPEAK_LIMITS", 90 * time.Second: "1m30s of OFFPEAK_LIMITS",
	} {
		if l := batch.OwnRateLimit(span, 7); l.Name != want || l.Span != span || l.Limit != 7 {
			t.Errorf("%+v, want %s", l, want)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 12_345: "12,345", 1_000_000: "1,000,000", -1: "-1", -1234: "-1,234", -123: "-123",
		math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := batch.Grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
