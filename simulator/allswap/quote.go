package allswap

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"regexp"
	"time"

	"github.com/offpeak/offpeak/simulator/stage"
)

// intent is the body of POST /v1/quote. Fields that aren't known are ignored.
type intent struct {
	From      string          `json:"from"`
	To        string          `json:"to"`
	Amount    json.RawMessage `json:"amount"` // a string: smallest units don't fit a float
	Sender    string          `json:"sender"`
	Recipient string          `json:"recipient"`
}

var amountRE = regexp.MustCompile(`^"[1-9][0-9]{0,77}"$`)

// subject is what a quote and its swap are about.
func (i *intent) subject() string {
	return fmt.Sprintf("%s>%s %s %s", i.From, i.To, trimmed(i.Amount), i.Recipient)
}

func trimmed(amount json.RawMessage) string {
	if n := len(amount); n > 2 && amount[0] == '"' {
		return string(amount[1 : n-1])
	}
	return string(amount)
}

func intentOf(x *stage.Exchange) string {
	var i intent
	if json.Unmarshal(x.Body, &i) != nil {
		return ""
	}
	return i.subject()
}

// quote is one that was given.
type quote struct {
	id, client, env, subject string
	expires                  time.Time
	swap                     string // that consumed it
}

// check says which code and text the intent gets, or none.
func (i *intent) check() (code, detail string) {
	for _, f := range []struct{ name, value string }{
		{"from", i.From}, {"to", i.To}, {"amount", string(i.Amount)}, {"sender", i.Sender}, {"recipient", i.Recipient},
	} {
		if f.value == "" {
			return codeInvalid, fmt.Sprintf("Missing required field %q.", f.name)
		}
	}
	if !amountRE.Match(i.Amount) {
		return codeInvalid, `"amount" must be a string of digits, in the smallest unit of the token.`
	}
	from, to := tokenOf(i.From), tokenOf(i.To)
	if !routed(from, to) {
		return codePair, fmt.Sprintf("No supported route from %s to %s.", i.From, i.To)
	}
	amount, _ := new(big.Int).SetString(trimmed(i.Amount), 10)
	worth := from.worth(amount)
	switch {
	case worth.Cmp(big.NewInt(leastCents)) < 0:
		return codeLow, fmt.Sprintf("Below the minimum tradeable for %s.", from.Symbol)
	case worth.Cmp(big.NewInt(mostCents)) > 0:
		return codeHigh, fmt.Sprintf("Above the current liquidity ceiling for %s.", from.Symbol)
	}
	return "", ""
}

// quote is POST /v1/quote: free, and counted toward the month.
func (s *Server) quote(x *stage.Exchange) {
	if !s.spend(x) {
		return
	}
	var i intent
	code, detail := codeInvalid, "The body is not valid JSON."
	if json.Unmarshal(x.Body, &i) == nil {
		code, detail = i.check()
	}
	if code != "" {
		if x.Is("quota_counts", "answered") {
			s.unspend(x)
		}
		x.Fail(codes[code], code, detail)
		return
	}
	amount, _ := new(big.Int).SetString(trimmed(i.Amount), 10)
	out := swapped(amount, tokenOf(i.From), tokenOf(i.To))
	k := s.keyOf(x)
	q := &quote{client: k.client, env: environment(k.ID), subject: i.subject(), expires: x.Now().Add(s.opt.QuoteLife)}
	s.mu.Lock()
	q.id = "qt_" + ulid(s.Seed(), "quote", fmt.Sprint(len(s.quotes)+1))
	s.quotes[q.id] = q
	s.mu.Unlock()
	x.JSON(http.StatusOK, map[string]any{
		"quoteId": q.id, "amount_out": out.String(), "route": base64.RawURLEncoding.EncodeToString([]byte("route of " + q.id)),
		"expiresAt": stamp(q.expires),
	})
}

// stamp is an instant as the API writes it, down to the second: a quote is
// good a little longer than it says, never shorter.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
