package gate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

var pacific = func() *time.Location {
	loc, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		panic(err)
	}
	return loc
}()

// at is a time of the night of 22 November 2026, Pacific; hours below 12 are
// those of the next morning.
func at(h, m, s int) time.Time {
	d := 22
	if h < 12 {
		d = 23
	}
	return time.Date(2026, time.November, d, h, m, s, 0, pacific)
}

// clear is a standing against which nothing speaks: 22:00, key proven, four
// dollars of room, 10 minutes for the slowest run.
func clear() ledger.Standing {
	return ledger.Standing{
		Now: at(22, 0, 0),
		Job: ledger.Job{Name: "EU Market Digest", Ceiling: 2 * money.Dollar, State: batch.Planned},
		Batch: ledger.Batch{
			ID:     "market-digest/2026-11-22",
			Budget: batch.Budget{PerJob: 5 * money.Dollar, Batch: 50 * money.Dollar},
		},
		Span: tariff.Span{
			Night: "2026-11-22", Opens: at(20, 0, 0), Earliest: at(20, 15, 0), StartAt: at(21, 0, 0),
			Deadline: at(5, 0, 0), Closes: at(6, 0, 0),
		},
		Slow: 10 * time.Minute,
		Key:  ledger.Key{ID: "k", Proven: at(21, 0, 5), LastSent: at(21, 59, 0), Oldest: at(21, 59, 0)},
	}
}

func minute(used int64) ledger.Window {
	return ledger.Window{Name: "minute", Span: time.Minute, Limit: 100, Used: used, Remaining: -1}
}

type change func(*ledger.Standing)

func paused(why string) batch.Pause { return batch.Pause{By: "ada", Why: why, At: at(21, 30, 0)} }

// night is what all batches of the key have under a cap of 60 dollars a night.
func night(held, charged money.USD) change {
	return func(s *ledger.Standing) {
		s.Batch.Budget.Day, s.Purse.Held, s.Purse.Charged = 60*money.Dollar, held, charged
	}
}

func TestEachRule(t *testing.T) {
	key := func(f func(*ledger.Key)) change { return func(s *ledger.Standing) { f(&s.Key) } }
	windows := func(ws ...ledger.Window) change { return key(func(k *ledger.Key) { k.Windows = ws }) }
	told := func(remaining int64, ago time.Duration, reset time.Time) ledger.Window {
		w := minute(0)
		w.Remaining, w.ToldAt, w.Reset = remaining, at(22, 0, 0).Add(-ago), reset
		return w
	}
	for _, c := range []struct {
		name   string
		change change
		action ledger.Action
		until  time.Time
		reason ledger.Reason
		says   string // a part of the detail
	}{
		{"nothing speaks against it", nil, ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"stopped", func(s *ledger.Standing) { s.Batch.Stopped = "by\nada" }, ledger.Cancel, time.Time{}, ledger.ReasonStopped, "stopped: by ada"},
		{"everything halted", func(s *ledger.Standing) { s.Halt.Pause = paused("the invoices look wrong") }, ledger.Wait, at(22, 0, 1), ledger.ReasonHalted, "everything is halted by ada: the invoices look wrong"},
		{"the key halted", func(s *ledger.Standing) { s.Halt = ledger.Halt{Key: "k", Pause: paused("")} }, ledger.Wait, at(22, 0, 1), ledger.ReasonHalted, "the key is halted by ada"},
		{"paused", func(s *ledger.Standing) { s.Batch.Paused = paused("look\nat this") }, ledger.Wait, at(22, 0, 1), ledger.ReasonPaused, "paused by ada: look at this"},
		{"paused until it is too late", func(s *ledger.Standing) { s.Now, s.Batch.Paused = at(4, 49, 59).Add(1), paused("") }, ledger.Park, time.Time{}, ledger.ReasonPaused, "after that it could not end by 05:00 PST"},
		{"key refused", key(func(k *ledger.Key) { k.Closed = "HTTP 403: Invalid API Key" }), ledger.Cancel, time.Time{}, ledger.ReasonKey, "Invalid API Key"},

		{"ceiling above the job's cap", func(s *ledger.Standing) { s.Job.Ceiling = 5*money.Dollar + 1 }, ledger.Skip, time.Time{}, ledger.ReasonBudget, "may cost $5.000001, above the cap of $5.00 a job"},
		{"ceiling at the job's cap", func(s *ledger.Standing) { s.Job.Ceiling = 5 * money.Dollar }, ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"batch cap reached exactly", func(s *ledger.Standing) { s.Held, s.Charged = 40*money.Dollar, 8*money.Dollar }, ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"batch cap held by others", func(s *ledger.Standing) { s.Held, s.Charged = 40*money.Dollar, 8*money.Dollar+1 }, ledger.Wait, at(22, 0, 0).Add(200 * time.Millisecond), ledger.ReasonBudget, "$50.00 with $8.000001 charged and $40.00 set aside"},
		{"batch cap spent", func(s *ledger.Standing) { s.Charged = 48*money.Dollar + 1 }, ledger.Skip, time.Time{}, ledger.ReasonBudget, "no room under the batch's cap of $50.00 with $48.000001 charged"},
		{"batch cap spent, what is held can't help", func(s *ledger.Standing) { s.Held, s.Charged = money.Cent, 49*money.Dollar }, ledger.Skip, time.Time{}, ledger.ReasonBudget, "$49.00 charged and $0.01 set aside"},
		{"day cap reached exactly", night(40*money.Dollar, 18*money.Dollar), ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"day cap held by other batches", night(40*money.Dollar, 18*money.Dollar+1), ledger.Wait, at(22, 0, 0).Add(200 * time.Millisecond), ledger.ReasonBudget, "waits for room under the key's cap a night (budget.day) of $60.00 with $18.000001 charged and $40.00 set aside"},
		{"day cap spent by other batches", night(money.Cent, 58*money.Dollar+1), ledger.Skip, time.Time{}, ledger.ReasonBudget, "no room under the key's cap a night (budget.day) of $60.00 with $58.000001 charged and $0.01 set aside"},
		{"the operator's cap on the key", func(s *ledger.Standing) { s.Caps.Key, s.Purse.Charged = 30*money.Dollar, 29*money.Dollar }, ledger.Skip, time.Time{}, ledger.ReasonBudget, "no room under the key's cap a night (OFFPEAK_CAP_KEY) of $30.00 with $29.00 charged"},
		{"the operator's cap on the night", func(s *ledger.Standing) { s.Caps.Night, s.Night.Charged = 30*money.Dollar, 29*money.Dollar }, ledger.Skip, time.Time{}, ledger.ReasonBudget, "no room under the cap a night (OFFPEAK_CAP_DAY) of $30.00 with $29.00 charged"},
		{"no caps on the night", func(s *ledger.Standing) { s.Purse.Charged, s.Night.Charged = 1000*money.Dollar, 1000*money.Dollar }, ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"spent for good comes before held for now", func(s *ledger.Standing) {
			s.Held, s.Charged = 40*money.Dollar, 9*money.Dollar
			s.Caps.Night, s.Night.Charged = 30*money.Dollar, 29*money.Dollar
		}, ledger.Skip, time.Time{}, ledger.ReasonBudget, "OFFPEAK_CAP_DAY"},
		{"no budget at all", func(s *ledger.Standing) { s.Batch.Budget = batch.Budget{} }, ledger.Skip, time.Time{}, ledger.ReasonBudget, "cap of $0.00 a job"},

		{"before the buffer is over", func(s *ledger.Standing) { s.Now = at(20, 5, 0) }, ledger.Wait, at(20, 15, 0), ledger.ReasonWindow, "open for sends from 20:15:00 PST"},
		{"by day", func(s *ledger.Standing) { s.Now = at(14, 0, 0) }, ledger.Wait, at(20, 15, 0), ledger.ReasonWindow, "20:15:00 PST"},
		{"first instant", func(s *ledger.Standing) { s.Now = at(20, 15, 0); s.Key.LastSent = time.Time{} }, ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"last instant", func(s *ledger.Standing) { s.Now = at(4, 50, 0) }, ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"a moment too late", func(s *ledger.Standing) { s.Now = at(4, 50, 0).Add(1) }, ledger.Park, time.Time{}, ledger.ReasonWindow, "could not end by 05:00 PST: may take 10m0s"},
		{"after the window", func(s *ledger.Standing) { s.Now = at(7, 0, 0) }, ledger.Park, time.Time{}, ledger.ReasonWindow, "could not end by 05:00 PST"},
		{"a night too short for the job", func(s *ledger.Standing) { s.Now = at(20, 0, 0); s.Slow = 9 * time.Hour }, ledger.Park, time.Time{}, ledger.ReasonWindow, "may take 9h0m0s"},
		{"a run time below zero buys nothing", func(s *ledger.Standing) { s.Now = at(5, 0, 1); s.Slow = -time.Hour }, ledger.Park, time.Time{}, ledger.ReasonWindow, "may take 0s"},
		{"no span at all", func(s *ledger.Standing) { s.Span = tariff.Span{} }, ledger.Park, time.Time{}, ledger.ReasonWindow, "could not end"},

		{"between two stretches of cheap hours", func(s *ledger.Standing) { s.Span, s.Now = inPieces(), at(23, 0, 0) }, ledger.Wait, at(2, 5, 0), ledger.ReasonWindow, "these cheap hours are over; the window is open again for sends from 02:05:00 PST"},
		{"too late in one stretch, not in the next", func(s *ledger.Standing) { s.Span, s.Now = inPieces(), at(22, 15, 0).Add(1) }, ledger.Wait, at(2, 5, 0), ledger.ReasonWindow, "could not end by 22:25 PST: may take 10m0s; the window is open again for sends from 02:05:00 PST"},
		{"the last instant of one stretch", func(s *ledger.Standing) { s.Span, s.Now = inPieces(), at(22, 15, 0) }, ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"a slow job passes by a stretch that is too short", func(s *ledger.Standing) { s.Span, s.Now, s.Slow = inPieces(), at(20, 5, 1), 140*time.Minute }, ledger.Wait, at(2, 5, 0), ledger.ReasonWindow, "may take 2h20m0s"},
		{"too late in the last stretch", func(s *ledger.Standing) { s.Span, s.Now = inPieces(), at(5, 45, 1) }, ledger.Park, time.Time{}, ledger.ReasonWindow, "could not end by 05:55 PST"},
		{"between two stretches, with a floor beyond the night", func(s *ledger.Standing) {
			s.Span, s.Now, s.Key.Floor = inPieces(), at(23, 0, 0), at(5, 56, 0)
		}, ledger.Park, time.Time{}, ledger.ReasonFloor, "nothing is sent before 05:56:00 PST"},
		{"a floor into the day waits for the floor", func(s *ledger.Standing) { s.Span, s.Key.Floor = inPieces(), at(23, 0, 0) }, ledger.Wait, at(23, 0, 0), ledger.ReasonFloor, ""},

		{"credits", key(func(k *ledger.Key) { k.Hold = "HTTP 402: Insufficient credits" }), ledger.Wait, at(22, 0, 30), ledger.ReasonCredits, "waits for credits: HTTP 402"},
		{"credits, too late for another look", func(s *ledger.Standing) { s.Now, s.Key.Hold = at(4, 49, 45), "HTTP 402" }, ledger.Park, time.Time{}, ledger.ReasonCredits, "after that it could not end by 05:00 PST"},
		{"own backoff", func(s *ledger.Standing) { s.Job.NotBefore = at(22, 0, 3) }, ledger.Wait, at(22, 0, 3), ledger.ReasonRetry, "due at 22:00:03 PST"},
		{"own backoff over", func(s *ledger.Standing) { s.Job.NotBefore = at(22, 0, 0) }, ledger.Go, time.Time{}, ledger.ReasonFree, ""},

		{"floor", key(func(k *ledger.Key) { k.Floor, k.FloorWhy = at(22, 0, 42), "Retry-After 42 s" }), ledger.Wait, at(22, 0, 42), ledger.ReasonFloor, "nothing is sent before 22:00:42 PST: Retry-After 42 s"},
		{"floor beyond the night", key(func(k *ledger.Key) { k.Floor = at(4, 50, 1) }), ledger.Park, time.Time{}, ledger.ReasonFloor, "nothing is sent before 04:50:01 PST; after that it could not end by 05:00 PST"},
		{"first behind a floor", key(func(k *ledger.Key) { k.Floor, k.LastSent, k.InFlight = at(22, 0, 0), at(21, 59, 0), 3 }), ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"second behind a floor", key(func(k *ledger.Key) {
			k.Floor, k.LastSent, k.Oldest, k.InFlight = at(21, 59, 58), at(21, 59, 59), at(21, 59, 59), 1
		}), ledger.Wait, at(22, 0, 0).Add(200 * time.Millisecond), ledger.ReasonFloor, "one request goes ahead"},
		{"second behind a floor, the first is silent", key(func(k *ledger.Key) {
			k.Floor, k.LastSent, k.Oldest, k.InFlight = at(21, 59, 40), at(21, 59, 50), at(21, 59, 50), 1
		}), ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"behind a floor, older ones still going", key(func(k *ledger.Key) {
			k.Floor, k.LastSent, k.Oldest, k.InFlight = at(21, 59, 40), at(21, 59, 55), at(21, 50, 0), 2
		}), ledger.Wait, at(22, 0, 0).Add(200 * time.Millisecond), ledger.ReasonFloor, "one request goes ahead"},
		{"released at the pace of the shortest window", key(func(k *ledger.Key) {
			k.Floor, k.LastSent, k.Oldest, k.InFlight, k.Proven = at(22, 0, 0), at(22, 0, 0), at(22, 0, 0), 1, at(22, 0, 0)
			k.Windows = []ledger.Window{{Name: "hour", Span: time.Hour, Limit: 350, Remaining: -1}, minute(2)}
		}), ledger.Wait, at(22, 0, 0).Add(600 * time.Millisecond), ledger.ReasonFloor, "sends go 600ms apart after the wait"},
		{"released ten times as fast after a tenth of it", key(func(k *ledger.Key) {
			k.Floor, k.LastSent, k.Oldest, k.InFlight, k.Proven = at(21, 59, 54), at(22, 0, 0), at(22, 0, 0), 1, at(22, 0, 0)
			k.Windows = []ledger.Window{minute(2)}
		}), ledger.Wait, at(22, 0, 0).Add(60 * time.Millisecond), ledger.ReasonFloor, "sends go 60ms apart after the wait"},
		{"a span after the floor the pace is off", key(func(k *ledger.Key) {
			k.Floor, k.LastSent, k.Proven = at(21, 59, 0), at(22, 0, 0), at(21, 59, 30)
			k.Windows = []ledger.Window{minute(2)}
		}), ledger.Go, time.Time{}, ledger.ReasonFree, ""},

		{"pilot", key(func(k *ledger.Key) { k.Proven, k.InFlight, k.Oldest = at(15, 0, 0), 1, at(21, 59, 59) }), ledger.Wait, at(22, 0, 0).Add(200 * time.Millisecond), ledger.ReasonPilot, "until the key is proven"},
		{"the pilot itself", key(func(k *ledger.Key) { k.Proven, k.LastSent = time.Time{}, time.Time{} }), ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"a silent pilot", key(func(k *ledger.Key) { k.Proven, k.InFlight, k.Oldest = time.Time{}, 1, at(21, 59, 50) }), ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"a pilot about to be silent", key(func(k *ledger.Key) {
			k.Proven, k.InFlight, k.Oldest = time.Time{}, 1, at(21, 59, 50).Add(50*time.Millisecond)
		}), ledger.Wait, at(22, 0, 0).Add(50 * time.Millisecond), ledger.ReasonPilot, ""},

		{"quota full", windows(func() ledger.Window { w := minute(100); w.Frees = at(22, 0, 7); return w }()), ledger.Wait, at(22, 0, 7), ledger.ReasonQuota, "100 of 100 requests per minute are used; one frees at 22:00:07 PST"},
		{"quota full with those in flight", windows(minute(100)), ledger.Wait, at(22, 0, 1), ledger.ReasonQuota, "100 of 100 requests per minute are in flight"},
		{"quota unknown", windows(ledger.Window{Name: "hour", Span: time.Hour, Used: 9999, Remaining: -1}), ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"of two full windows the later", windows(
			func() ledger.Window { w := minute(100); w.Frees = at(22, 0, 7); return w }(),
			ledger.Window{Name: "hour", Span: time.Hour, Limit: 350, Used: 350, Frees: at(22, 31, 0), Remaining: -1},
		), ledger.Wait, at(22, 31, 0), ledger.ReasonQuota, "350 of 350 requests per hour"},
		{"the day is used up", windows(ledger.Window{Name: "day", Span: 24 * time.Hour, Limit: 1200, Used: 1200, Frees: at(7, 0, 0), Remaining: -1}), ledger.Park, time.Time{}, ledger.ReasonQuota, "one frees at 07:00:00 PST; after that it could not end by 05:00 PST"},
		{"one request per two seconds", windows(ledger.Window{Name: "2s", Span: 2 * time.Second, Limit: 1, Used: 1, Frees: at(22, 0, 2), Remaining: -1}), ledger.Wait, at(22, 0, 2), ledger.ReasonQuota, ""},
		{"one request per two seconds, free", windows(ledger.Window{Name: "2s", Span: 2 * time.Second, Limit: 1, Remaining: -1}), ledger.Go, time.Time{}, ledger.ReasonFree, ""},

		{"the provider has none left", windows(told(0, time.Second, at(22, 0, 20))), ledger.Wait, at(22, 0, 20), ledger.ReasonQuota, "the provider has 0 of 100 requests per minute left"},
		{"what is left is in flight", func(s *ledger.Standing) {
			s.Key.Windows = []ledger.Window{told(3, time.Second, at(22, 0, 20))}
			s.Key.InFlight = 3
		}, ledger.Wait, at(22, 0, 20), ledger.ReasonQuota, "3 of 100 requests per minute left and 3 are in flight"},
		{"told too long ago", windows(told(0, time.Minute, at(22, 0, 20))), ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"reset since", windows(told(0, 30*time.Second, at(22, 0, 0))), ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"told without a reset time", windows(ledger.Window{Name: "day", Span: 24 * time.Hour, Limit: 1200, Remaining: 0, ToldAt: at(21, 59, 30)}), ledger.Wait, at(22, 0, 30), ledger.ReasonQuota, "counts anew at 22:00:30"},
		{"told last night without a reset time", windows(ledger.Window{Name: "day", Span: 24 * time.Hour, Limit: 1200, Remaining: 0, ToldAt: at(22, 40, 0).AddDate(0, 0, -1)}), ledger.Go, time.Time{}, ledger.ReasonFree, ""},

		{"the last tenth, ours", key(func(k *ledger.Key) {
			k.LastSent = at(21, 59, 59)
			w := minute(95)
			w.Frees = at(22, 0, 29)
			k.Windows = []ledger.Window{w}
		}), ledger.Wait, at(22, 0, 5), ledger.ReasonSlowDown, "5 of 100 requests per minute are left: the next goes at 22:00:05 PST"},
		{"a tenth is left", key(func(k *ledger.Key) { k.LastSent, k.Windows = at(21, 59, 59), []ledger.Window{minute(90)} }), ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"the last tenth, end unknown", key(func(k *ledger.Key) { k.LastSent, k.Windows = at(21, 59, 59), []ledger.Window{minute(91)} }), ledger.Wait, at(22, 0, 5), ledger.ReasonSlowDown, "9 of 100"},
		{"the last tenth, theirs", func(s *ledger.Standing) {
			s.Key.LastSent, s.Key.InFlight = at(21, 59, 59), 1
			s.Key.Windows = []ledger.Window{told(4, time.Second, at(22, 0, 8))}
		}, ledger.Wait, at(22, 0, 2), ledger.ReasonSlowDown, "3 of 100"},
		{"the last tenth of a long window", key(func(k *ledger.Key) {
			k.LastSent = at(21, 59, 59)
			k.Windows = []ledger.Window{{Name: "hour", Span: time.Hour, Limit: 350, Used: 340, Frees: at(22, 50, 0), Remaining: -1}}
		}), ledger.Wait, at(22, 0, 9), ledger.ReasonSlowDown, "10 of 350"},
		{"no last tenth of nine", key(func(k *ledger.Key) {
			k.LastSent, k.Windows = at(22, 0, 0), []ledger.Window{{Name: "minute", Span: time.Minute, Limit: 9, Used: 8, Remaining: -1}}
		}), ledger.Go, time.Time{}, ledger.ReasonFree, ""},
		{"slowing down never parks", func(s *ledger.Standing) {
			s.Now = at(4, 49, 59)
			s.Key.LastSent = at(4, 49, 58)
			w := minute(95)
			w.Frees = at(4, 50, 50)
			s.Key.Windows = []ledger.Window{w}
		}, ledger.Go, time.Time{}, ledger.ReasonFree, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := clear()
			if c.change != nil {
				c.change(&s)
			}
			got := gate.Decide(s, gate.DefaultRules())
			if got.Action != c.action || got.Reason != c.reason || !got.Until.Equal(c.until) {
				t.Fatalf("got %s until %s by %q (%s), want %s until %s by %q",
					got.Action, got.Until.Format(time.StampMilli), got.Reason, got.Detail, c.action, c.until.Format(time.StampMilli), c.reason)
			}
			if !strings.Contains(got.Detail, c.says) || got.Detail == "" || strings.ContainsAny(got.Detail, "\r\n") {
				t.Errorf("detail is %q, want one line that says %q", got.Detail, c.says)
			}
		})
	}
}

// Each rule is broken in turn while all later ones are broken too: the
// earliest decides.
func TestOrderOfRules(t *testing.T) {
	breaks := []struct {
		reason ledger.Reason
		change change
	}{
		{ledger.ReasonStopped, func(s *ledger.Standing) { s.Batch.Stopped = "by ada" }},
		{ledger.ReasonHalted, func(s *ledger.Standing) { s.Halt.Pause = paused("") }},
		{ledger.ReasonPaused, func(s *ledger.Standing) { s.Batch.Paused = paused("") }},
		{ledger.ReasonKey, func(s *ledger.Standing) { s.Key.Closed = "HTTP 403" }},
		{ledger.ReasonBudget, func(s *ledger.Standing) { s.Charged = 50 * money.Dollar }},
		{ledger.ReasonWindow, func(s *ledger.Standing) { s.Span.Earliest = at(22, 30, 0) }},
		{ledger.ReasonCredits, func(s *ledger.Standing) { s.Key.Hold = "HTTP 402" }},
		{ledger.ReasonRetry, func(s *ledger.Standing) { s.Job.NotBefore = at(22, 1, 0) }},
		{ledger.ReasonFloor, func(s *ledger.Standing) { s.Key.Floor = at(22, 1, 0) }},
		{ledger.ReasonPilot, func(s *ledger.Standing) {
			s.Key.Proven, s.Key.InFlight, s.Key.Oldest = time.Time{}, 1, at(21, 59, 59)
		}},
		{ledger.ReasonQuota, func(s *ledger.Standing) { s.Key.Windows = append(s.Key.Windows, minute(100)) }},
		{ledger.ReasonSlowDown, func(s *ledger.Standing) {
			s.Key.LastSent = at(21, 59, 59)
			s.Key.Windows = append(s.Key.Windows, minute(95))
		}},
		{ledger.ReasonFree, func(*ledger.Standing) {}},
	}
	for i, b := range breaks {
		s := clear()
		for _, later := range slices.Backward(breaks[i:]) {
			later.change(&s)
		}
		if got := gate.Decide(s, gate.DefaultRules()); got.Reason != b.reason {
			t.Errorf("with %q and all later rules broken the gate says %q", b.reason, got.Reason)
		}
	}
}

func TestZeroRulesAreTheDefaults(t *testing.T) {
	s := clear()
	s.Key.Hold = "HTTP 402"
	if diff := cmp.Diff(gate.Decide(s, gate.DefaultRules()), gate.Decide(s, gate.Rules{})); diff != "" {
		t.Error(diff)
	}
}

func TestTimesAreShownInTheZoneOfTheRules(t *testing.T) {
	s := clear()
	s.Span.Opens = s.Span.Opens.UTC() // as it comes from a database
	s.Job.NotBefore = at(22, 0, 3).UTC()
	for zone, want := range map[*time.Location]string{nil: "06:00:03 UTC", pacific: "22:00:03 PST"} {
		if got := gate.Decide(s, gate.Rules{Zone: zone}).Detail; !strings.Contains(got, want) {
			t.Errorf("with zone %v the detail is %q, want %q in it", zone, got, want)
		}
	}
}

func TestForeignTextIsOneBoundedLine(t *testing.T) {
	s := clear()
	s.Key.Closed = "no\x00\xff\n\n" + strings.Repeat("é", 5000)
	if d := gate.Decide(s, gate.Rules{}).Detail; len([]rune(d)) > 300 || strings.ContainsAny(d, "\n") {
		t.Errorf("detail has %d runes: %.80q", len([]rune(d)), d)
	}
}
