package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// ParseCharge reads a charge from its canonical form, for who has that and not
// the ledger. Hash is left empty: it is for the caller to compare. What
// Canonical wouldn't write is refused, so that nothing can stand in a charge
// beside what it says.
func ParseCharge(canonical []byte) (Charge, error) {
	var c Charge
	rest, ok := bytes.CutPrefix(canonical, []byte("offpeak charge v1\n"))
	if !ok {
		return c, errors.New(`it doesn't begin with "offpeak charge v1"`)
	}
	r := canonicalReader{rest: rest}
	c.Prev = r.text("prev")
	c.N = r.number("n")
	c.Batch = batch.ID(r.text("batch"))
	c.Seq = int(r.number("seq"))
	c.Name, c.RequestID = r.text("name"), r.text("request_id")
	c.Attempt = int(r.number("attempt"))
	c.JobID, c.Source = r.text("job_id"), Source(r.text("source"))
	c.Total, c.Input, c.Output, c.Agent = r.usd("total"), r.usd("input"), r.usd("output"), r.usd("agent")
	c.TotalText, c.HasParts = r.text("total_text"), r.flag("has_parts")
	c.InputTokens, c.OutputTokens, c.HasTokens = r.number("input_tokens"), r.number("output_tokens"), r.flag("has_tokens")
	c.Agents = r.number("agents")
	c.DayPrice, c.NightPrice = r.usd("day_price"), r.usd("night_price")
	c.NightApplied, c.DiscountActive = r.said("night_applied"), r.said("discount_active")
	c.DiscountType, c.DiscountPercentage = r.text("discount_type"), r.text("discount_percentage")
	c.SentAt, c.EndedAt, c.At = Instant(r.number("sent_at")), Instant(r.number("ended_at")), Instant(r.number("at"))
	switch {
	case r.err != nil:
		return c, r.err
	case len(r.rest) > 0:
		return c, errors.New("it has something behind its last field")
	case !bytes.Equal(c.Canonical(), canonical):
		return c, errors.New("it isn't written as the ledger writes it")
	}
	return c, nil
}

// canonicalReader reads field after field and keeps the first error.
type canonicalReader struct {
	rest []byte
	err  error
}

// text is the value of the next field, which must have this name.
func (r *canonicalReader) text(name string) string {
	if r.err != nil {
		return ""
	}
	r.err = fmt.Errorf("field %s isn't where it should be, or its length doesn't hold", name)
	rest, ok := bytes.CutPrefix(r.rest, []byte(name+" "))
	if !ok {
		return ""
	}
	length, rest, ok := bytes.Cut(rest, []byte(" "))
	n, err := strconv.Atoi(string(length))
	if !ok || err != nil || n < 0 || n >= len(rest) || rest[n] != '\n' {
		return ""
	}
	r.err, r.rest = nil, rest[n+1:]
	return string(rest[:n])
}

func (r *canonicalReader) number(name string) int64 {
	v, err := strconv.ParseInt(r.text(name), 10, 64)
	if r.err == nil && err != nil {
		r.err = fmt.Errorf("field %s is no whole number", name)
	}
	return v
}

func (r *canonicalReader) usd(name string) money.USD { return money.USD(r.number(name)) }

func (r *canonicalReader) flag(name string) bool {
	v := r.text(name)
	if r.err == nil && v != "true" && v != "false" {
		r.err = fmt.Errorf("field %s is neither true nor false", name)
	}
	return v == "true"
}

func (r *canonicalReader) said(name string) *bool {
	if rest := r.rest; strings.HasPrefix(string(rest[:min(len(rest), len(name)+4)]), name+" 1 -") {
		r.text(name)
		return nil
	}
	v := r.flag(name)
	return &v
}
