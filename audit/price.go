package audit

import (
	"strings"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// What rounding may explain: the provider rounds each component, and the
// unrounded sum, at six places.
const (
	tolerancePart  = 1 * money.Micro
	toleranceTotal = 2 * money.Micro
)

// bill is a charge's token part beside what the card says of it. The agent fee
// is kept apart: it is the same by day and by night, and a swarm may use more
// agents than it was sent with, which isn't a missed discount.
type bill struct {
	paid, night, day money.USD    // token part
	card             tariff.Price // of the tokens, by night, by component
	fee              money.USD    // agent fee as charged
	feeAbove         money.USD    // of it, more than the card's fee for the agents that are named
	parts            bool
	known            bool // the arithmetic can be checked at all
}

// newBill computes prices anew from the card, so that it doesn't lean on what
// was computed when the charge was written. Without token counts, it has to.
func newBill(card tariff.Card, c ledger.Charge) bill {
	fee := card.PerAgent.Times(c.Agents)
	switch {
	case c.HasTokens && (card.InputPerMillion != 0 || card.OutputPerMillion != 0):
		u := tariff.Usage{InputTokens: c.InputTokens, OutputTokens: c.OutputTokens}
		b := bill{card: card.AtNight(u), day: card.Day(u).Total, known: true, parts: c.HasParts, fee: fee}
		b.night = b.card.Total
		if c.HasParts {
			// Whichever is more: parts that don't add up must not hide what was paid.
			b.paid, b.fee = max(c.Input+c.Output, c.Total-c.Agent), c.Agent
			if c.Agents > 0 {
				b.feeAbove = max(c.Agent-fee, 0)
			}
			return b
		}
		if c.Agents == 0 && c.NightPrice > b.night {
			b.fee = c.NightPrice - b.night // the fee of the agents that the job was sent with
		}
		b.paid = c.Total - b.fee
		return b
	case c.NightPrice > 0:
		return bill{paid: c.Total - fee, night: c.NightPrice - fee, day: c.DayPrice - fee, known: true, fee: fee}
	}
	return bill{fee: fee}
}

// overpaid is what the token part cost beyond the night price.
func (b bill) overpaid() money.USD {
	if over := b.paid - b.night; over > toleranceTotal {
		return over
	}
	return 0
}

// dear says whether more was paid than by night. With a total that agrees a
// single component that is too dear still is: rates other than the card's.
func (b bill) dear(c ledger.Charge) bool {
	if b.overpaid() > 0 {
		return true
	}
	if !b.parts || b.cheap() {
		return false
	}
	return c.Input-b.card.Input > tolerancePart || c.Output-b.card.Output > tolerancePart
}

// cheap is strictly below the night price, which is nobody's complaint.
func (b bill) cheap() bool { return b.night-b.paid > toleranceTotal }

// byDay says whether exactly the day price was paid.
func (b bill) byDay() bool {
	d := b.paid - b.day
	return -toleranceTotal <= d && d <= toleranceTotal
}

// claims is what the provider says of the discount, apart from the arithmetic.
type claims struct {
	yes, no bool // it was applied; it wasn't. Both, when the fields disagree
	other   bool // a percentage that isn't the card's
}

// newClaims reads the fields that are there. What is absent claims nothing:
// real answers leave out type and percentage (Swarms docs, GroupChat and
// DebateWithJudge examples). A percentage is percent off (50), while the
// card's multiplier is what remains (0.5); a fraction off (0.5) is understood
// too. More off than expected is only a contradiction when no more came off.
func newClaims(card tariff.Card, c ledger.Charge, b bill) claims {
	var k claims
	for _, flag := range []*bool{c.DiscountActive, c.NightApplied} {
		if flag != nil {
			k.yes = k.yes || *flag
			k.no = k.no || !*flag
		}
	}
	k.no = k.no || strings.EqualFold(strings.TrimSpace(c.DiscountType), "none")
	off, err := money.Round(strings.TrimSuffix(strings.TrimSpace(c.DiscountPercentage), "%"))
	if err != nil {
		return k // absent, or nothing that can contradict
	}
	fraction := money.USD(money.One - card.Night)
	switch expected := fraction * 100; {
	case off == expected || off == fraction:
	case off == 0:
		k.no = true
	case off > expected && b.cheap():
	default:
		k.other = true
	}
	return k
}
