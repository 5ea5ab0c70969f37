package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/money"
)

// Genesis is what the first charge has as Prev: 64 zeros.
var Genesis = strings.Repeat("0", 2*sha256.Size)

// append gives a charge its place behind the head: N, Prev and Hash. The
// charge's free texts are made fit to be stored first, because what is hashed
// must be what is read back.
func (h Head) append(c *Charge) Head {
	for _, s := range []*string{
		&c.JobID, &c.TotalText, &c.DiscountType, &c.DiscountPercentage,
	} {
		*s = clean(*s)
	}
	c.N, c.Prev = h.N+1, h.Hash
	c.Hash = c.Digest()
	return Head{N: c.N, Hash: c.Hash}
}

// Digest is the SHA-256 of the charge's canonical form, in hex. It is what
// Hash must be.
func (c Charge) Digest() string {
	sum := sha256.Sum256(c.Canonical())
	return hex.EncodeToString(sum[:])
}

// Canonical is the text that is hashed: a first line "offpeak charge v1", then
// each field in the fixed order below as
//
//	name SP length SP value LF
//
// where length is the value's in bytes, so that no value can pass for two.
// Integers are decimal, money is whole micro-dollars, times are microseconds
// since 1970-01-01 UTC (0 for none), booleans are "true" or "false", and what
// the provider didn't say is "-". Prev comes first; Hash isn't part of it.
func (c Charge) Canonical() []byte {
	var b bytes.Buffer
	b.WriteString("offpeak charge v1\n")
	text := func(name, v string) {
		b.WriteString(name + " " + strconv.Itoa(len(v)) + " " + v + "\n")
	}
	number := func(name string, v int64) { text(name, strconv.FormatInt(v, 10)) }
	usd := func(name string, v money.USD) { number(name, int64(v)) }
	moment := func(name string, v time.Time) { number(name, Micros(v)) }
	flag := func(name string, v bool) { text(name, strconv.FormatBool(v)) }
	said := func(name string, v *bool) {
		if v == nil {
			text(name, "-")
			return
		}
		flag(name, *v)
	}

	text("prev", c.Prev)
	number("n", c.N)
	text("batch", string(c.Batch))
	number("seq", int64(c.Seq))
	text("name", c.Name)
	text("request_id", c.RequestID)
	number("attempt", int64(c.Attempt))
	text("job_id", c.JobID)
	text("source", string(c.Source))
	usd("total", c.Total)
	usd("input", c.Input)
	usd("output", c.Output)
	usd("agent", c.Agent)
	text("total_text", c.TotalText)
	flag("has_parts", c.HasParts)
	number("input_tokens", c.InputTokens)
	number("output_tokens", c.OutputTokens)
	flag("has_tokens", c.HasTokens)
	number("agents", c.Agents)
	usd("day_price", c.DayPrice)
	usd("night_price", c.NightPrice)
	said("night_applied", c.NightApplied)
	said("discount_active", c.DiscountActive)
	text("discount_type", c.DiscountType)
	text("discount_percentage", c.DiscountPercentage)
	moment("sent_at", c.SentAt)
	moment("ended_at", c.EndedAt)
	moment("at", c.At)
	return b.Bytes()
}

// Micros is a time as it is stored: microseconds since 1970-01-01 UTC, 0 for
// the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Instant is what Micros stored.
func Instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
