package swarms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
)

// defaultWait is how long a 429 that says nothing is waited for: the length of
// the shortest rate-limit window.
const defaultWait = 60 * time.Second

// fault is the one place where a fault of this package is made.
func (x *exchange) fault(k batch.Kind, moved batch.Moved, detail string, cause error) *batch.Fault {
	return &batch.Fault{
		Kind: k, Op: x.ask.op(), Moved: moved, Status: x.rec.Status,
		Detail: detail, Hint: hints[k], Err: sentinels(cause),
	}
}

var hints = map[batch.Kind]string{
	batch.KeyRefused:     "check SWARMS_API_KEY, and whether the account's tier covers this model and endpoint",
	batch.CreditsTooLow:  "add credits at https://swarms.world/platform/account, then resume",
	batch.NotSent:        "nothing was sent; check SWARMS_BASE_URL, the network and the proxy",
	batch.OutcomeUnknown: "it may have run and been billed: look in the provider's log before sending it again",
	batch.OutOfReach:     "the provider didn't answer a free request as documented; try again later",
}

// unanswered judges a request that got no status line.
func (x *exchange) unanswered(err error) error {
	cancelled := errors.Is(x.parent.Err(), context.Canceled)
	detail := x.whyBroken(err)
	switch {
	case x.rec.Wrote == provider.WroteNothing && cancelled:
		return x.fault(batch.Cancelling, batch.MovedNo, "cancelled before anything was sent", context.Canceled)
	case x.rec.Wrote == provider.WroteNothing:
		return x.fault(batch.NotSent, batch.MovedNo, detail, err)
	case x.ask.paid:
		return x.fault(batch.OutcomeUnknown, batch.MovedMaybe, detail, err)
	case cancelled:
		return x.fault(batch.Cancelling, batch.MovedNo, detail, context.Canceled)
	}
	return x.fault(batch.OutOfReach, batch.MovedNo, detail, err)
}

// unreadable judges a 2xx answer that can't be used. The provider answers 2xx
// after the run, so a paid one is billed; what is lost is the amount.
func (x *exchange) unreadable(detail string) error {
	if !x.ask.paid {
		if errors.Is(x.parent.Err(), context.Canceled) {
			return x.fault(batch.Cancelling, batch.MovedNo, detail, context.Canceled)
		}
		return x.fault(batch.OutOfReach, batch.MovedNo, detail, nil)
	}
	f := x.fault(batch.OutcomeUnknown, batch.MovedYes, detail, nil)
	f.Hint = "it ran and was billed; the amount is in the provider's log; don't send it again"
	return f
}

// whyBroken says in our words what ended an exchange early. net/http's own
// errors may repeat bytes of the answer, so the key is taken out.
func (x *exchange) whyBroken(err error) string {
	switch {
	case errors.Is(err, errTooLarge):
		return err.Error()
	case errors.Is(x.parent.Err(), context.Canceled):
		return "cancelled while waiting for the answer"
	case x.ctx.Err() != nil && x.rec.Wrote == provider.WroteNothing:
		return fmt.Sprintf("not connected within %s", x.limit)
	case x.parent.Err() != nil:
		return "no complete answer before the caller's deadline"
	case x.ctx.Err() != nil:
		return fmt.Sprintf("no complete answer within %s", x.limit)
	case x.rec.Wrote == provider.Answered && errors.Is(err, io.ErrUnexpectedEOF):
		return "the answer was cut short"
	}
	return x.c.secret.Text(err.Error())
}

// wrapped finds the status that an older server wraps: it turned every
// exception inside a run, its own 400, 402 and 429 included, into a 500 whose
// detail begins with the number (The-Swarm-Corporation/Swarms-API, api.py,
// 2025-05-28).
var wrapped = regexp.MustCompile(`^\s*(4\d\d):`)

// effective is the status that an answer means, and whether it was wrapped in
// a 5xx. Only the API's own JSON counts: a gateway's text may begin with any
// number.
func effective(status int, p problem) (int, bool) {
	if status >= 500 && p.structured {
		if m := wrapped.FindStringSubmatch(p.detail); m != nil {
			n, err := strconv.Atoi(m[1])
			return n, err == nil
		}
	}
	return status, false
}

// refusesTemperature knows the 500 with which a model that takes no
// temperature (Opus 4.8) ends a run. It ends within the run, before anything
// is priced.
func refusesTemperature(p problem) bool {
	d := strings.ToLower(p.detail)
	return p.structured && strings.Contains(d, "temperature") && strings.Contains(d, "deprecated")
}

// judge turns an answer that isn't 2xx into its fault.
func (x *exchange) judge(p problem) error {
	p.detail = x.c.secret.Text(p.detail)
	status, inner := effective(x.rec.Status, p)
	f := x.fault(x.kindOf(status), batch.MovedNo, p.detail, nil)
	switch f.Kind {
	case batch.RateLimited:
		x.rec.Limits.Exceeded = exceeded(p.detail)
		f.After = x.c.wait(x.resp.Header, x.rec)
		f.Hint = "nothing ran; wait as long as the provider asks"
	case batch.CreditsTooLow:
		// The check at the door says 402 itself. Wrapped in a 500 it comes from
		// the deduction behind the run: the work is done, the books unsure.
		if inner && x.ask.paid {
			f.Moved = batch.MovedMaybe
		}
	case batch.OutcomeUnknown:
		if refusesTemperature(p) {
			f.Kind, f.Hint = batch.RejectedByAPI, "leave temperature out for this model"
			break
		}
		f.Moved = batch.MovedMaybe
	}
	if f.After == 0 && x.rec.Status == http.StatusServiceUnavailable {
		f.After = x.rec.Limits.RetryAfter
	}
	return f
}

func (x *exchange) kindOf(status int) batch.Kind {
	switch {
	case status == http.StatusTooManyRequests:
		return batch.RateLimited
	case status == http.StatusPaymentRequired:
		return batch.CreditsTooLow
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return batch.KeyRefused
	case status == http.StatusRequestTimeout, // gateways say it of a backend that took too long
		status == 499,                 // and this one of a client that left: the run may go on
		status == http.StatusSeeOther, // the answer to a POST that was carried out
		status < 300 || status >= 500: // 101, and every plain server error
		if x.ask.paid {
			return batch.OutcomeUnknown
		}
		return batch.OutOfReach
	}
	return batch.RejectedByAPI
}

// NeedsPremium says whether a refusal is about the account's tier (a premium
// endpoint or model) and not about the key. A batch request that meets it can
// be sent as single ones. Both bodies are known: an error object of type
// premium_access_required, and before it a detail that speaks of premium
// subscribers (Swarms docs, premium-endpoints).
func NeedsPremium(err error) bool {
	var f *batch.Fault
	return errors.As(err, &f) && f.Kind == batch.KeyRefused && f.Status == http.StatusForbidden &&
		strings.Contains(strings.ToLower(f.Detail), "premium")
}

// sentinels keeps what errors.Is can be asked about an error, and not the
// error: net/http's repeat bytes of the answer, which may hold the key.
func sentinels(err error) error {
	var c cause
	for _, s := range []error{
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF,
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE,
	} {
		if errors.Is(err, s) {
			c = append(c, s)
		}
	}
	if len(c) == 0 {
		return nil
	}
	return c
}

type cause []error

func (c cause) Error() string   { return errors.Join(c...).Error() }
func (c cause) Unwrap() []error { return c }
