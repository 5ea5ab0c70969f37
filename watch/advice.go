package watch

import (
	"fmt"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// PremiumRule is the rule of the advice that is told: it costs money of its own,
// so that somebody has to decide. The other advice waits for who looks.
const PremiumRule = "premium-tier"

// AdviceAlert tells the advice to take the premium tier, where it is given and
// due, and that it doesn't hold any more where it isn't given. Not due, nobody
// is told again.
func AdviceAlert(all []batch.Advice, account string, at time.Time, due bool) []batch.Alert {
	n := batch.Alert{Key: "advice/" + account + "/" + PremiumRule, Kind: batch.AlertAdvice, Severity: batch.Info, Account: account, At: at}
	for _, a := range all {
		if a.Rule != PremiumRule {
			continue
		}
		if !due {
			return nil
		}
		n.Title = "The premium tier may pay for key " + account + ": " + a.Text
		n.Dollars, n.Remedy = a.Costs, a.Do
		for _, job := range a.Jobs {
			n.Lines = append(n.Lines, fmt.Sprintf("job %s", job))
		}
		return []batch.Alert{n}
	}
	n.Over, n.Title = true, "The limits of key "+account+" are wide enough again"
	return []batch.Alert{n}
}
