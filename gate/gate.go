package gate

import (
	"fmt"
	"strings"
	"time"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// Rules are the gate's settings. A field that is zero (or negative) means its
// default.
type Rules struct {
	// PilotGrace is how long the first request of a night goes alone when no
	// answer comes. A refusal comes at once; silence for this long means that
	// the request was accepted. 10 s.
	PilotGrace time.Duration

	// Poll is how soon to ask again while an answer that may come any moment
	// decides, that of the pilot or of a run whose settlement gives room back
	// under a cap. Shorter costs ledger transactions, longer costs start-up time. 200 ms.
	Poll time.Duration

	// Moment is how soon to ask again while a run's end, or a person, may free
	// something. 1 s.
	Moment time.Duration

	// CreditsEvery is how soon to ask again while credits are out. 30 s.
	CreditsEvery time.Duration

	// SlowDownBelow is the share of a window's limit under which what remains is
	// spread over what is left of the window: one tenth, as the production
	// checklist of the Swarms docs asks ("throttle proactively when remaining /
	// limit < 0.1").
	SlowDownBelow money.Ratio

	// SlowestPace bounds the slow-down. It never bites in a window of a minute
	// with 100 requests or more; without it the last tenth of a day's window
	// would hold back a small batch for hours, to no one's good. 10 s.
	SlowestPace time.Duration

	// Trust is how long the provider's own count is believed when it came
	// without a reset time: then one more answer tells anew. 1 min.
	Trust time.Duration

	// Foreign is what others use of the key's windows, as the asking worker last
	// saw it. What isn't in it is taken from the provider's own count in the books.
	Foreign []Foreign

	// Zone is the zone in which people read times. Nil: the zone that the span
	// carries.
	Zone *time.Location
}

// DefaultRules are the settings of the product.
func DefaultRules() Rules {
	return Rules{
		PilotGrace:    10 * time.Second,
		Poll:          200 * time.Millisecond,
		Moment:        time.Second,
		CreditsEvery:  30 * time.Second,
		SlowDownBelow: money.One / 10,
		SlowestPace:   10 * time.Second,
		Trust:         time.Minute,
	}
}

func (r Rules) filled() Rules {
	d := DefaultRules()
	fill(&r.PilotGrace, d.PilotGrace)
	fill(&r.Poll, d.Poll)
	fill(&r.Moment, d.Moment)
	fill(&r.CreditsEvery, d.CreditsEvery)
	fill(&r.SlowDownBelow, d.SlowDownBelow)
	fill(&r.SlowestPace, d.SlowestPace)
	fill(&r.Trust, d.Trust)
	return r
}

func fill[T ~int64](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Decide judges one send at s.Now. A Wait's Until is always later than s.Now,
// and a run that begins at Until can still end by the deadline; of a night in
// several pieces, one that begins then or as soon as a later piece lets it. With the same
// standing and a later Now, a Park stays a Park.
func Decide(s ledger.Standing, r Rules) ledger.Verdict {
	q := newQuestion(s, r)
	var shut *ledger.Verdict // until the next piece opens
	for _, rule := range order {
		v := rule(q)
		switch {
		case v == nil:
		case shut != nil:
			// What lies beyond the night parks between two pieces as it does in them:
			// nobody waits for an opening at which he couldn't go either.
			if v.Action == ledger.Park {
				return *v
			}
			return *shut
		case v.Action == ledger.Wait && v.Reason == ledger.ReasonWindow && q.Now.After(q.Span.Earliest):
			shut = v
		default:
			return *v
		}
	}
	if shut != nil {
		return *shut
	}
	return ledger.Verdict{Action: ledger.Go, Reason: ledger.ReasonFree, Detail: "nothing speaks against it"}
}

// order is that of the Reason constants of the ledger.
var order = []func(*question) *ledger.Verdict{
	(*question).stopped,
	(*question).halted,
	(*question).paused,
	(*question).key,
	(*question).budget,
	(*question).window,
	(*question).credits,
	(*question).retry,
	(*question).floor,
	(*question).pilot,
	(*question).quota,
	(*question).slowDown,
}

// question is a standing with what several rules derive from it.
type question struct {
	ledger.Standing
	rules Rules
	last  time.Time // the last instant at which a send can still end by the deadline, of the piece that is open or opens next
	zone  *time.Location
}

func newQuestion(s ledger.Standing, r Rules) *question {
	s.Slow = max(s.Slow, 0) // a negative run time would let a send past the deadline
	q := &question{Standing: s, rules: r.filled(), zone: r.Zone}
	q.last = s.Now.Add(s.Span.Left(s.Now) - s.Slow)
	if q.zone == nil {
		q.zone = s.Span.Opens.Location()
	}
	return q
}

// wait is a Wait until then, or a Park when that is too late for the run to
// end by the deadline. An instant that isn't in the future becomes a moment
// from now.
func (q *question) wait(reason ledger.Reason, until time.Time, format string, args ...any) *ledger.Verdict {
	if !until.After(q.Now) {
		until = q.Now.Add(q.rules.Moment)
	}
	detail := fmt.Sprintf(format, args...)
	if _, ok := q.Span.Slot(until, q.Slow); !ok {
		return &ledger.Verdict{Action: ledger.Park, Reason: reason, Detail: detail + "; after that it " + q.tooLate()}
	}
	return &ledger.Verdict{Action: ledger.Wait, Until: until, Reason: reason, Detail: detail}
}

func (q *question) tooLate() string {
	return fmt.Sprintf("could not end by %s: may take %s", q.minute(q.Span.Deadline), q.Slow)
}

// minute and second are a time of the night for people.
func (q *question) minute(t time.Time) string { return t.In(q.zone).Format("15:04 MST") }
func (q *question) second(t time.Time) string { return t.In(q.zone).Format("15:04:05 MST") }

// maxOther bounds what others wrote (a refusal, a header's reason) in a detail.
const maxOther = 200

// line makes one bounded line of a text that came from elsewhere.
func line(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if r := []rune(s); len(r) > maxOther {
		s = string(r[:maxOther]) + "..."
	}
	return s
}
