package watch

import (
	"fmt"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// CreditsKey names the incident that a key's account is low on credits.
func CreditsKey(account string) string { return "credits-low/" + account }

// Credits judges the account's credits. The coming night can't be known, since
// a manifest may be written at any hour: the mean of the last nights that cost
// something, at most seven of them, the newest first, stands for it; and 1.5
// times an estimate is what a night asks for before it begins. least is the
// operator's own limit, zero for none.
func Credits(total money.USD, at time.Time, nights []money.USD, least money.USD) batch.CreditsWatch {
	c := batch.CreditsWatch{Total: total, At: at, Least: least}
	var spent money.USD
	for _, n := range nights {
		if n > 0 && c.Nights < Trailing {
			spent += n
			c.Nights++
		}
	}
	if c.Nights > 0 {
		c.Mean = spent / money.USD(c.Nights)
		c.Need = (3*spent + money.USD(2*c.Nights-1)) / money.USD(2*c.Nights) // rounded up
	}
	switch {
	case total < 0:
		c.Low = fmt.Sprintf("the account owes %s", (-total).Dollars())
	case total < c.Need:
		c.Low = fmt.Sprintf("%s of credits are less than 1.5 times a night of %s, the mean of the last %s", total.Dollars(), c.Mean.Dollars(), counted(c.Nights, "night"))
	case total < least:
		c.Low = fmt.Sprintf("%s of credits are less than %s, the limit that is set", total.Dollars(), least.Dollars())
	}
	return c
}

// CreditsAlert tells it, or that it is over.
func CreditsAlert(c batch.CreditsWatch, account string) batch.Alert {
	a := batch.Alert{Key: CreditsKey(account), Kind: batch.AlertCredits, Severity: batch.Warning, Account: account, Dollars: c.Total, At: c.At}
	if c.Low == "" {
		a.Over, a.Severity = true, batch.Info
		a.Title = fmt.Sprintf("The credits of key %s are enough again: %s", account, c.Total.Dollars())
		return a
	}
	a.Title = "Key " + account + ": " + c.Low
	if c.Total < max(c.Need, 0) {
		a.Severity = batch.Critical // tonight would be refused
		a.Lines = []string{"a night is refused before it begins when the credits are below 1.5 times its estimate"}
		a.Remedy = fmt.Sprintf("add at least %s before the window opens", (c.Need - c.Total).Dollars())
		return a
	}
	a.Remedy = fmt.Sprintf("add at least %s; OFFPEAK_CREDITS_LOW is the limit", (c.Least - c.Total).Dollars())
	return a
}
