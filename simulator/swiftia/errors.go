package swiftia

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/simulator/stage"
)

// The codes (app.swiftia.io/docs).
const (
	codeInvalid      = "INVALID_INPUT"
	codeUnauthorized = "UNAUTHORIZED"
	codeForbidden    = "FORBIDDEN"
	codeNotFound     = "NOT_FOUND"
	codeLimited      = "RATE_LIMIT_EXCEEDED"
	codeInternal     = "INTERNAL_SERVER_ERROR"
	codeRendering    = "RENDERING_ERROR"
)

var codes = map[string]int{
	codeInvalid: http.StatusBadRequest, codeUnauthorized: http.StatusUnauthorized, codeForbidden: http.StatusForbidden,
	codeNotFound: http.StatusNotFound, codeLimited: http.StatusTooManyRequests, codeInternal: http.StatusInternalServerError,
	codeRendering: http.StatusInternalServerError, // its status is on no page
}

var texts = map[string]string{
	codeInvalid: "Invalid input", codeUnauthorized: "Invalid API key", codeForbidden: "Forbidden", codeNotFound: "Not found",
	codeLimited: "Rate limit exceeded. Please try again later.", codeInternal: "Internal server error", codeRendering: "Rendering failed",
}

type envelope struct {
	Status     int             `json:"status"`
	Message    string          `json:"message"`
	Code       string          `json:"code,omitempty"`
	RetryAfter json.RawMessage `json:"retryAfter,omitempty"` // on 429 only
}

func fail(x *stage.Exchange, status int, code, detail string) {
	if code == "" {
		for _, c := range []string{codeInvalid, codeUnauthorized, codeForbidden, codeNotFound, codeLimited, codeInternal} {
			if codes[c] == status {
				code = c
			}
		}
	}
	e := envelope{Status: status, Message: detail, Code: code}
	if e.Message == "" {
		e.Message = texts[code]
	}
	if e.Message == "" {
		e.Message = http.StatusText(status)
	}
	if status == http.StatusTooManyRequests {
		e.RetryAfter = json.RawMessage("1")
	}
	x.Code(code)
	x.JSON(status, e)
}

// refuse answers 429; after is Retry-After in header and body, or empty.
func refuse(x *stage.Exchange, after string) {
	e := envelope{Status: http.StatusTooManyRequests, Message: texts[codeLimited], Code: codeLimited}
	if after != "" {
		x.W.Header().Set("Retry-After", after)
		if _, err := strconv.ParseInt(after, 10, 64); err == nil {
			e.RetryAfter = json.RawMessage(after)
		}
	}
	x.Code(codeLimited)
	x.JSON(http.StatusTooManyRequests, e)
}

// turn is a 429 out of the blue: somebody else of the organisation was quicker.
func turn(x *stage.Exchange, after string) {
	if !x.Is("rate_headers", "none") {
		rateHeaders(x, 1, 0, x.Now().Add(2*time.Second))
	}
	if after == "" {
		after = wait(x, 2*time.Second)
	}
	refuse(x, after)
}

// forbidden answers the two 403s that have a shape of their own, if one is due.
func forbidden(x *stage.Exchange) bool {
	switch {
	case x.Has(KindFullStorage):
		x.Code("fullStorage")
		x.JSON(http.StatusForbidden, map[string]any{
			"error": "fullStorage", "message": "Your storage is full",
			"storageInfo": map[string]int64{"usedSize": 5 << 30, "totalSize": 5 << 30, "availableSize": 0},
		})
	case x.Has(KindPhone):
		x.Code("Phone verification required")
		x.JSON(http.StatusForbidden, map[string]any{
			"error": "Phone verification required", "message": "Please verify your phone number", "phoneNumber": nil,
		})
	default:
		return false
	}
	return true
}
