package fastnight_test

import (
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/offpeak/offpeak/internal/fastnight"
	"github.com/offpeak/offpeak/simulator"
)

// size is a batch against the close of its night, in one of two sizes.
type size struct {
	fastnight.Closing
	used int // percent of what the provider allows that the first night must use
}

// sized is the last half hour of a night with 400 jobs; with
// OFFPEAK_NIGHT_JOBS=20000 all of it. The window's own margin at the end is a
// minute, so that a job which is let go too late pays the day price.
func sized(t *testing.T) size {
	t.Helper()
	more := os.Getenv("OFFPEAK_NIGHT_JOBS")
	if more == "" {
		// A run keeps its place in the minute from its beginning to a minute after its
		// end, and a busy machine loses some of a minute that takes a fifth of a second.
		return size{used: 20, Closing: fastnight.Closing{
			Options: fastnight.Options{
				Jobs: 400, Width: 60, Speed: 300, Switches: strict, Limits: limits(15, 10_000),
				Latency: simulator.Latency{Kind: "lognormal", Median: 20 * time.Second, Sigma: 0.7},
			},
			Window: `{"finish_by": "06:00", "buffer": "1m"}`,
			Last:   30 * time.Minute, End: 4 * time.Minute, EndSpeed: 60,
		}}
	}
	jobs, err := strconv.Atoi(more)
	if err != nil || jobs < 10_000 {
		t.Fatalf("OFFPEAK_NIGHT_JOBS is %q: want a number from 10000 on", more)
	}
	// An hour's 1,600 take three quarters of it by the minute's limit: from 21:20 on
	// the deadline comes in the middle of them.
	n := int64(jobs)
	return size{used: 90, Closing: fastnight.Closing{
		Options: fastnight.Options{
			Jobs: jobs, Width: 200, Speed: 200, Switches: strict, Limits: limits(n*64/20_000, n*1600/20_000),
			Latency: simulator.Latency{Kind: "lognormal", Median: 45 * time.Second, Sigma: 0.6},
		},
		Window: `{"start_at": "21:20", "finish_by": "06:00", "buffer": "1m"}`,
		End:    10 * time.Minute, EndSpeed: 60,
	}}
}

// More jobs than a night has room for, on an ordinary night and on both nights
// of a clock change, by the provider's own books: no run ends outside the
// window, what didn't fit is parked and runs in the next night under the
// request ids that it always had, none twice, and all of it at the night price.
// Nothing leaves too late and nothing is given up too early.
func TestNightsAgainstAClose(t *testing.T) {
	for date, hours := range map[string]int{"2026-11-22": 10, "2027-03-13": 9, "2026-10-31": 11} {
		t.Run(date, func(t *testing.T) {
			t.Parallel()
			s := sized(t)
			pacific, err := time.LoadLocation("America/Los_Angeles")
			if err != nil {
				t.Fatal(err)
			}
			noon, err := time.ParseInLocation("2006-01-02 15", date+" 12", pacific)
			if err != nil {
				t.Fatal(err)
			}
			s.Asked = noon
			c := s.play(t)
			if len(c.Nights) != 2 {
				t.Fatalf("%d nights, want 2", len(c.Nights))
			}
			first, second := c.Nights[0], c.Nights[1]
			if string(first.Span.Night) != date || first.Span.Length() != time.Duration(hours)*time.Hour {
				t.Errorf("the night of %s lasts %s, want that of %s and %d h", first.Span.Night, first.Span.Length(), date, hours)
			}
			wantCarried(t, s, first, second)
			wantPaidOnce(t, c)
			largest := wantInTime(t, first, 0, pacific)
			wantInTime(t, second, largest, pacific)
			wantUsed(t, s, first, largest)
		})
	}
}

// play has the clock go slower on a machine that is too busy for it: one on
// which a first night did so little that nothing was learned from it.
func (s size) play(t *testing.T) fastnight.Closed {
	t.Helper()
	for {
		s.Dir = t.TempDir()
		c, err := fastnight.Close(t.Context(), s.Closing)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Nights) == 0 || c.Nights[0].Result.Jobs.Succeeded >= s.Jobs/4 || s.Speed <= s.EndSpeed {
			return c
		}
		t.Logf("%d of %d jobs at %v times the clock: again at a third of it", c.Nights[0].Result.Jobs.Succeeded, s.Jobs, s.Speed)
		s.Speed = max(s.Speed/3, s.EndSpeed)
	}
}

// wantCarried wants the first night to end with jobs parked, and the next one
// to have done just these.
func wantCarried(t *testing.T, s size, first, second fastnight.Night) {
	t.Helper()
	done, parked := first.Result.Jobs.Succeeded, first.Result.Jobs.Parked
	t.Logf("%d succeeded in the first night, %d parked, %d requests in the second", done, parked, len(second.Sent))
	if done < s.Jobs/4 || parked < s.Jobs/20 {
		t.Fatalf("%d of %d jobs succeeded in the first night and %d were parked: this proves nothing", done, s.Jobs, parked)
	}
	if done+parked != s.Jobs || done != first.Lane.Succeeded || parked != first.Lane.Parked {
		t.Errorf("the first night's audit says %+v, its lane %+v", first.Result.Jobs, first.Lane)
	}
	if c := first.Result.Carried; c == nil || c.Jobs != parked || !c.Begins.Equal(second.Began) {
		t.Errorf("carried %+v, want %d jobs from %s", c, parked, second.Began)
	}
	if second.Lane.Succeeded != parked || second.Result.Jobs.Succeeded != s.Jobs || second.Result.Carried != nil {
		t.Errorf("the second night did %d of %d, and in the end jobs are %+v", second.Lane.Succeeded, parked, second.Result.Jobs)
	}
}

// wantPaidOnce wants each job as it was first planned to have run once, and
// both books to agree to the micro-dollar.
func wantPaidOnce(t *testing.T, c fastnight.Closed) {
	t.Helper()
	var ran []string
	for _, n := range c.Nights {
		for _, a := range n.Sent {
			if a.Executed {
				ran = append(ran, a.RequestID)
			}
		}
	}
	slices.Sort(ran)
	if !slices.Equal(ran, c.IDs) {
		t.Errorf("%d runs of %d request ids for %d jobs", len(ran), len(slices.Compact(slices.Clone(ran))), len(c.IDs))
	}
	if len(c.Theirs.DoubleBilled) > 0 || c.Billed != c.Theirs.Billed || c.Billed <= 0 {
		t.Errorf("our books say %s, the provider's %s; billed twice: %v", c.Billed, c.Theirs.Billed, c.Theirs.DoubleBilled)
	}
}

// wantInTime wants every run of a night to end inside the provider's window, by
// the clock on a Pacific wall and at the night price; and before the deadline
// each one that took no longer than one that had been seen. It returns the
// longest that one took, or before.
func wantInTime(t *testing.T, n fastnight.Night, before time.Duration, pacific *time.Location) time.Duration {
	t.Helper()
	outside, late, refused, largest := 0, 0, 0, before
	for _, a := range n.Sent {
		if !a.Executed {
			refused++
			continue
		}
		took, end := a.Ended.Sub(a.At), a.Ended.In(pacific)
		if h := end.Hour(); h >= 6 && h < 20 || !a.Discounted || a.Status != http.StatusOK {
			outside++
			t.Logf("%s began at %s and ended at %s: %d, discounted %t", a.Name, a.At.In(pacific), end, a.Status, a.Discounted)
		}
		if a.Ended.After(n.Span.Deadline) {
			seen := before
			for _, b := range n.Sent {
				if b.Executed && b.Ended.Before(a.At) {
					seen = max(seen, b.Ended.Sub(b.At))
				}
			}
			if took <= min(seen, n.Timeout) {
				late++
				t.Logf("%s began %s before the deadline and took %s; the longest until then took %s", a.Name, n.Span.Deadline.Sub(a.At), took, seen)
			}
		}
		largest = max(largest, took)
	}
	t.Logf("night of %s: %d requests, %d refused, the longest run took %s", n.Span.Night, len(n.Sent), refused, largest)
	if outside > 0 || late > 0 {
		t.Errorf("night of %s: %d runs ended outside the window, %d were let go too late for the deadline", n.Span.Night, outside, late)
	}
	return largest
}

// wantUsed wants a night to have gone on until nothing more could be sure to
// end in time, and to have used what the provider allows.
func wantUsed(t *testing.T, s size, n fastnight.Night, largest time.Duration) {
	t.Helper()
	var last time.Time
	for _, a := range n.Sent {
		if a.At.After(last) {
			last = a.At
		}
	}
	// A quarter on top of the p99, which itself may be 5 % too long, and two windows of the limit.
	if left, most := n.Span.Deadline.Sub(last), largest*4/3+2*time.Minute; left > most {
		t.Errorf("the last job was sent %s before the deadline, want at most %s", left, most)
	}
	// By someone who knows all beforehand: the whole limit at once in each of its spans that begins.
	allowed := int64(s.Jobs)
	for _, q := range s.Limits {
		spans := int64((n.Span.Deadline.Sub(n.Began) + q.Span - 1) / q.Span)
		allowed = min(allowed, spans*q.Limit)
	}
	part := 100 * int64(n.Lane.Succeeded) / allowed
	t.Logf("%d of the %d that the limit allows in %s: %d %%", n.Lane.Succeeded, allowed, n.Span.Deadline.Sub(n.Began), part)
	if part < int64(s.used) {
		t.Errorf("%d %% of the limit was used until the deadline, want at least %d %%", part, s.used)
	}
}
