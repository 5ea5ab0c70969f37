package problem

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/offpeak/offpeak/batch"
)

// Kinds that only HTTP has. A fault of one is made like any other.
const (
	Unauthenticated  batch.Kind = "Unauthenticated"  // no key, or none that is good
	Forbidden        batch.Kind = "Forbidden"        // the key's scope doesn't cover it, or the place isn't allowed
	MethodNotAllowed batch.Kind = "MethodNotAllowed" // Allow says which are
	NotAcceptable    batch.Kind = "NotAcceptable"    // nothing of what Accept asks for can be had
	Timeout          batch.Kind = "Timeout"          // the request took too long to arrive
	Conflict         batch.Kind = "Conflict"         // it makes no sense as the thing stands
	KeyReused        batch.Kind = "KeyReused"        // this Idempotency-Key came with another body
	TooLarge         batch.Kind = "TooLarge"         // the body is above its limit
	UnsupportedMedia batch.Kind = "UnsupportedMedia" // the body's Content-Type isn't one that is read
	TooManyRequests  batch.Kind = "TooManyRequests"  // Retry-After says when to go on
	ShuttingDown     batch.Kind = "ShuttingDown"     // the server ends; another one, or the next, answers
)

// Entry is what a kind means over HTTP.
type Entry struct {
	Kind   batch.Kind
	Status int
	Title  string // in words
	Means  string // for the documentation
}

// table is the one translation of kinds to HTTP. What is the asker's to mend is
// 4xx, what isn't is 5xx; 502 is the provider behind us, 503 passes by itself.
var table = map[batch.Kind]Entry{
	batch.BadInput:        {Status: http.StatusUnprocessableEntity, Title: "Bad input", Means: "the body, a parameter or the manifest is wrong; errors lists every mistake with its place"},
	batch.NotFound:        {Status: http.StatusNotFound, Title: "Not found", Means: "no such batch, job, schedule, file or path"},
	batch.Waiting:         {Status: http.StatusConflict, Title: "Not yet", Means: "the night isn't over: its events say when it is"},
	batch.NightClaimed:    {Status: http.StatusConflict, Title: "Night taken", Means: "another workflow runs this batch's night"},
	batch.ManifestDiffers: {Status: http.StatusConflict, Title: "Other work under the same name", Means: "this batch and night was planned from another manifest"},
	batch.Cancelling:      {Status: http.StatusConflict, Title: "Stopped", Means: "a person or a shutdown stopped the night"},
	batch.CreditsTooLow:   {Status: http.StatusPaymentRequired, Title: "Credits too low", Means: "the account holds less than 1.5 times the night's estimate; nothing was sent"},
	batch.OverBudget:      {Status: http.StatusPaymentRequired, Title: "Over budget", Means: "an estimate or a ceiling is above a cap; nothing was sent"},
	batch.KeyRefused:      {Status: http.StatusBadGateway, Title: "API key refused", Means: "the provider refused the key of the worker or of this server"},
	batch.RejectedByAPI:   {Status: http.StatusBadGateway, Title: "Rejected by the provider", Means: "the provider refused a request for good"},
	batch.NotSent:         {Status: http.StatusBadGateway, Title: "Not sent", Means: "the provider couldn't be reached; nothing was spent"},
	batch.OutcomeUnknown:  {Status: http.StatusBadGateway, Title: "Outcome unknown", Means: "a request may have run; it is looked up before anything is sent again"},
	batch.RateLimited:     {Status: http.StatusServiceUnavailable, Title: "Rate limited by the provider", Means: "the provider asks for patience; Retry-After says how much"},
	batch.OutOfReach:      {Status: http.StatusServiceUnavailable, Title: "Out of reach", Means: "Temporal, a worker, the ledger, the archive or the provider doesn't answer; Retry-After says when to ask again"},
	batch.Internal:        {Status: http.StatusInternalServerError, Title: "A bug of offpeak", Means: "the server's log has the reason"},

	// The audit's are part of a report, with status 200; as errors they only come
	// for a night that has no report.
	batch.DiscountMissed:  {Status: http.StatusConflict, Title: "Discount missed", Means: "a charge didn't get the night price"},
	batch.BillingMissing:  {Status: http.StatusConflict, Title: "Bill missing", Means: "an answer came without a charge that can be read"},
	batch.OutcomesUnknown: {Status: http.StatusConflict, Title: "Outcomes unknown", Means: "jobs may have been billed and can't be settled"},
	batch.BooksDisagree:   {Status: http.StatusConflict, Title: "Books disagree", Means: "ledger, charges and report don't add up to the same amount"},
	batch.NothingToJudge:  {Status: http.StatusConflict, Title: "Nothing to judge", Means: "no job ran: an empty night proves nothing"},

	Unauthenticated:  {Status: http.StatusUnauthorized, Title: "No valid key", Means: "send Authorization: Bearer KEY"},
	Forbidden:        {Status: http.StatusForbidden, Title: "Not allowed", Means: "the key's scope doesn't cover it, or the URL lies outside of the roots that are allowed"},
	MethodNotAllowed: {Status: http.StatusMethodNotAllowed, Title: "Method not allowed", Means: "the path knows other methods: Allow lists them"},
	NotAcceptable:    {Status: http.StatusNotAcceptable, Title: "Not acceptable", Means: "nothing of what Accept asks for can be had"},
	Timeout:          {Status: http.StatusRequestTimeout, Title: "Too slow", Means: "the request took too long to arrive"},
	Conflict:         {Status: http.StatusConflict, Title: "Conflict", Means: "the order makes no sense as the night or schedule stands"},
	KeyReused:        {Status: http.StatusUnprocessableEntity, Title: "Idempotency-Key reused", Means: "this Idempotency-Key came with another body in the last 30 days"},
	TooLarge:         {Status: http.StatusRequestEntityTooLarge, Title: "Too large", Means: "the body is above its limit"},
	UnsupportedMedia: {Status: http.StatusUnsupportedMediaType, Title: "Unsupported media type", Means: "the body's Content-Type isn't one that is read here"},
	TooManyRequests:  {Status: http.StatusTooManyRequests, Title: "Too many requests", Means: "Retry-After says when to go on"},
	ShuttingDown:     {Status: http.StatusServiceUnavailable, Title: "Shutting down", Means: "the server ends; ask again"},
}

// All is the table, by status and kind: for documentation.
func All() []Entry {
	out := make([]Entry, 0, len(table))
	for k, e := range table {
		e.Kind = k
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// Status is the HTTP status of a kind; 500 for one that nobody knows.
func Status(k batch.Kind) int {
	if e, ok := table[k]; ok {
		return e.Status
	}
	return http.StatusInternalServerError
}
