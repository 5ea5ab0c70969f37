package swarms

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
)

const premiumBody = `{"error":{"type":"premium_access_required","message":"Premium subscription required","detail":"Access to batches requires a premium subscription.","status_code":403,"upgrade_url":"https://swarms.world/platform/account"}}`

var statusCases = []struct {
	name        string
	status      int
	contentType string
	body        string
	kind        batch.Kind
	moved       batch.Moved
	detail      string // exact; "" for none
}{
	{"bad request", 400, "application/json", `{"detail":"There is no task"}`, batch.RejectedByAPI, batch.MovedNo, "There is no task"},
	{"missing key", 401, "application/json", `{"detail":"Not authenticated"}`, batch.KeyRefused, batch.MovedNo, "Not authenticated"},
	{"credits at the door", 402, "application/json", `{"detail":"Insufficient credits."}`, batch.CreditsTooLow, batch.MovedNo, "Insufficient credits."},
	{"wrong key", 403, "application/json", `{"detail":"Invalid API Key"}`, batch.KeyRefused, batch.MovedNo, "Invalid API Key"},
	{"premium", 403, "application/json", premiumBody, batch.KeyRefused, batch.MovedNo, "premium_access_required: Premium subscription required: Access to batches requires a premium subscription."},
	{"not found", 404, "application/json", `{"detail":"Not Found"}`, batch.RejectedByAPI, batch.MovedNo, "Not Found"},
	{"method", 405, "application/json", `{"detail":"Method Not Allowed"}`, batch.RejectedByAPI, batch.MovedNo, "Method Not Allowed"},
	{"gateway gave up", 408, "text/plain", "", batch.OutcomeUnknown, batch.MovedMaybe, ""},
	{"conflict", 409, "application/json", `{"detail":{"message":"busy"}}`, batch.RejectedByAPI, batch.MovedNo, "busy"},
	{"gone", 410, "text/plain", "gone", batch.RejectedByAPI, batch.MovedNo, "gone"},
	{"too large", 413, "text/plain", "Payload Too Large", batch.RejectedByAPI, batch.MovedNo, "Payload Too Large"},
	{"validation", 422, "application/json", `{"detail":[{"loc":["body",0,"swarm_type"],"msg":"not a valid enumeration member","type":"type_error.enum","input":"the prompt"},{"loc":["header","x-api-key"],"msg":"field required","type":"value_error.missing"}]}`, batch.RejectedByAPI, batch.MovedNo, "body.0.swarm_type: not a valid enumeration member; header.x-api-key: field required"},
	{"odd client error", 451, "application/json", `[]`, batch.RejectedByAPI, batch.MovedNo, "[]"},
	{"client left", 499, "text/plain", "", batch.OutcomeUnknown, batch.MovedMaybe, ""},
	{"limited", 429, "application/json", `{"detail":"Rate limit exceeded for minute window(s)."}`, batch.RateLimited, batch.MovedNo, "Rate limit exceeded for minute window(s)."},
	{"run failed", 500, "application/json", `{"detail":"Failed to run swarm: boom"}`, batch.OutcomeUnknown, batch.MovedMaybe, "Failed to run swarm: boom"},
	{"plain 500", 500, "text/plain", "Internal Server Error", batch.OutcomeUnknown, batch.MovedMaybe, "Internal Server Error"},
	{"wrapped 400", 500, "application/json", `{"detail":"400: There is no task"}`, batch.RejectedByAPI, batch.MovedNo, "400: There is no task"},
	{"wrapped 401", 500, "application/json", `{"detail":"401: no"}`, batch.KeyRefused, batch.MovedNo, "401: no"},
	{"late 402", 500, "application/json", `{"detail":"402: Insufficient credits"}`, batch.CreditsTooLow, batch.MovedMaybe, "402: Insufficient credits"},
	{"wrapped 422", 503, "application/json", `{"detail":"422: nope"}`, batch.RejectedByAPI, batch.MovedNo, "422: nope"},
	{"wrapped 429", 500, "application/json", `{"detail":"429: slow down"}`, batch.RateLimited, batch.MovedNo, "429: slow down"},
	{"wrapped 408", 500, "application/json", `{"detail":"408: too long"}`, batch.OutcomeUnknown, batch.MovedMaybe, "408: too long"},
	{"a gateway's number", 502, "text/plain", "404: no such backend", batch.OutcomeUnknown, batch.MovedMaybe, "404: no such backend"},
	{"number in the middle", 500, "application/json", `{"detail":"Failed to run swarm: 429: upstream"}`, batch.OutcomeUnknown, batch.MovedMaybe, "Failed to run swarm: 429: upstream"},
	{"temperature", 500, "application/json", "{\"detail\":\"Failed to run swarm: `temperature` is deprecated for this model\"}", batch.RejectedByAPI, batch.MovedNo, "Failed to run swarm: `temperature` is deprecated for this model"},
	{"html", 502, "text/html; charset=utf-8", "<html><head><title>502 Bad&nbsp;Gateway</title></head><body>x</body></html>", batch.OutcomeUnknown, batch.MovedMaybe, "502 Bad Gateway"},
	{"html without title", 503, "text/html", "<p>down", batch.OutcomeUnknown, batch.MovedMaybe, "an HTML page without a title"},
	{"unavailable", 503, "application/json", `{"message":"maintenance"}`, batch.OutcomeUnknown, batch.MovedMaybe, "maintenance"},
	{"gateway timeout", 504, "text/plain", "", batch.OutcomeUnknown, batch.MovedMaybe, ""},
	{"openai style", 500, "application/json", `{"error":{"message":"overloaded","type":"server_error","code":null,"param":null}}`, batch.OutcomeUnknown, batch.MovedMaybe, "server_error: overloaded"},
	{"broken json", 500, "application/json", `{"detail":"cut`, batch.OutcomeUnknown, batch.MovedMaybe, `{"detail":"cut`},
	{"json string", 400, "application/json", `"just text"`, batch.RejectedByAPI, batch.MovedNo, "just text"},
	{"moved", 301, "text/plain", "", batch.RejectedByAPI, batch.MovedNo, ""},
	{"see other", 303, "text/plain", "", batch.OutcomeUnknown, batch.MovedMaybe, ""},
	{"kept redirect", 307, "text/plain", "", batch.RejectedByAPI, batch.MovedNo, ""},
	{"permanent redirect", 308, "text/plain", "", batch.RejectedByAPI, batch.MovedNo, ""},
	{"no content", 204, "text/plain", "", batch.OutcomeUnknown, batch.MovedYes, "the answer is empty"},
	{"part", 206, "application/json", `{"status":"success"}`, batch.OutcomeUnknown, batch.MovedYes, "the answer is a part of something that wasn't asked for in parts"},
	{"empty 200", 200, "application/json", " ", batch.OutcomeUnknown, batch.MovedYes, "the answer is empty"},
	{"not json", 200, "application/json", `{"status":`, batch.OutcomeUnknown, batch.MovedYes, "the answer isn't JSON"},
	{"html 200", 200, "text/html", `<html><title>login</title>`, batch.OutcomeUnknown, batch.MovedYes, "the answer isn't JSON"},
	{"not a run", 200, "application/json", `{"hello":1}`, batch.OutcomeUnknown, batch.MovedYes, "the answer is JSON, but no run"},
	{"a list", 200, "application/json", `[]`, batch.OutcomeUnknown, batch.MovedYes, "the answer is JSON, but no run"},
	{"event stream", 200, "text/event-stream", "data: {}\n\n", batch.OutcomeUnknown, batch.MovedYes, "the answer isn't JSON"},
	{"error in 200", 200, "application/json", `{"error":{"message":"model gone"}}`, batch.OutcomeUnknown, batch.MovedMaybe, "model gone"},
	{"failed run in 200", 200, "application/json", `{"status":"error","swarm_name":"x"}`, batch.OutcomeUnknown, batch.MovedMaybe, `the answer says that the run did not succeed: status "error"`},
	{"accepted for later", 202, "application/json", `{"job_id":"swarms-1","status":"pending"}`, batch.OutcomeUnknown, batch.MovedMaybe, `the answer says that the run did not succeed: status "pending"`},
}

func TestEveryStatus(t *testing.T) {
	for _, tc := range statusCases {
		t.Run(tc.name, func(t *testing.T) {
			var arrivals atomic.Int64
			h := answer(tc.status, tc.contentType, tc.body)
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				arrivals.Add(1)
				w.Header().Set("Location", "/elsewhere")
				h(w, r)
			})
			_, rec, f := complete(t, c)
			if f == nil {
				t.Fatal("no fault")
			}
			got := []any{f.Kind, f.Moved, f.Status, f.Detail, f.Op}
			want := []any{tc.kind, tc.moved, tc.status, tc.detail, "POST " + PathCompletions}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if rec.Status != tc.status || rec.Wrote != provider.Answered || rec.BodyHash == "" || rec.Header.Get("Location") != "" {
				t.Errorf("receipt %+v", rec)
			}
			if n := arrivals.Load(); n != 1 {
				t.Errorf("%d requests arrived", n)
			}
			if want := tc.kind == batch.RateLimited; want != (f.After > 0) {
				t.Errorf("after = %s", f.After)
			}
		})
	}
}

// A free read moves no money, whatever comes back.
func TestEveryStatusOfARead(t *testing.T) {
	for _, tc := range statusCases {
		if is2xx(tc.status) {
			continue
		}
		c := serve(t, answer(tc.status, tc.contentType, tc.body))
		_, rec, err := c.Credits(t.Context())
		f := faultOf(t, err)
		want := tc.kind
		if want == batch.OutcomeUnknown || tc.name == "temperature" {
			want = batch.OutOfReach
		}
		if f.Kind != want || f.Moved != batch.MovedNo || f.Status != tc.status || rec.Method != http.MethodGet {
			t.Errorf("%s: %+v", tc.name, *f)
		}
	}
}

func TestNeedsPremium(t *testing.T) {
	for body, want := range map[string]bool{
		premiumBody: true,
		`{"detail":"This endpoint is limited to premium subscribers."}`: true,
		`{"detail":"Invalid API Key"}`:                                  false,
	} {
		_, _, err := serve(t, answer(403, "application/json", body)).CompleteBatch(t.Context(), []byte(`[]`))
		if got := NeedsPremium(err); got != want {
			t.Errorf("%s: %t", body, got)
		}
	}
	if NeedsPremium(nil) || NeedsPremium(context.Canceled) {
		t.Error("needs premium without a refusal")
	}
}

// A server that repeats the key, in any place, doesn't get it into our books.
func TestEchoedKey(t *testing.T) {
	split := testKey[:5] + "\u200b" + testKey[5:] // hidden by a character that is taken out later
	long := strings.Repeat("x", wire.MaxDetail-10) + testKey
	bodies := []string{
		`{"detail":"bad key ` + testKey + `"}`, `{"detail":"` + long + `"}`,
		`{"detail":[{"loc":["` + testKey + `"],"msg":"` + testKey + `"}]}`, `{"error":{"message":"` + testKey + `"}}`,
		testKey, "<title>" + testKey + "</title>", `{"` + testKey + `":1}`,
		`{"status":"` + testKey + `","swarm_name":"` + testKey + `","output":"` + testKey + `","usage":{"billing_info":{"discount_type":"` + testKey + `"}}}`,
		`{"status":"success","swarm_type":"` + testKey + `","job_id":"` + testKey + `","detail":"` + testKey + `","execution_time":"` + testKey + `"}`,
	}
	_, _, f := complete(t, serve(t, answer(403, "application/json", `{"detail":"bad key `+split+`"}`)))
	if f.Detail != "bad key "+wire.Redacted {
		t.Errorf("detail %q", f.Detail)
	}
	for _, status := range []int{200, 400, 403, 429, 500} {
		for _, body := range bodies {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				for _, h := range []string{"Server", "X-Request-Id", "Via", "X-RateLimit-Tier", "Retry-After", "X-Other"} {
					w.Header().Set(h, r.Header.Get("X-Api-Key"))
				}
				answer(status, "application/json", body)(w, r)
			})
			if _, rec, _ := complete(t, c); rec.Header.Get("X-Other") != "" {
				t.Error("a header that isn't on the list was kept")
			}
			_, rec, err := c.Credits(t.Context())
			noKey(t, rec, err)
			_, rec, err = c.CompleteBatch(t.Context(), []byte(`[]`))
			noKey(t, rec, err)
			rec, err = c.Logs(t.Context(), func(r LogRow) error { noKey(t, r); return nil })
			noKey(t, rec, err)
		}
	}
	// Below HTTP: net/http repeats a status line that it can't read.
	url := rawServer(t, oneAnswer("HTTP/1.1 "+testKey+"\r\n\r\n"))
	_, _, f = complete(t, connect(t, Options{BaseURL: url}))
	if f == nil || f.Kind != batch.OutcomeUnknown || !strings.Contains(f.Detail, wire.Redacted) {
		t.Errorf("fault %+v", f)
	}
}

func TestDetailIsBounded(t *testing.T) {
	for _, body := range []string{
		strings.Repeat("é", 5000), `{"detail":"` + strings.Repeat("y", 5000) + `"}`, "a\x00b\x1b[31mc\r\nd", strings.Repeat("\xff", 900),
		`{"detail":` + strings.Repeat(`{"detail":`, 3000) + `1` + strings.Repeat("}", 3001),
		`{"detail":[` + strings.Repeat(`{"msg":"m"},`, 50) + `{"msg":"m"}]}`,
	} {
		_, _, f := complete(t, serve(t, answer(400, "text/plain", body)))
		if n := len([]rune(f.Detail)); n > wire.MaxDetail || strings.ContainsAny(f.Detail, "\x00\x1b\r\n\ufffd") {
			t.Errorf("%d characters: %q", n, f.Detail)
		}
	}
}

func TestWaitOfA429(t *testing.T) {
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		retry, reset, date string
		want               time.Duration
	}{
		{"42", "", "", 42 * time.Second},
		{"1.5", "", "", 1500 * time.Millisecond},
		{"0", "", "", time.Second},
		{"999999999999", "", "", 24 * time.Hour},
		{"-5", "", "", time.Minute},
		{"soon", "", "", time.Minute},
		{"", "", "", time.Minute},
		{"", fmt.Sprint(now.Unix() + 17), "", 17 * time.Second},
		{"", fmt.Sprint(now.Unix() - 17), "", time.Minute},
		{"", fmt.Sprint((now.Unix() + 17) * 1000), "", time.Minute}, // milliseconds: not this API's unit
		{"7", fmt.Sprint(now.Unix() + 17), "", 7 * time.Second},
		{"Sun, 22 Nov 2026 05:00:30 GMT", "", "Sun, 22 Nov 2026 05:00:10 GMT", 20 * time.Second},
		{"Sun, 22 Nov 2026 04:00:00 GMT", "", "Sun, 22 Nov 2026 05:00:10 GMT", time.Second},
		{"Sun, 22 Nov 2026 05:00:30 GMT", "", "not a date", 30 * time.Second},
	} {
		srv := func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h["Date"] = []string{tc.date}
			if tc.date == "" {
				h["Date"] = nil // net/http would add its own
			}
			h.Set("Retry-After", tc.retry)
			h.Set("X-RateLimit-Reset", tc.reset)
			answer(429, "application/json", `{"detail":"Rate limit exceeded for minute, hour window(s). Upgrade"}`)(w, r)
		}
		c := serve(t, srv)
		c.now = func() time.Time { return now }
		_, rec, f := complete(t, c)
		if f.After != tc.want || f.Kind != batch.RateLimited {
			t.Errorf("%+v: waits %s", tc, f.After)
		}
		if d := cmp.Diff([]string{"minute", "hour"}, rec.Limits.Exceeded); d != "" {
			t.Error(d)
		}
	}
}
