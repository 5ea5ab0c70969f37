package activities_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

func TestCheckCredits(t *testing.T) {
	for name, c := range map[string]struct {
		credit, estimate money.USD
		kind             batch.Kind
		say              string
	}{
		"enough":         {15 * money.Dollar, 10 * money.Dollar, "", ""},
		"a micro short":  {15*money.Dollar - 1, 10 * money.Dollar, batch.CreditsTooLow, "there are $14.999999; 1.5 x the estimate of $10.00 is $15.00, $0.000001 more"},
		"the API's gate": {money.Dollar, 10, batch.CreditsTooLow, "more than $1.00"},
		"none":           {0, 0, batch.CreditsTooLow, "there are $0.00"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *simulator.Options) { o.Accounts[0].Credit = c.credit })
			got, err := w.hands.CheckCredits(t.Context(), batch.CreditsRequest{Batch: "digest/2026-11-22", Estimate: c.estimate, When: "when asked"})
			if kindOf(t, err) != c.kind || err != nil && (!strings.Contains(err.Error(), c.say) || !applicationError(t, err).NonRetryable()) {
				t.Errorf("%+v, %v", got, err)
			}
			if err == nil && (got.Total != c.credit || got.Needed != c.estimate/2*3) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestCheckCreditsOutOfReach(t *testing.T) {
	w := newWorld(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.newHands("http://" + l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ask := batch.CreditsRequest{Batch: "digest/2026-11-22", Estimate: 1, When: "at the opening", Until: nine.Add(8 * time.Hour)}
	_, err = w.hands.CheckCredits(t.Context(), ask)
	if kindOf(t, err) != batch.OutOfReach || applicationError(t, err).NonRetryable() || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("%v, want to ask again", err)
	}
	w.clock.at = ask.Until
	if _, err = w.hands.CheckCredits(t.Context(), ask); kindOf(t, err) != batch.OutOfReach || !applicationError(t, err).NonRetryable() {
		t.Errorf("%v, want an end: the night is over", err)
	}
}
