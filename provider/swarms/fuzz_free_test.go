package swarms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
)

// canned is a transport that answers everything alike. A fuzzer asks it
// thousands of times a second; that the client's own transport hands over what
// a socket brings is tested elsewhere.
type canned struct {
	status int
	header http.Header
	body   []byte
}

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		Status: http.StatusText(c.status), StatusCode: c.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: c.header, Body: io.NopCloser(bytes.NewReader(c.body)), ContentLength: -1,
	}, nil
}

func (c canned) client(t *testing.T) *Client {
	t.Helper()
	cl, err := New(Options{Key: testKey, Transport: c})
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

// soundFault checks an error of the client's: a fault of a known kind that
// holds no key and a bounded, printable message.
func soundFault(t *testing.T, err error) *batch.Fault {
	t.Helper()
	var f *batch.Fault
	if !errors.As(err, &f) || f.Kind == "" || f.Op == "" {
		t.Fatalf("%T %v is no fault that says what happened", err, err)
	}
	if strings.Contains(fmt.Sprintf("%+v %s", *f, err), testKey) || utf8.RuneCountInString(f.Detail) > wire.MaxDetail+100 || !utf8.ValidString(f.Detail) {
		t.Fatalf("%.200q", f.Detail)
	}
	return f
}

// isJSON is json.Valid, which looks only 10,000 levels deep.
func isJSON(b []byte) bool {
	return json.Valid(b) || bytes.Count(b, []byte("{"))+bytes.Count(b, []byte("[")) > 10_000
}

// deep are answers that nest as deep as a reader lets them.
func deep(f *testing.F, add func(string)) {
	f.Helper()
	for _, n := range []int{100, 9_999, 20_000} {
		add(strings.Repeat("[", n) + strings.Repeat("]", n))
		add(strings.Repeat(`{"detail":`, n) + `"x"` + strings.Repeat("}", n))
		add(`{"logs":[{"data":` + strings.Repeat(`{"api_key":`, n) + `1` + strings.Repeat("}", n) + `}]}`)
	}
}

// FuzzFreeAnswers: whatever a free endpoint answers, what is taken for an
// answer is one, no money moves, and the key comes back from nowhere.
func FuzzFreeAnswers(f *testing.F) {
	for _, name := range []string{"credits", "costs", "costs_flat", "rate_limits", "usage_report", "logs"} {
		b := testdata(f, name+".json")
		f.Add(uint16(200), "application/json", b)
		f.Add(uint16(200), "application/json", b[:len(b)/2])
	}
	for _, s := range []string{
		`{"status":"ok"}`, `{"models":["a",{"id":"b"},{"name":1},null]}`, `{"data":{}}`, `{"swarm_types":[["x"]]}`, `{"total_credits":1e308}`,
		`{"credit":9223372036854.775807,"free_credit":9223372036854.775807}`, `{"total_credits":"` + testKey + `"}`, `{"detail":"` + testKey + `"}`,
		`{"results":[{"day":"2026-11-22","total_cost":-0,"request_count":1e3}]}`, "\xff\xfe", `{"limits":{"maximum_requests_per_hour":-1}}`, `{"logs":[{"created_at":"` + testKey + `"}]}`,
	} {
		f.Add(uint16(200), "application/json", []byte(s))
		f.Add(uint16(503), "text/html", []byte(s))
	}
	deep(f, func(s string) { f.Add(uint16(200), "", []byte(s)) })
	f.Fuzz(func(t *testing.T, status uint16, contentType string, body []byte) {
		if status < 200 || status > 999 {
			return
		}
		c := canned{int(status), http.Header{"Content-Type": {contentType}}, body}.client(t)
		ctx := context.Background()
		judge := func(what string, rec provider.Receipt, err error, sound func() bool) {
			t.Helper()
			if rec.BodySize > int64(len(body)) || rec.Status != int(status) {
				t.Errorf("%s: receipt %+v", what, rec)
			}
			if err != nil {
				if fault := soundFault(t, err); fault.Moved != batch.MovedNo {
					t.Errorf("%s: money moved: %+v", what, fault)
				}
				return
			}
			if !is2xx(int(status)) || !isJSON(body) || !sound() {
				t.Errorf("%s: status %d and %.200q are taken for an answer", what, status, body)
			}
		}
		credits, rec, err := c.Credits(ctx)
		judge("credits", rec, err, func() bool { return credits.Total.Known })
		costs, rec, err := c.Costs(ctx)
		judge("costs", rec, err, func() bool {
			k := costs.Card
			return k.Night >= 0 && k.Night <= 1_000_000 && min(k.InputPerMillion, k.OutputPerMillion, k.PerAgent, k.Image, k.MCPCall, k.Search, k.Scrape) >= 0
		})
		limits, rec, err := c.RateLimits(ctx)
		judge("limits", rec, err, func() bool { return soundLimits(limits) })
		days, available, rec, err := c.UsageReport(ctx, time.Unix(0, 0), time.Unix(1<<31, 0))
		if status != http.StatusNotFound || available {
			judge("report", rec, err, func() bool { return len(days) <= len(body) })
		}
		for _, list := range []func(context.Context) ([]string, provider.Receipt, error){c.Models, c.SwarmsAvailable} {
			names, rec, err := list(ctx)
			judge("names", rec, err, func() bool { return !strings.Contains(strings.Join(names, " "), testKey) })
		}
		rec, err = c.Health(ctx)
		judge("health", rec, err, func() bool { return true })
		rec, err = c.Logs(ctx, func(r LogRow) error {
			if strings.Contains(fmt.Sprintf("%+v", r), testKey) {
				t.Errorf("the key is in a row of the log: %.200q", r.Run.Raw)
			}
			return nil
		})
		judge("logs", rec, err, func() bool { return true })
	})
}

func soundLimits(l provider.Limits) bool {
	for _, w := range l.Windows {
		if w.Limit <= 0 || w.Remaining < 0 || w.Span <= 0 || w.Name == "" {
			return false
		}
	}
	return l.TokensPerAgent >= 0 && l.RetryAfter >= 0 && l.RetryAfter <= maxWait && utf8.RuneCountInString(l.Tier) <= 40
}

// FuzzPaidAnswers: whatever answers a paid request, an answer that may have
// been billed is never taken for one that wasn't.
func FuzzPaidAnswers(f *testing.F) {
	seedPaid := func(s string) {
		for _, status := range []uint16{200, 206, 303, 400, 402, 408, 429, 500, 502, 504, 524} {
			f.Add(status, "application/json", []byte(s))
		}
	}
	for _, name := range []string{"completion", "completion_tokens_only", "batch_a", "batch_c", "batch_e"} {
		seedPaid(string(testdata(f, name+".json")))
	}
	seedPaid(`{"detail":"402: Insufficient credits"}`)
	seedPaid(`{"detail":"400: no task"}`)
	seedPaid(`<html><title>400: x</title></html>`)
	seedPaid(`{"error":{"type":"premium_access_required","detail":"premium"}}`)
	deep(f, func(s string) { f.Add(uint16(500), "", []byte(s)) })
	f.Fuzz(func(t *testing.T, status uint16, contentType string, body []byte) {
		if status < 200 || status > 999 {
			return
		}
		c := canned{int(status), http.Header{"Content-Type": {contentType}}, body}.client(t)
		one, rec, err := c.Complete(context.Background(), []byte(`{"name":"x"}`))
		soundPaid(t, int(status), body, rec, err)
		if err == nil && !one.OK && one.Usage == nil {
			t.Errorf("%.200q is taken for a run", body)
		}
		soundRun(t, one)
		many, rec, err := c.CompleteBatch(context.Background(), []byte(`[{"name":"x"}]`))
		soundPaid(t, int(status), body, rec, err)
		held := 0
		for _, item := range many {
			soundRun(t, item)
			if held += len(item.Raw); (item.Fault() == nil) != item.OK {
				t.Errorf("%+v", item)
			}
		}
		if held > len(body) {
			t.Errorf("%d bytes are held of an answer of %d", held, len(body))
		}
	})
}

func soundPaid(t *testing.T, status int, body []byte, rec provider.Receipt, err error) {
	t.Helper()
	if rec.Wrote != provider.Answered || rec.Status != status {
		t.Errorf("receipt %+v", rec)
	}
	if err == nil {
		if !is2xx(status) || status == http.StatusPartialContent || !isJSON(body) {
			t.Errorf("status %d and %.200q are taken for an answer", status, body)
		}
		return
	}
	fault := soundFault(t, err)
	switch {
	case fault.Kind == batch.NotSent, fault.Kind == batch.Internal, fault.Kind == batch.OutOfReach:
		t.Errorf("an answered paid request is %+v", fault)
	case fault.Kind == batch.OutcomeUnknown && fault.Moved == batch.MovedNo:
		t.Errorf("unknown, and no money moved: %+v", fault)
	case fault.Moved == batch.MovedNo && (is2xx(status) || status >= 500) && !isJSON(body):
		t.Errorf("status %d with %.200q: nothing says that it didn't run", status, body)
	}
}

// FuzzHeaders: rate headers, Retry-After and Date of any kind give bounded
// waits and windows that make sense.
func FuzzHeaders(f *testing.F) {
	f.Add("100", "42", "1795323660", "42", "Sun, 22 Nov 2026 05:01:00 GMT", "premium", int64(1_795_323_600))
	f.Add("-1", "1e3", "99999999999999999999", "1.0000000001", "Mon, 01 Jan 0001 00:00:00 GMT", "\xff", int64(0))
	f.Add("9223372036854775807", "9223372036854775807", "9223372036854775807", "Fri, 31 Dec 9999 23:59:59 GMT", "", strings.Repeat("é", 300), int64(math.MaxInt32))
	f.Add("0", "0", "0", "0", "x", testKey, int64(-1))
	f.Fuzz(func(t *testing.T, limit, left, reset, retry, date, tier string, now int64) {
		h := http.Header{}
		for name, v := range map[string]string{
			"X-RateLimit-Limit-Minute": limit, "X-RateLimit-Remaining-Minute": left, "X-RateLimit-Limit-Day": left, "X-RateLimit-Remaining-Day": limit,
			"X-RateLimit-Reset": reset, "Retry-After": retry, "Date": date, "X-RateLimit-Tier": tier, "Server": tier,
		} {
			h.Set(name, v)
		}
		h.Add("Retry-After", limit)
		c := canned{status: 429, header: h}.client(t)
		sent := time.Unix(now%(1<<40), 0)
		rec := provider.Receipt{SentAt: sent, Limits: c.limits(h, sent)}
		if !soundLimits(rec.Limits) || strings.Contains(rec.Limits.Tier, testKey) {
			t.Errorf("%+v", rec.Limits)
		}
		for _, w := range rec.Limits.Windows {
			if d := w.Reset.Sub(wire.Reference(h, sent)); !w.Reset.IsZero() && (d <= 0 || d > maxWait) {
				t.Errorf("window %s resets in %s", w.Name, d)
			}
		}
		if d := c.wait(h, rec); d <= 0 || d > maxWait {
			t.Errorf("a wait of %s", d)
		}
		for name, vs := range c.keepHeaders(h) {
			for _, v := range vs {
				if len(vs) > maxHeaderValues || utf8.RuneCountInString(v) > maxHeaderValue || strings.Contains(v, testKey) {
					t.Errorf("%s: %.200q", name, v)
				}
			}
		}
	})
}
