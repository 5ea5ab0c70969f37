package gate

import (
	"time"

	"github.com/offpeak/offpeak/ledger"
)

// Follow judges a free request for work that is under way: how far it is, or
// whether there is such a job at all. It is owed an answer whatever the hour and
// whoever pulled a switch, for its money may have moved; so only the provider's
// limits hold it, and it is never parked. Its verdict is Go or Wait.
func Follow(s ledger.Standing, r Rules) ledger.Verdict {
	q := newQuestion(s, r)
	q.last = s.Now.Add(100 * 365 * 24 * time.Hour)
	for _, rule := range []func(*question) *ledger.Verdict{(*question).floor, (*question).quota, (*question).slowDown} {
		if v := rule(q); v != nil {
			return *v
		}
	}
	return ledger.Verdict{Action: ledger.Go, Reason: ledger.ReasonFree, Detail: "nothing speaks against it"}
}

// ForStep leaves out the windows that count other steps than this one.
func ForStep(s ledger.Standing, step string) ledger.Standing {
	var kept []ledger.Window
	for _, w := range s.Key.Windows {
		if w.Step == "" || w.Step == step {
			kept = append(kept, w)
		}
	}
	s.Key.Windows = kept
	return s
}
