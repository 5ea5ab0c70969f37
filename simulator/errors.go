package simulator

import (
	"fmt"
	"net/http"
	"strings"
)

// Texts of the errors, from the public sources; where none is known the text
// is FastAPI's own.
const (
	textInvalidKey   = "Invalid API Key"                                                                                                                                    // 2025 server
	textMissingKey   = "API key is missing. Provide it in the x-api-key header."                                                                                            // body not documented
	textInsufficient = "Insufficient credits. Please add more credits to continue using the API. Visit https://swarms.world/platform/account to add more credits."          // 2025 server
	textPremiumOld   = "This endpoint is limited to premium subscribers. Upgrade at https://swarms.world/platform/account to get access."                                   // docs before 2026
	textPremium      = "Access to %s requires a premium subscription. Please upgrade your account to continue."                                                             // docs, premium-endpoints
	textBatchCap     = "ERROR: BATCH SIZE EXCEEDED - You can only run up to %d batch agents at a time. Please reduce your batch size and try again. Current batch size: %d" // server template of 2025-06
	textRunFailed    = "Failed to run swarm: "
)

// tooMany is the text of a 429. It is documented for the minute and the free
// tier; the other windows follow from its "window(s)".
func tooMany(windows []string, tier string) string {
	text := fmt.Sprintf("Rate limit exceeded for %s window(s).", strings.Join(windows, ", "))
	if tier == TierFree {
		text += " Upgrade to Premium for increased limits (2,000/min, 10,000/hour, 100,000/day) at https://swarms.world/platform/account for just $99/month."
	}
	return text
}

// premiumOnly is the 403 of a premium endpoint: an error object, not a detail
// (Swarms docs, premium-endpoints).
func (x *exchange) premiumOnly() {
	if x.sw.Premium403 == "detail" {
		x.fail(http.StatusForbidden, textPremiumOld)
		return
	}
	x.bare(http.StatusForbidden)
	x.json(http.StatusForbidden, map[string]any{"error": map[string]any{
		"type":          "premium_access_required",
		"message":       "Premium subscription required",
		"detail":        fmt.Sprintf(textPremium, x.endpoint),
		"status_code":   http.StatusForbidden,
		"upgrade_url":   "https://swarms.world/platform/account",
		"documentation": "https://docs.swarms.ai",
	}})
}

// refuse answers what a run raises before any work; the 2025 server turned
// all of it into a 500.
func (x *exchange) refuse(r *refusal) {
	if x.sw.WrapErrors && r.status != http.StatusInternalServerError {
		x.fail(http.StatusInternalServerError, fmt.Sprintf("%d: %s", r.status, r.detail))
		return
	}
	x.fail(r.status, r.detail)
}

// statusFault answers a status on cue with the body that belongs to it.
func (x *exchange) statusFault(a *armed, detail string) {
	status := a.Status
	if detail != "" {
		x.fail(status, detail)
		return
	}
	switch status {
	case http.StatusUnauthorized:
		x.fail(status, textInvalidKey)
	case http.StatusPaymentRequired:
		x.fail(status, textInsufficient)
	case http.StatusForbidden:
		x.premiumOnly()
	case http.StatusUnprocessableEntity:
		x.fail(status, []invalid{{"missing", []any{"body", "task"}, "Field required"}})
	case http.StatusTooManyRequests:
		x.fail(status, tooMany([]string{"minute"}, x.tier))
	case http.StatusOK, http.StatusInternalServerError:
		x.fail(status, textRunFailed+"litellm.InternalServerError: upstream model error")
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		x.answer(status, "text/html; charset=UTF-8", fmt.Appendf(nil, "<html><head><title>%d %s</title></head><body><h1>%s</h1></body></html>\n", status, http.StatusText(status), http.StatusText(status)))
	default:
		if status >= 300 && status < 400 { // a redirect to itself: a client that follows it buys twice
			x.w.Header().Set("Location", x.r.URL.RequestURI())
		}
		x.fail(status, http.StatusText(status))
	}
}
