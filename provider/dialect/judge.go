package dialect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
)

var hundred = big.NewRat(100, 1)

// judge says what an answer means: by the declaration's table, else by its
// status. What isn't known of a paid step's answer is unknown, of a free one's
// worth another try.
//
//	429            wait
//	401, 403       stop
//	402            hold
//	408, 499, 5xx  unknown; a free step: retry
//	another        reject
func (x *exchange) judge(body []byte, err error) Answer {
	var doc jsonText
	if json.Valid(body) {
		doc = x.c.red.Raw(bytes.TrimSpace(body))
	}
	a := Answer{Raw: doc}
	e := x.c.d.Errors
	if v, ok := first(doc, e.Code); ok {
		a.Code = wire.Clip(x.c.red.Text(plain(v)), 80)
	}
	if v, ok := first(doc, e.Ticket); ok {
		a.Ticket = wire.Clip(x.c.red.Text(plain(v)), 120)
	} else {
		a.Ticket = wire.Clip(x.c.red.Text(x.header.Get("X-Request-Id")), 120)
	}
	status := x.rec.Status
	good := status >= 200 && status < 300 && status != http.StatusPartialContent
	rule := x.rule(a.Code, status, good)
	switch {
	case err != nil && good:
		x.broken(&a, x.why(err))
		return a
	case good && rule == nil:
		if doc == nil && x.reads() {
			x.broken(&a, "the answer isn't JSON")
			return a
		}
		a.Do = Done
		return a
	}
	message := x.message(doc, body, a)
	if rule != nil {
		return x.by(rule, a, message)
	}
	refuse := func(do Action, kind batch.Kind, moved batch.Moved) Answer {
		out := x.fail(do, kind, moved, message, nil)
		out.Raw, out.Code, out.Ticket = a.Raw, a.Code, a.Ticket
		return out
	}
	switch {
	case status == http.StatusTooManyRequests:
		out := refuse(Limited, batch.RateLimited, batch.MovedNo)
		out.After = x.after(doc)
		out.Fault.After = out.After
		return out
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return refuse(Stop, batch.KeyRefused, batch.MovedNo)
	case status == http.StatusPaymentRequired:
		out := refuse(Hold, batch.CreditsTooLow, batch.MovedNo)
		out.After = 5 * time.Minute
		return out
	case status == http.StatusRequestTimeout, status == 499, status == http.StatusSeeOther, status < 300, status >= 500:
		if x.paid {
			return refuse(Unknown, batch.OutcomeUnknown, batch.MovedMaybe)
		}
		out := refuse(Retry, batch.OutOfReach, batch.MovedNo)
		out.After, _ = wire.RetryAfter(x.header.Get(x.c.d.Wait.Header), x.rec.EndedAt(), x.c.d.Wait.Most)
		return out
	}
	return refuse(Reject, batch.RejectedByAPI, batch.MovedNo)
}

// reads says whether anything is looked for in the answer's body.
func (x *exchange) reads() bool {
	d, s := x.c.d, x.step
	if s == nil || s.Until != nil || s.Name == d.Steps[len(d.Steps)-1].Name && len(d.Price.At) > 0 {
		return true
	}
	for _, from := range s.Keep {
		if slices.ContainsFunc(from, func(p string) bool { return strings.HasPrefix(p, "/") }) {
			return true
		}
	}
	return false
}

// rule is the first of the table that fits. In a 2xx only a code says that it
// is an error after all.
func (x *exchange) rule(code string, status int, good bool) *Rule {
	for i := range x.c.d.Answers {
		r := &x.c.d.Answers[i]
		if r.Step != "" && r.Step != x.name || len(r.Codes) > 0 && !slices.Contains(r.Codes, code) ||
			len(r.Status) > 0 && !slices.Contains(r.Status, status) || good && len(r.Codes) == 0 {
			continue
		}
		return r
	}
	return nil
}

// by does what a rule says.
func (x *exchange) by(r *Rule, a Answer, message string) Answer {
	kinds := map[Action]batch.Kind{
		Reject: batch.RejectedByAPI, Limited: batch.RateLimited, Retry: batch.OutOfReach, Stop: batch.KeyRefused, Hold: batch.CreditsTooLow,
		Redo: batch.RejectedByAPI, Spent: batch.RejectedByAPI, Unknown: batch.OutcomeUnknown,
	}
	do, moved := r.Do, batch.MovedNo
	if do == Unknown {
		if moved = batch.MovedMaybe; !x.paid {
			do, moved = Retry, batch.MovedNo
		}
	}
	out := x.fail(do, kinds[do], moved, message, nil)
	out.Raw, out.Code, out.Ticket, out.From, out.Most = a.Raw, a.Code, a.Ticket, r.From, r.Most
	if r.Hint != "" {
		out.Fault.Hint = r.Hint
	}
	switch do {
	case Limited:
		out.After = x.after(a.Raw)
	case Hold:
		out.After = r.For
	case Retry:
		out.After, _ = wire.RetryAfter(x.header.Get(x.c.d.Wait.Header), x.rec.EndedAt(), x.c.d.Wait.Most)
	}
	out.Fault.After = out.After
	return out
}

// message is an error for people, with the ticket that support asks for.
func (x *exchange) message(doc jsonText, body []byte, a Answer) string {
	text := ""
	if v, ok := first(doc, x.c.d.Errors.Message); ok {
		text = x.c.red.Text(plain(v))
	} else if t := bytes.TrimSpace(body); len(t) > 0 && t[0] != '<' {
		text = x.c.red.Text(string(t[:min(len(t), 16<<10)]))
	} else if len(t) > 0 {
		text = "an HTML page"
	}
	if a.Code != "" {
		text = strings.TrimSuffix(a.Code+": "+text, ": ")
	}
	if a.Ticket != "" {
		text += " (request " + a.Ticket + ")"
	}
	return text
}

var hints = map[batch.Kind]string{
	batch.KeyRefused:     "nothing else is sent with it: check the secrets of this API, then run the batch again",
	batch.NotSent:        "nothing was sent: check the address, the network and the proxy",
	batch.OutcomeUnknown: "it may have run and been billed: it isn't sent again before that is known",
}

// fail is an answer that isn't one.
func (x *exchange) fail(do Action, kind batch.Kind, moved batch.Moved, detail string, cause error) Answer {
	return Answer{Do: do, Fault: &batch.Fault{
		Kind: kind, Op: x.method + " " + x.rec.Path, Thing: x.c.d.Name, Moved: moved, Status: x.rec.Status, Detail: detail, Hint: hints[kind], Err: cause,
	}}
}

// broken is an answer that can't be read: of a paid step it ran.
func (x *exchange) broken(a *Answer, detail string) {
	raw, code, ticket := a.Raw, a.Code, a.Ticket
	switch good := x.rec.Status >= 200 && x.rec.Status < 300; {
	case x.paid && good:
		*a = x.fail(Unknown, batch.OutcomeUnknown, batch.MovedYes, detail, nil)
	case x.paid:
		*a = x.fail(Unknown, batch.OutcomeUnknown, batch.MovedMaybe, detail, nil)
	default:
		*a = x.fail(Retry, batch.OutOfReach, batch.MovedNo, detail, nil)
	}
	a.Raw, a.Code, a.Ticket = raw, code, ticket
}

// unanswered judges a request that got no status line.
func (x *exchange) unanswered(ctx context.Context, err error) Answer {
	cancelled := errors.Is(ctx.Err(), context.Canceled)
	switch {
	case x.rec.Wrote == provider.WroteNothing && cancelled:
		return x.fail(Retry, batch.Cancelling, batch.MovedNo, "cancelled before anything was sent", context.Canceled)
	case x.rec.Wrote == provider.WroteNothing:
		return x.fail(Retry, batch.NotSent, batch.MovedNo, x.why(err), nil)
	case x.paid:
		return x.fail(Unknown, batch.OutcomeUnknown, batch.MovedMaybe, x.why(err), nil)
	}
	return x.fail(Retry, batch.OutOfReach, batch.MovedNo, x.why(err), nil)
}

// why says in our words what ended an exchange early: net/http's own errors may
// repeat bytes of the answer.
func (x *exchange) why(err error) string {
	switch {
	case errors.Is(err, errLarge):
		return err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no whole answer in the time that a request may take"
	case errors.Is(err, context.Canceled):
		return "cancelled while it was under way"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended before the answer did"
	}
	return x.c.red.Text(err.Error())
}

// told reads the limit headers.
func (c *Client) told(h http.Header, now time.Time) provider.Limits {
	var l provider.Limits
	if d, ok := wire.RetryAfter(h.Get(c.d.Wait.Header), now, c.d.Wait.Most); ok && c.d.Wait.Header != "" {
		l.RetryAfter, l.HasRetry = d, true
	}
	t := c.d.Told
	if t == nil {
		return l
	}
	limit, ok1 := wire.Count(h.Get(t.Limit))
	left, ok2 := wire.Count(h.Get(t.Remaining))
	if !ok1 || !ok2 || limit == 0 {
		return l
	}
	for _, w := range c.limits {
		if w.Name != t.Window {
			continue
		}
		if w.Limit == 0 { // the declaration's own is the contract's
			w.Limit = limit
		}
		w.Remaining = left
		if d, ok := c.reset(h, now); ok {
			w.Reset = now.Add(d)
		}
		l.Windows = append(l.Windows, w)
	}
	return l
}

// skew is how far the other side's clock may be off before its instants are
// read by its own Date header, which knows whole seconds only.
const skew = 5 * time.Second

// reset is how long it is until the window counts anew.
func (c *Client) reset(h http.Header, now time.Time) (time.Duration, bool) {
	t := c.d.Told
	if t == nil || t.Reset == "" || h.Get(t.Reset) == "" {
		return 0, false
	}
	v := strings.TrimSpace(h.Get(t.Reset))
	var at time.Time
	switch n, ok := wire.Count(v); {
	case t.ResetIs == ISO:
		iso, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return 0, false
		}
		at = iso
	case !ok || n > 1<<52:
		return 0, false
	case t.ResetIs == InSeconds:
		d := time.Duration(min(n, 400*24*3600)) * time.Second
		return d, true
	case t.ResetIs == Milliseconds:
		at = time.UnixMilli(n)
	default:
		at = time.Unix(min(n, 1<<40), 0)
	}
	ref := now
	if date := wire.Reference(h, now); date.Sub(now).Abs() > skew {
		ref = date
	}
	d := at.Sub(ref)
	return d, d > 0 && d <= 366*24*time.Hour
}

// after is how long a refusal by a limit is waited for: never zero, which would
// read as "not said".
func (x *exchange) after(doc jsonText) time.Duration {
	w, now := x.c.d.Wait, x.rec.EndedAt()
	said, ok := time.Duration(0), false
	if w.Header != "" {
		said, ok = wire.RetryAfter(x.header.Get(w.Header), now, w.Most)
	}
	if v, there := first(doc, pointerOf(w.Body)); there && !ok {
		said, ok = wire.RetryAfter(plain(v), now, w.Most)
	}
	reset, told := x.c.reset(x.header, now)
	switch {
	case ok && w.Rule == Later && told:
		said = max(said, reset)
	case ok:
	case told:
		said = reset
	default:
		said = w.Else
	}
	if said <= 0 {
		said = time.Second
	}
	return min(said, w.Most)
}

func pointerOf(p string) []string {
	if p == "" {
		return nil
	}
	return []string{p}
}

// kept are the headers that a receipt holds: bounded, and without the secrets.
func (x *exchange) kept(h http.Header) http.Header {
	names := []string{"Date", "Server", "Via", "Retry-After", "Content-Type", "Content-Length", "Content-Encoding", "X-Request-Id", x.c.d.Wait.Header}
	if t := x.c.d.Told; t != nil {
		names = append(names, t.Limit, t.Remaining, t.Reset)
	}
	out := http.Header{}
	for _, name := range names {
		name = http.CanonicalHeaderKey(name)
		if v := h.Get(name); name != "" && v != "" {
			out.Set(name, wire.Clip(x.c.red.Text(v), 200))
		}
	}
	return out
}

// Describe is a limit for people: "1 request in 2s".
func Describe(w provider.Window) string {
	n := strconv.FormatInt(w.Limit, 10) + " requests"
	switch w.Limit {
	case 0:
		n = "requests as they are told"
	case 1:
		n = "1 request"
	}
	if w.Step != "" {
		n = strings.Replace(n, "request", w.Step+" request", 1)
	}
	span := w.Span.String()
	if day := 24 * time.Hour; w.Span%day == 0 {
		span = fmt.Sprintf("%d days", w.Span/day)
	}
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(span, zero) {
			span = span[:len(span)-2]
		}
	}
	if span == "1 days" {
		span = "a day"
	}
	return fmt.Sprintf("%s in %s", n, span)
}
