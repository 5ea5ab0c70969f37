package glyphmill

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/simulator/stage"
)

// The problems, by the last part of their type.
const (
	codeNoKey       = "no-key"
	codeWrongKey    = "wrong-key"
	codeNoFunds     = "no-funds"
	codeForbidden   = "forbidden"
	codeUnknown     = "unknown"
	codeMethod      = "method"
	codeTaken       = "reference-taken"
	codeNotFinished = "not-finished"
	codeTooLarge    = "too-large"
	codeMalformed   = "malformed"
	codeInvalid     = "invalid"
	codeTooMany     = "too-many"
	codeDaySpent    = "day-spent"
	codeMill        = "mill-broke"
	codeResting     = "mill-rests"
)

// problemTypes is what a type begins with.
const problemTypes = "https://glyphmill.example/problems/"

var codes = map[string]int{
	codeNoKey: http.StatusUnauthorized, codeWrongKey: http.StatusUnauthorized, codeNoFunds: http.StatusPaymentRequired,
	codeForbidden: http.StatusForbidden, codeUnknown: http.StatusNotFound, codeMethod: http.StatusMethodNotAllowed,
	codeTaken: http.StatusConflict, codeNotFinished: http.StatusConflict, codeTooLarge: http.StatusRequestEntityTooLarge,
	codeMalformed: http.StatusBadRequest, codeInvalid: http.StatusUnprocessableEntity,
	codeTooMany: http.StatusTooManyRequests, codeDaySpent: http.StatusTooManyRequests,
	codeMill: http.StatusInternalServerError, codeResting: http.StatusServiceUnavailable,
}

var titles = map[string]string{
	codeNoKey: "No key", codeWrongKey: "No account has this key", codeNoFunds: "The balance doesn't cover it", codeForbidden: "Not allowed",
	codeUnknown: "Nothing here", codeMethod: "Method not allowed", codeTaken: "The reference is taken", codeNotFinished: "Not finished yet",
	codeTooLarge: "Too large", codeMalformed: "Not JSON", codeInvalid: "Not as documented", codeTooMany: "Too many requests",
	codeDaySpent: "The day's readings are spent", codeMill: "The mill broke", codeResting: "The mill rests",
}

// problem is RFC 9457's, with members of its own.
type problem struct {
	Type     string  `json:"type"`
	Title    string  `json:"title"`
	Status   int     `json:"status"`
	Detail   string  `json:"detail,omitempty"`
	Instance string  `json:"instance"`
	RetryAt  string  `json:"retry_at,omitempty"` // ISO 8601
	Reading  string  `json:"reading,omitempty"`  // of reference-taken: its path
	Errors   []wrong `json:"errors,omitempty"`   // of invalid
}

type wrong struct {
	Pointer string `json:"pointer"` // RFC 6901
	Detail  string `json:"detail"`
}

// codeOf is the problem that a bare status means.
func codeOf(status int) string {
	for _, code := range []string{
		codeWrongKey, codeNoFunds, codeForbidden, codeUnknown, codeMethod, codeTaken, codeTooLarge, codeMalformed, codeInvalid, codeTooMany, codeResting,
	} {
		if codes[code] == status {
			return code
		}
	}
	return codeMill
}

func fail(x *stage.Exchange, status int, code, detail string) {
	tell(x, problem{Status: status, Detail: detail}, code)
}

// tell answers with a problem.
func tell(x *stage.Exchange, p problem, code string) {
	if code == "" {
		code = codeOf(p.Status)
	}
	p.Type, p.Title = problemTypes+code, titles[code]
	p.Instance = fmt.Sprintf("/2/requests/%d", x.Number())
	if p.Status == 0 {
		p.Status = codes[code]
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // a bug here, not in the request
	}
	x.Code(code)
	x.Ticket(p.Instance)
	x.Answer(p.Status, "application/problem+json", body)
}

// refuse says until when there is no room: never too early.
func refuse(x *stage.Exchange, code, detail string, until time.Time) {
	until = until.Add(time.Second - 1).Truncate(time.Second).UTC()
	p := problem{Detail: detail, RetryAt: until.Format(time.RFC3339)}
	h := x.W.Header()
	switch {
	case x.Is("retry_after", "http_date"):
		h.Set("Retry-After", until.Format(http.TimeFormat))
	case x.Is("retry_after", "seconds"):
		h.Set("Retry-After", strconv.FormatInt(max(1, int64((until.Sub(x.Now())+time.Second-1)/time.Second)), 10))
	default:
		p.RetryAt = ""
	}
	tell(x, p, code)
}

// turn is a 429 out of the blue; after, when given, is Retry-After as it is.
func turn(x *stage.Exchange, after string) {
	if after == "" {
		refuse(x, codeTooMany, "", x.Now().Add(time.Second))
		return
	}
	x.W.Header().Set("Retry-After", after)
	tell(x, problem{}, codeTooMany)
}
