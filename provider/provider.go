// Package provider holds what every metered HTTP API has in common: a receipt
// for each request and the state of its rate limits. Each API's dialect is a
// package of its own below this one (provider/swarms), in which one method is
// one HTTP request and leaves one receipt. Nothing here or below ever retries:
// a client that repeats a POST by itself buys things twice.
package provider

import (
	"net/http"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Wrote says how far a request got: the difference between "send it again"
// and "it may have run".
type Wrote string

// How far. When it isn't certain that nothing was written, something was.
const (
	WroteNothing Wrote = "nothing"  // dial, DNS or TLS failed: no byte of the request left
	WroteSome    Wrote = "some"     // written, in whole or in part, and no trustworthy answer
	Answered     Wrote = "answered" // a status line and headers came back
)

// Receipt is what one attempt leaves behind, whatever came of it. It never
// holds a key, a prompt or an answer.
type Receipt struct {
	Method    string        `json:"method"`
	Path      string        `json:"path"`
	Wrote     Wrote         `json:"wrote"`
	Status    int           `json:"status,omitempty"`    // 0 when there was no answer
	SentAt    time.Time     `json:"sent_at"`             // just before the request was handed to the transport
	Elapsed   time.Duration `json:"elapsed"`             // to the last byte of the body, or to the failure
	Header    http.Header   `json:"header,omitempty"`    // rate, date, server, content, retry and request-id headers; nothing else
	BodySize  int64         `json:"body_size"`           // bytes received after decompression
	BodyHash  string        `json:"body_hash,omitempty"` // hex SHA-256 of what was received
	Limits    Limits        `json:"limits"`
	Truncated bool          `json:"truncated,omitempty"` // the body ended before it should have, or was cut at our own limit

	Code   string `json:"code,omitempty"`       // the error's, in the provider's own words
	Ticket string `json:"request_id,omitempty"` // what the provider calls the request: for whoever asks its support
}

// Window is the window of that name, if it was mentioned.
func (l Limits) Window(name string) (Window, bool) {
	for _, w := range l.Windows {
		if w.Name == name {
			return w, true
		}
	}
	return Window{}, false
}

// EndedAt is when the attempt was over.
func (r Receipt) EndedAt() time.Time { return r.SentAt.Add(r.Elapsed) }

// Limits is what an answer's headers, or a limits endpoint, say of the rate
// limits. Windows that aren't mentioned are absent, which doesn't mean free:
// the Swarms hour window has no header (Swarms docs, rate-limit-headers,
// 2026-07-13).
type Limits struct {
	Tier           string        `json:"tier,omitempty"`
	Windows        []Window      `json:"windows,omitempty"`
	RetryAfter     time.Duration `json:"retry_after,omitempty"` // verbatim; 0 when absent
	HasRetry       bool          `json:"has_retry,omitempty"`   // a Retry-After was there, perhaps 0
	TokensPerAgent int64         `json:"tokens_per_agent,omitempty"`
	Exceeded       []string      `json:"exceeded,omitempty"` // names of the windows that the answer calls exhausted
}

// Rates are the windows as plans count them.
func (l Limits) Rates() []batch.RateLimit {
	out := make([]batch.RateLimit, len(l.Windows))
	for i, w := range l.Windows {
		out[i] = batch.RateLimit{Name: w.Name, Span: w.Span, Limit: w.Limit}
	}
	return out
}

// Window is one rate-limit window as the provider sees it.
type Window struct {
	Name      string        `json:"name"` // minute, hour, day
	Span      time.Duration `json:"span"`
	Limit     int64         `json:"limit"`
	Remaining int64         `json:"remaining"`
	Reset     time.Time     `json:"reset,omitzero"`
	Step      string        `json:"step,omitempty"` // it counts requests of one step alone
}
