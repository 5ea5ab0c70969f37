package dialect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
)

type jsonText = json.RawMessage

// MaxAnswer bounds what is read of an answer, in bytes after decompression.
const MaxAnswer = 16 << 20

// Facts are what a request is made of.
type Facts struct {
	ID   string              // the job's request id: the same for every attempt
	Name string              // of the job
	Job  json.RawMessage     // its request
	Kept map[string]jsonText // what earlier steps kept: "quote.id"
}

// find is a reference's value.
func (f Facts) find(c *Client) lookup {
	return func(name string) (jsonText, bool) {
		kind, rest, _ := strings.Cut(name, ".")
		switch kind {
		case "id":
			return quoted(f.ID), true
		case "name":
			return quoted(f.Name), true
		case "job":
			if rest == "" {
				return f.Job, true
			}
			return at(f.Job, "/"+strings.ReplaceAll(strings.ReplaceAll(rest, "~", "~0"), "/", "~1"))
		case "setting":
			v := c.settings[rest]
			return quoted(v), v != ""
		case "secret":
			v, ok := c.secrets()[rest]
			return quoted(v), ok
		}
		v, ok := f.Kept[name]
		return v, ok
	}
}

// Answer is what came of a request.
type Answer struct {
	Do     Action
	Kept   map[string]jsonText // for later steps: "quote.id"
	From   string              // of redo: the step to begin with
	Most   int                 // of redo: how often
	After  time.Duration       // of wait and hold: how long
	Said   string              // how far the work is, for people
	Price  money.Literal       // known, or not
	JobID  string              // the provider's name of the job
	Raw    jsonText            // the answer without the secrets
	Code   string              // of an error
	Ticket string              // the provider's name of the request

	// Fault says the rest of anything but done and going. Its Moved says whether
	// money may have moved.
	Fault *batch.Fault
}

// Absent is what Look says when there is no such job.
const Absent Action = "absent"

// Do makes the request of the i-th step.
func (c *Client) Do(ctx context.Context, i int, f Facts) (Answer, provider.Receipt) {
	s := &c.d.Steps[i]
	x := &exchange{c: c, step: s, name: s.Name, paid: s.Paid, method: s.Method, path: s.Path, query: s.Query}
	var err error
	if s.Body != nil {
		x.body, err = s.Body.fill(f.find(c))
	}
	x.headers = s.Headers
	a, rec := x.run(ctx, f, err)
	if a.Do == Done || a.Do == Going || a.Do == Reject && s.Until != nil {
		x.understand(&a, i)
	}
	return a, rec
}

// Look asks whether there is a job whose answer was lost: done says what its
// paid step would have kept, absent that there is none, retry that nobody
// knows.
func (c *Client) Look(ctx context.Context, f Facts) (Answer, provider.Receipt) {
	l := c.d.Lookup
	x := &exchange{c: c, name: "lookup", method: l.Method, path: l.Path, query: l.Query}
	a, rec := x.run(ctx, f, nil)
	for _, status := range l.Absent {
		if rec.Status == status {
			return Answer{Do: Absent, Raw: a.Raw}, rec
		}
	}
	if a.Do != Done {
		return a, rec
	}
	if list, ok := at(a.Raw, l.Empty); l.Empty != "" && ok && string(bytes.TrimSpace(list)) == "[]" {
		return Answer{Do: Absent, Raw: a.Raw}, rec
	}
	if missing := x.keep(&a, c.d.Steps[c.d.Paid()].Name, l.Keep); missing != "" {
		x.broken(&a, "the answer has no "+missing)
	}
	return a, rec
}

// exchange is one request.
type exchange struct {
	c       *Client
	step    *Step // nil for a lookup
	name    string
	paid    bool
	method  string
	path    Text
	query   map[string]Text
	headers map[string]Text
	body    []byte

	rec    provider.Receipt
	header http.Header
}

// run makes the request and judges its status.
func (x *exchange) run(ctx context.Context, f Facts, early error) (Answer, provider.Receipt) {
	c := x.c
	x.rec = provider.Receipt{Method: x.method, Path: string(x.path), Wrote: provider.WroteNothing, SentAt: c.now()}
	req, err := x.request(ctx, f)
	if err = errors.Join(early, err); err != nil {
		return x.fail(Reject, batch.BadInput, batch.MovedNo, "the request can't be made: "+c.red.Text(err.Error()), nil), x.rec
	}
	if ctx.Err() != nil {
		return x.fail(Retry, batch.Cancelling, batch.MovedNo, "cancelled before anything was sent", context.Canceled), x.rec
	}
	var watch wire.Watch
	within, cancel := context.WithTimeout(ctx, c.timeoutOf(ctx))
	defer cancel()
	req = req.WithContext(httptrace.WithClientTrace(within, watch.Trace()))
	x.rec.SentAt = c.now()
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		x.rec.Wrote, x.rec.Elapsed = watch.Wrote(), c.now().Sub(x.rec.SentAt)
		return x.unanswered(ctx, err), x.rec
	}
	x.rec.Wrote, x.rec.Status, x.header = provider.Answered, resp.StatusCode, resp.Header
	body, err := x.read(resp)
	cancel() // before Close: no waiting for the rest of a body that nobody wants
	_ = resp.Body.Close()
	x.rec.Elapsed = c.now().Sub(x.rec.SentAt)
	x.rec.Header = x.kept(resp.Header)
	x.rec.Limits = c.told(resp.Header, x.rec.EndedAt())
	a := x.judge(body, err)
	x.rec.Code, x.rec.Ticket = a.Code, a.Ticket
	return a, x.rec
}

func (x *exchange) request(ctx context.Context, f Facts) (*http.Request, error) {
	find := f.find(x.c)
	path, err := x.path.fill(find, url.PathEscape)
	if err != nil {
		return nil, err
	}
	// ".." would be another path; it comes from a job's field or from the other
	// side.
	for _, part := range strings.Split(path, "/") {
		if part == ".." || part == "." {
			return nil, errors.New("a part of its path is " + part)
		}
	}
	x.rec.Path = x.c.red.Line(path)
	target := x.c.base + path
	if len(x.query) > 0 {
		q := url.Values{}
		for name, t := range x.query {
			v, err := t.fill(find, func(s string) string { return s })
			if err != nil {
				return nil, err
			}
			q.Set(name, v)
		}
		target += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, x.method, target, nil)
	if err != nil {
		return nil, errors.New("its address isn't one")
	}
	req.Body, req.ContentLength, req.GetBody = wire.Body(x.body), int64(len(x.body)), nil
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", x.c.agent)
	if x.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, headers := range []map[string]Text{x.c.d.Headers, x.headers} {
		for name, t := range headers {
			v, err := t.fill(find, func(s string) string { return s })
			if err != nil {
				return nil, err
			}
			req.Header.Set(name, v)
		}
	}
	return req, nil
}

var errLarge = fmt.Errorf("answer is above the limit of %d bytes", MaxAnswer)

// read takes the body in.
func (x *exchange) read(resp *http.Response) ([]byte, error) {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, errors.New("connection was switched to another protocol") // its body has no end
	}
	var buf bytes.Buffer
	_, err := io.Copy(&buf, io.LimitReader(resp.Body, MaxAnswer+1))
	if err == nil && buf.Len() > MaxAnswer {
		err = errLarge
	}
	sum := sha256.Sum256(buf.Bytes())
	x.rec.BodySize, x.rec.BodyHash, x.rec.Truncated = int64(buf.Len()), hex.EncodeToString(sum[:]), err != nil
	return buf.Bytes(), err
}

// understand reads what a step's answer is asked for.
func (x *exchange) understand(a *Answer, i int) {
	d, s := x.c.d, x.step
	if s.Until != nil {
		x.progress(a, s.Until)
		if a.Do != Done && a.Do != Reject {
			return
		}
	}
	if missing := x.keep(a, s.Name, s.Keep); missing != "" && a.Do == Done {
		x.broken(a, "the answer has no "+missing)
		return
	}
	if i < d.Paid() || i < len(d.Steps)-1 {
		return
	}
	if v, ok := first(a.Raw, d.Price.ID); ok {
		a.JobID = wire.Clip(plain(v), 200)
	}
	a.Price = d.price(a.Raw)
}

// progress reads how far the work is.
func (x *exchange) progress(a *Answer, u *Until) {
	if a.Do == Reject {
		return // refused by its status: nothing to read
	}
	v, _ := at(a.Raw, u.At)
	state := plain(v)
	in := func(list []string) bool {
		for _, s := range list {
			if strings.EqualFold(s, state) {
				return true
			}
		}
		return false
	}
	if p, ok := first(a.Raw, u.Progress); ok {
		a.Said = wire.Clip(x.c.red.Text(plain(p)), 40)
	}
	switch {
	case in(u.Done):
		a.Do = Done
	case in(u.Going):
		a.Do = Going
	case in(u.Failed):
		message := "the work failed"
		if m, ok := first(a.Raw, u.Message); ok {
			message += ": " + x.c.red.Text(plain(m))
		}
		raw, said := a.Raw, a.Said
		*a = x.fail(Reject, batch.RejectedByAPI, batch.MovedMaybe, message, nil)
		a.Raw, a.Said, a.Fault.Status = raw, said, 0 // the answer was good; what it tells isn't
	default:
		x.broken(a, fmt.Sprintf("its state is %q, which the dialect doesn't know", wire.Clip(x.c.red.Text(state), 40)))
	}
}

// keep takes what later steps need, and names what isn't there.
func (x *exchange) keep(a *Answer, step string, keep map[string][]string) (missing string) {
	for name, from := range keep {
		v, ok := x.value(a.Raw, from)
		if !ok {
			missing = name
			continue
		}
		if a.Kept == nil {
			a.Kept = map[string]jsonText{}
		}
		a.Kept[step+"."+name] = v
	}
	return missing
}

func (x *exchange) value(raw jsonText, from []string) (jsonText, bool) {
	for _, p := range from {
		h, header := strings.CutPrefix(p, "header:")
		if !header {
			if v, ok := first(raw, []string{p}); ok {
				return v, true
			}
			continue
		}
		h, last := strings.CutSuffix(h, "#last")
		v := strings.TrimSpace(x.header.Get(h))
		if last {
			if u, err := url.Parse(v); err == nil {
				v = strings.TrimRight(u.Path, "/")
			}
			v = v[strings.LastIndex(v, "/")+1:]
		}
		if v != "" {
			return quoted(x.c.red.Line(wire.Clip(v, 500))), true
		}
	}
	return nil, false
}

// price reads an amount in the API's unit, exactly.
func (d *Dialect) price(raw jsonText) money.Literal {
	switch {
	case d.Price.Fixed != nil:
		return money.Literal{USD: *d.Price.Fixed, Text: d.Price.Fixed.String(), Known: true}
	case len(d.Price.At) == 0:
		return money.Literal{}
	}
	v, ok := first(raw, d.Price.At)
	var l money.Literal
	if !ok || json.Unmarshal(v, &l) != nil || !l.Known || l.USD < 0 {
		return money.Literal{}
	}
	if d.Price.Unit == Cents {
		r := l.USD.Rat()
		r.Quo(r, hundred)
		usd, err := money.FromRat(r)
		if err != nil {
			return money.Literal{}
		}
		l.USD, l.Text = usd, usd.String() // the books' texts are dollars; the literal is in the answer
	}
	return l
}
