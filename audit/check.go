package audit

import (
	"fmt"
	"math/big"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Proof is what one charge says of the discount.
type Proof string

// The answers.
const (
	Landed   Proof = "landed"   // flag, percentage and arithmetic agree on the night price, or better
	Missed   Proof = "missed"   // one of them doesn't
	Unproven Proof = "unproven" // the amount, or what it was for, is missing
	Flat     Proof = "flat"     // the provider has no tariff: there is no discount to judge
)

// Check is the judgement of one charge.
type Check struct {
	Proof    Proof
	Overpaid money.USD // beyond the night price; 0 when only the signals disagree
	Cause    string    // a batch.Leak cause, signals or a reason why nothing is proven; "" when landed
	Evidence string    // one line for people; "" when landed
}

// Causes that leak no dollars.
const (
	causeSignals  = "signals"
	causeNoAmount = "no amount"
	causeNoTokens = "no tokens"
)

// Examine judges one charge by itself: the activity that settles a job calls
// it at once, the [Judge] for each charge of the night.
//
// Every charge should be at the night price, for the gate lets nothing out that
// could end elsewhere. Dear arithmetic is a miss whatever the flags say, for
// the vendor's own examples show the flag set beside day prices. A flag, a type
// or a percentage that contradicts good arithmetic is a miss of no dollars:
// somebody's books will say that the discount didn't land.
func Examine(card tariff.Card, span tariff.Span, zone *time.Location, c ledger.Charge) Check {
	check, _ := examine(card, span, zone, c)
	return check
}

func examine(card tariff.Card, span tariff.Span, zone *time.Location, c ledger.Charge) (Check, bill) {
	if c.Source == ledger.FromCeiling || c.Total < 0 || (c.Total == 0 && c.TotalText == "") {
		return Check{Proof: Unproven, Cause: causeNoAmount, Evidence: "the provider billed it and no amount could be read"}, bill{}
	}
	if card.None() {
		return Check{Proof: Flat}, bill{}
	}
	b := newBill(card, c)
	if !b.known {
		return Check{Proof: Unproven, Cause: causeNoTokens, Evidence: "the charge has no token counts: its price can't be checked"}, b
	}
	k := newClaims(card, c, b)
	if b.dear(c) {
		cause := b.cause(k, span, c)
		return Check{Proof: Missed, Overpaid: b.overpaid(), Cause: cause, Evidence: b.evidence(cause, card, span, zone, c)}, b
	}
	if k.no && card.Night != money.One || k.other { // a tariff without a discount needn't be told to have none
		return Check{Proof: Missed, Cause: causeSignals, Evidence: k.evidence(c)}, b
	}
	return Check{Proof: Landed}, b
}

// cause takes the clock's evidence first: a run that ended by day explains
// itself. An instant that isn't on record says nothing.
func (b bill) cause(k claims, span tariff.Span, c ledger.Charge) string {
	ended, sent := c.EndedAt, c.SentAt
	if span.Closes.IsZero() {
		ended = time.Time{}
	}
	switch {
	case !ended.IsZero() && !ended.Before(span.Closes):
		if !sent.IsZero() && !sent.Before(span.Closes) {
			return batch.LeakByDay
		}
		return batch.LeakLate
	case !ended.IsZero() && ended.Before(span.Opens):
		return batch.LeakByDay
	case !ended.IsZero() && between(span, ended):
		if p, ok := span.Open(sent); ok && p.Closes.Before(ended) {
			return batch.LeakLate
		}
		return batch.LeakByDay
	case !b.byDay():
		return batch.LeakCard
	case !ended.IsZero() && !sent.IsZero() && sent.Before(span.Opens):
		return batch.LeakEarly
	case k.yes && !k.no:
		return batch.LeakFlag
	case !ended.IsZero() && !tariff.SwarmsWindow().Cheap(ended):
		return batch.LeakZone
	}
	return batch.LeakNotApplied
}

// between says whether the window was shut at an instant of the night: between
// two of its pieces.
func between(span tariff.Span, t time.Time) bool {
	_, open := span.Open(t)
	return !open && !t.Before(span.Opens) && t.Before(span.Closes)
}

func (b bill) evidence(cause string, card tariff.Card, span tariff.Span, zone *time.Location, c ledger.Charge) string {
	at := func(t time.Time) string { return t.In(zoneOf(zone, span)).Format("15:04:05 MST") }
	switch cause {
	case batch.LeakLate:
		return fmt.Sprintf("ended after the close at %s", at(c.EndedAt))
	case batch.LeakByDay:
		if between(span, c.EndedAt) {
			return fmt.Sprintf("ran by day: ended at %s, between two stretches of cheap hours", at(c.EndedAt))
		}
		return fmt.Sprintf("ran by day: ended at %s, outside %s to %s", at(c.EndedAt), at(span.Opens), at(span.Closes))
	case batch.LeakEarly:
		return fmt.Sprintf("sent at %s, before the opening at %s", at(c.SentAt), at(span.Opens))
	case batch.LeakFlag:
		return "said to be discounted, but its arithmetic is the day price: the flag lies"
	case batch.LeakCard:
		return b.rates(card, c)
	case batch.LeakZone:
		w := tariff.SwarmsWindow()
		return fmt.Sprintf("ended at %s, inside the manifest's window and outside the provider's, %s to %s %s: the wrong zone or hours", at(c.EndedAt), w.Open, w.Close, w.Zone)
	}
	if c.EndedAt.IsZero() {
		return "charged the day price; when it ended isn't on record"
	}
	return fmt.Sprintf("ended inside the window, at %s, and was charged the day price", at(c.EndedAt))
}

// rates names the token rates that the charge implies beside the card's.
func (b bill) rates(card tariff.Card, c ledger.Charge) string {
	night := card.AtNight(tariff.Usage{InputTokens: 1_000_000, OutputTokens: 1_000_000})
	if !b.parts || c.InputTokens <= 0 || c.OutputTokens <= 0 {
		return fmt.Sprintf("tokens charged at %s where the card says %s by night and %s by day: the rate card moved",
			b.paid.Dollars(), b.night.Dollars(), b.day.Dollars())
	}
	return fmt.Sprintf("charged about %s and %s per million input and output tokens instead of %s and %s: the rate card moved",
		implied(c.Input, c.InputTokens), implied(c.Output, c.OutputTokens), night.Input.Dollars(), night.Output.Dollars())
}

// implied is a rate per million to the cent: more would be rounding noise.
func implied(cost money.USD, tokens int64) string {
	r := new(big.Rat).Mul(cost.Rat(), big.NewRat(1_000_000, tokens))
	return "$" + r.FloatString(2)
}

func (k claims) evidence(c ledger.Charge) string {
	switch {
	case k.yes && k.no:
		return "the price is the night's, but the provider's fields contradict each other on the discount"
	case k.no:
		return "the price is the night's, but the provider says that no discount was applied"
	}
	return fmt.Sprintf("the price is the night's, but the provider says %.20q percent off", c.DiscountPercentage)
}

func zoneOf(zone *time.Location, span tariff.Span) *time.Location {
	if zone != nil {
		return zone
	}
	return span.Opens.Location()
}
