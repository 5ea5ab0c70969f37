package chaos

import (
	"fmt"
	"strings"
	"time"

	"github.com/offpeak/offpeak/simulator"
)

// Story tells the night before it begins, in a few lines.
func (p Plan) Story() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Night %d: %d jobs, sent %s, books on %s, %s. A run takes %s to %s; the provider's log is up to %s late.\n",
		p.Seed, p.Jobs, p.Way, p.Store, count(p.Workers, "worker"), p.Run, 4*p.Run, p.LogLag)
	var terms []string
	if p.Opens > 0 {
		terms = append(terms, fmt.Sprintf("the window opens in %s", p.Opens))
	}
	if p.Lasts < time.Hour {
		terms = append(terms, fmt.Sprintf("it closes %s after the start", p.Lasts))
	}
	if p.Cap > 0 {
		terms = append(terms, fmt.Sprintf("the batch may cost %s, which is too little", p.Cap.Dollars()))
	}
	if p.Limit > 0 {
		terms = append(terms, fmt.Sprintf("%d requests in %s are allowed", p.Limit, LimitSpan))
	}
	if len(terms) > 0 {
		fmt.Fprintf(&b, "Terms: %s.\n", strings.Join(terms, "; "))
	}
	if len(p.Faults) > 0 {
		said := make([]string, len(p.Faults))
		for i, r := range p.Faults {
			said[i] = provider(r)
		}
		fmt.Fprintf(&b, "The provider: %s.\n", strings.Join(said, "; "))
	}
	for _, e := range p.Events {
		fmt.Fprintf(&b, "When %d %% have arrived: %s.\n", e.At, e)
	}
	return b.String()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// provider says what a rule does, and to how many.
func provider(r simulator.Rule) string {
	s := r.Kind
	if r.Status != 0 {
		s += fmt.Sprintf(" %d", r.Status)
	}
	if r.AfterWork {
		s += " after the work"
	}
	if r.Delay > 0 {
		s += " by " + time.Duration(r.Delay).String()
	}
	if r.RetryAfter != "" {
		s += fmt.Sprintf(", come back in %s s, %d times", r.RetryAfter, r.Times)
	}
	if r.Probability == nil {
		return s + " for " + r.Match
	}
	return s + fmt.Sprintf(" for %d.%d %% of the requests", *r.Probability/10_000, *r.Probability/1000%10)
}

// String says what happens.
func (e Event) String() string {
	worker := fmt.Sprintf("worker %d", e.Who+1)
	switch e.Do {
	case KillWorker:
		return worker + " is killed, and started again"
	case DrainWorker:
		return worker + " is replaced, after it has drained"
	case FreezeWorker:
		return fmt.Sprintf("%s stands still for %s", worker, e.For)
	case KillTemporal:
		return fmt.Sprintf("Temporal is killed, and comes back on its file after %s", e.For)
	case KillPostgres:
		return fmt.Sprintf("PostgreSQL is killed, and comes back after %s", e.For)
	case KillStarter:
		return "the starter is killed, and another one follows the night"
	case Pause:
		return fmt.Sprintf("somebody pauses the night for %s", e.For)
	case Latency:
		return fmt.Sprintf("the link %s takes 0.3 to 0.9 s longer, for %s", e.Link, e.For)
	case Reset:
		return fmt.Sprintf("the link %s resets what it carries, for %s", e.Link, e.For)
	case SlowClose:
		return fmt.Sprintf("the link %s tells of an end 2 s late, for %s", e.Link, e.For)
	case Bandwidth:
		return fmt.Sprintf("the link %s carries 8 KB a second, for %s", e.Link, e.For)
	case Blackhole:
		return fmt.Sprintf("the link %s swallows all, for %s", e.Link, e.For)
	case CutOff:
		return fmt.Sprintf("the link %s is down, for %s", e.Link, e.For)
	}
	return string(e.Do)
}
