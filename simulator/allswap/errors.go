package allswap

import (
	"fmt"
	"net/http"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
)

// The codes (allswap.io/docs/errors; key_mismatch: docs/authentication).
const (
	codeUnauthorized = "unauthorized"
	codeKeyMismatch  = "key_mismatch"
	codeForbidden    = "forbidden"
	codeInvalid      = "invalid_request"
	codePair         = "unsupported_pair"
	codeLow          = "amount_too_low"
	codeHigh         = "amount_too_high"
	codeExpired      = "quote_expired"
	codeConsumed     = "quote_consumed"
	codeLimited      = "rate_limited"
	codeTimeout      = "upstream_timeout"
	codeInternal     = "internal_error"
)

var codes = map[string]int{
	codeUnauthorized: http.StatusUnauthorized, codeKeyMismatch: http.StatusUnauthorized, codeForbidden: http.StatusForbidden,
	codeInvalid: http.StatusBadRequest, codePair: http.StatusBadRequest, codeLow: http.StatusBadRequest, codeHigh: http.StatusBadRequest,
	codeExpired: http.StatusConflict, codeConsumed: http.StatusConflict, codeLimited: http.StatusTooManyRequests,
	codeTimeout: http.StatusGatewayTimeout, codeInternal: http.StatusInternalServerError,
}

var texts = map[string]string{
	codeUnauthorized: "Missing or invalid X-Key-Id / Bearer.", codeKeyMismatch: "X-Key-Id and Bearer belong to different environments.",
	codeForbidden: "Key is valid but lacks the required scope.", codeInvalid: "Malformed body or missing required field.",
	codePair: "No supported route.", codeLow: "Below the minimum tradeable for this pair.", codeHigh: "Above the current liquidity ceiling for this pair.",
	codeExpired: "Quote is past its expiresAt.", codeConsumed: "Quote was already used by a prior /v1/swap call.",
	codeLimited: "RPM budget exhausted. Honor Retry-After.", codeTimeout: "Routes did not respond in time. Safe to retry.",
	codeInternal: "Something broke on our side.",
}

type envelope struct {
	Error struct {
		Code      string `json:"code"`
		Message   string `json:"message"`
		RequestID string `json:"requestId"`
	} `json:"error"`
}

func fail(x *stage.Exchange, status int, code, detail string) {
	if code == "" {
		code = codeInternal
		switch {
		case status == http.StatusUnauthorized:
			code = codeUnauthorized
		case status == http.StatusForbidden:
			code = codeForbidden
		case status == http.StatusConflict:
			code = codeConsumed
		case status == http.StatusTooManyRequests:
			code = codeLimited
		case status == http.StatusGatewayTimeout:
			code = codeTimeout
		case status < http.StatusInternalServerError:
			code = codeInvalid
		}
	}
	var e envelope
	e.Error.Code, e.Error.Message = code, detail
	if detail == "" {
		e.Error.Message = texts[code]
	}
	e.Error.RequestID = "req_" + ulid(x.Server.Seed(), "request", fmt.Sprint(x.Number()))
	x.Code(code)
	x.Ticket(e.Error.RequestID)
	x.JSON(status, e)
}

func refuse(x *stage.Exchange, after string) {
	if after != "" {
		x.W.Header().Set("Retry-After", after)
	}
	x.Fail(http.StatusTooManyRequests, codeLimited, "")
}

// ulid looks like one, and is the same for the same seed and parts.
func ulid(seed uint64, parts ...string) string {
	const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	id := []byte("01HW9")
	for i := range uint64(2) {
		h := simulator.Digest(seed+i, parts...)
		for range 10 {
			id = append(id, crockford[h%32])
			h >>= 5
		}
	}
	return string(id)
}
