package swarms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
)

// The paid endpoints.
const (
	PathCompletions = "/v1/swarm/completions"
	PathBatch       = "/v1/swarm/batch/completions"
)

// maxItems bounds the items of a batch answer; no request of ours comes near.
const maxItems = 10_000

// Complete sends one run: payload is a request as Payload makes it. A
// Completion without Usage is no error: it ran, and the amount must be found
// elsewhere. A 2xx answer that says the run failed is returned with the fault
// of OutcomeUnknown, unless it carries usage: then it was billed, and comes
// back without an error and with OK false.
func (c *Client) Complete(ctx context.Context, payload []byte) (Completion, provider.Receipt, error) {
	a := ask{method: http.MethodPost, path: PathCompletions, body: payload, paid: true, limit: maxCompletion}
	if rec, err := c.checkPayload(a, '{'); err != nil {
		return Completion{}, rec, err
	}
	body, x, err := c.call(ctx, a)
	if err != nil {
		return Completion{}, x.rec, err
	}
	run, err := decodeCompletion(body)
	run = withoutKey(c.secret, run)
	if err != nil {
		return run, x.rec, x.unreadable(err.Error())
	}
	if !run.OK && run.Usage == nil {
		return run, x.rec, c.failedRun(a.op(), x.rec.Status, run)
	}
	return run, x.rec, nil
}

// CompleteBatch sends several runs in one request (premium accounts only).
// Items come back in no promised order and some may be missing or failed:
// join them by TagOf(SwarmName), and take what is missing for unknown. A
// failed item's fault is Completion.Fault.
func (c *Client) CompleteBatch(ctx context.Context, payload []byte) ([]Completion, provider.Receipt, error) {
	a := ask{method: http.MethodPost, path: PathBatch, body: payload, paid: true, limit: maxCompletion}
	if rec, err := c.checkPayload(a, '['); err != nil {
		return nil, rec, err
	}
	body, x, err := c.call(ctx, a)
	if err != nil {
		return nil, x.rec, err
	}
	runs, failed, err := decodeBatch(body)
	switch {
	case err != nil:
		return nil, x.rec, x.unreadable(err.Error())
	case failed != "":
		return nil, x.rec, c.failedRun(a.op(), x.rec.Status, Completion{Detail: c.secret.Text(failed)})
	}
	for i := range runs {
		runs[i] = withoutKey(c.secret, runs[i])
	}
	return runs, x.rec, nil
}

// Fault is what is wrong with an item of a batch answer; nil when OK. The
// answer's status was 200 whatever became of the item, and the item's own
// status code is lost on the way (Swarms docs, batch-swarm-completions), so
// only a text that begins with one, or that speaks of credits, is trusted.
func (r Completion) Fault() *batch.Fault {
	if r.OK {
		return nil
	}
	x := exchange{ask: ask{method: http.MethodPost, path: PathBatch, paid: true}}
	x.rec.Status = http.StatusOK
	p := problem{detail: r.Detail, structured: true}
	f := x.fault(batch.OutcomeUnknown, batch.MovedMaybe, r.Detail, nil)
	status, wrapped := effective(http.StatusInternalServerError, p)
	switch {
	case wrapped && x.kindOf(status) != batch.OutcomeUnknown:
		f.Kind, f.Moved = x.kindOf(status), batch.MovedNo
		if f.Kind == batch.CreditsTooLow {
			f.Moved = batch.MovedMaybe
		}
		if f.Kind == batch.RateLimited {
			f.After = defaultWait
		}
	case strings.HasPrefix(strings.ToLower(r.Detail), "insufficient credit"):
		f.Kind = batch.CreditsTooLow // found out behind the run: the work may be done
	case refusesTemperature(p):
		f.Kind, f.Moved = batch.RejectedByAPI, batch.MovedNo
	}
	f.Hint = hints[f.Kind]
	return f
}

func (c *Client) failedRun(op string, status int, run Completion) error {
	f := run.Fault()
	f.Op, f.Status = op, status
	if f.Detail == "" {
		f.Detail = "the answer says that the run did not succeed: status " + c.secret.Text(fmt.Sprintf("%q", run.Status))
	}
	return f
}

// checkPayload refuses what can't be a request before it is paid for.
func (c *Client) checkPayload(a ask, opens byte) (provider.Receipt, error) {
	t := bytes.TrimSpace(a.body)
	if len(t) > 0 && t[0] == opens && json.Valid(t) {
		return provider.Receipt{}, nil
	}
	kind := map[byte]string{'{': "object", '[': "array"}[opens]
	rec := provider.Receipt{Method: a.method, Path: a.path, Wrote: provider.WroteNothing, SentAt: c.now()}
	return rec, &batch.Fault{
		Kind: batch.BadInput, Op: a.op(), Moved: batch.MovedNo,
		Detail: fmt.Sprintf("the request of %d bytes is no JSON %s; nothing was sent", len(a.body), kind),
	}
}

// decodeBatch reads every documented shape of a batch answer: a bare list of
// items (with result or output, with or without usage, status, metadata), an
// object with such a list under results, and one run alone. failed is what an
// error object that came with status 200 says.
func decodeBatch(v []byte) (runs []Completion, failed string, err error) {
	v = bytes.TrimSpace(v)
	if len(v) == 0 {
		return nil, "", errors.New("the answer is empty")
	}
	switch v[0] {
	case '[':
		runs, err = decodeItems(v)
		return runs, "", err
	case '{':
		var o struct{ Results json.RawMessage }
		if json.Unmarshal(v, &o) != nil {
			return nil, "", errors.New("the answer isn't JSON")
		}
		if r := bytes.TrimSpace(o.Results); len(r) > 0 && r[0] == '[' {
			runs, err = decodeItems(r)
			return runs, "", err
		}
		if one, err := decodeCompletion(v); err == nil && one.SwarmName != "" {
			return []Completion{one}, "", nil
		}
		if msg, ok := failure(v); ok {
			return nil, msg, nil
		}
		return nil, "", errors.New("the answer is an object without results")
	}
	return nil, "", errors.New("the answer is neither a list nor an object")
}

// decodeItems reads a list one item at a time, so that a list of a million
// nothings costs no memory. An item that is no run keeps its place as one that
// isn't OK.
func decodeItems(v []byte) ([]Completion, error) {
	dec := json.NewDecoder(bytes.NewReader(v))
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("the answer isn't JSON")
	}
	runs := []Completion{}
	for dec.More() {
		if len(runs) == maxItems {
			return nil, fmt.Errorf("the answer has more than %d items", maxItems)
		}
		var item json.RawMessage
		if err := dec.Decode(&item); err != nil {
			return nil, errors.New("the answer isn't JSON")
		}
		run, err := decodeCompletion(item)
		if err != nil {
			run.OK, run.Detail = false, err.Error()
		}
		runs = append(runs, run)
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("the answer isn't JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the answer has something behind its end")
	}
	return runs, nil
}
