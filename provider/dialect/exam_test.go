package dialect_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/provider/swarms"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secretPart = "never-to-be-printed"

// sat is what a request came to, as every client of a provider says it.
type sat struct {
	kind  batch.Kind
	moved batch.Moved
	after time.Duration
	rec   provider.Receipt
	all   string // everything that was returned, printed in every way
}

// candidate is one request of one API: all of them sit the same exam.
type candidate struct {
	name string
	paid bool
	good string // an answer that it takes
	send func(ctx context.Context, t *testing.T, base string, now func() time.Time) sat

	codes  []code
	waits  []wait
	limits map[string]string // headers of a limit of 7, 3 left
}

// code is one line of the API's own table.
type code struct {
	status int
	body   string
	kind   batch.Kind
	moved  batch.Moved // no when empty
}

// wait is one form in which a 429 says how long.
type wait struct {
	headers map[string]string
	body    string
	want    time.Duration
}

// noon is when the exam is sat.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func candidates(t *testing.T) []candidate {
	swiftia := func(code string, status int) string {
		return fmt.Sprintf(`{"status":%d,"message":"m","code":"%s"}`, status, code)
	}
	allswap := func(code string) string {
		return fmt.Sprintf(`{"error":{"code":"%s","message":"m","requestId":"req_1"}}`, code)
	}
	unknown, rejected, refused, limited, reach := batch.OutcomeUnknown, batch.RejectedByAPI, batch.KeyRefused, batch.RateLimited, batch.OutOfReach
	maybe := batch.MovedMaybe
	swiftiaCodes := func(paid bool) []code {
		broken := code{500, swiftia("INTERNAL_SERVER_ERROR", 500), reach, ""}
		if paid {
			broken = code{500, swiftia("INTERNAL_SERVER_ERROR", 500), unknown, maybe}
		}
		return []code{
			{400, swiftia("INVALID_INPUT", 400), rejected, ""},
			{401, swiftia("UNAUTHORIZED", 401), refused, ""},
			{403, swiftia("FORBIDDEN", 403), refused, ""},
			{403, `{"error":"fullStorage","message":"m","storageInfo":{"usedSize":1}}`, batch.CreditsTooLow, ""},
			{403, `{"error":"Phone verification required","message":"m"}`, refused, ""},
			{404, swiftia("NOT_FOUND", 404), rejected, ""},
			{429, swiftia("RATE_LIMIT_EXCEEDED", 429), limited, ""},
			broken,
			{500, swiftia("RENDERING_ERROR", 500), rejected, ""},
		}
	}
	swiftiaWaits := []wait{
		{map[string]string{"Retry-After": "1", "X-RateLimit-Reset": ms(noon.Add(1800 * time.Millisecond))}, "", 1800 * time.Millisecond},
		{map[string]string{"Retry-After": "3", "X-RateLimit-Reset": ms(noon.Add(1800 * time.Millisecond))}, "", 3 * time.Second},
		{map[string]string{"Retry-After": "1", "X-RateLimit-Reset": ms(noon.Add(-time.Hour))}, "", time.Second},
		{nil, `{"code":"RATE_LIMIT_EXCEEDED","retryAfter":4}`, 4 * time.Second},
		{nil, `{"code":"RATE_LIMIT_EXCEEDED"}`, 2 * time.Second},
	}
	swiftiaLimits := map[string]string{"X-RateLimit-Limit": "7", "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": ms(noon.Add(time.Second))}
	allswapCodes := func(paid bool) []code {
		kind, moved := reach, batch.Moved("")
		if paid {
			kind, moved = unknown, maybe
		}
		list := []code{
			{401, allswap("unauthorized"), refused, ""},
			{401, allswap("key_mismatch"), refused, ""},
			{403, allswap("forbidden"), refused, ""},
			{400, allswap("invalid_request"), rejected, ""},
			{400, allswap("unsupported_pair"), rejected, ""},
			{400, allswap("amount_too_low"), rejected, ""},
			{400, allswap("amount_too_high"), rejected, ""},
			{409, allswap("quote_expired"), rejected, ""},
			{409, allswap("quote_consumed"), rejected, ""},
			{429, allswap("rate_limited"), limited, ""},
			{504, allswap("upstream_timeout"), kind, moved},
			{500, allswap("internal_error"), kind, moved},
		}
		return list
	}
	allswapWaits := []wait{
		{map[string]string{"Retry-After": "17", "X-RateLimit-Reset": fmt.Sprint(noon.Add(50 * time.Second).Unix())}, "", 17 * time.Second},
		{map[string]string{"X-RateLimit-Reset": fmt.Sprint(noon.Add(50 * time.Second).Unix())}, "", 50 * time.Second},
		{map[string]string{"Retry-After": "0"}, "", time.Second},
		{map[string]string{"Retry-After": "999999"}, "", time.Hour},
		{nil, "", time.Minute},
	}
	allswapLimits := map[string]string{"X-RateLimit-Limit": "7", "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": fmt.Sprint(noon.Add(time.Second).Unix())}
	problem := func(kind string) string {
		return `{"type":"https://glyphmill.example/problems/` + kind + `","title":"t","detail":"m","instance":"req_1"}`
	}
	glyphmillCodes := []code{
		{400, problem("bad-document"), rejected, ""},
		{401, problem("key"), refused, ""},
		{402, problem("no-funds"), batch.CreditsTooLow, ""},
		{404, problem("none"), rejected, ""},
		{429, problem("too-many"), limited, ""},
	}
	glyphmillWaits := []wait{
		{map[string]string{"Retry-After": "17"}, "", 17 * time.Second},
		{map[string]string{"Retry-After": noon.Add(17 * time.Second).Format(http.TimeFormat)}, "", 17 * time.Second},
		{nil, "", time.Minute},
	}
	glyphmillLimits := map[string]string{"Glyphmill-Day-Limit": "7", "Glyphmill-Day-Left": "3", "Glyphmill-Day-Resets": noon.Add(time.Second).Format(time.RFC3339)}
	kept := map[string]json.RawMessage{"submit.id": json.RawMessage(`"job/1"`), "quote.quoteId": json.RawMessage(`"qt_1"`)}
	return []candidate{
		{
			name: "swarms", paid: true, good: `{"job_id":"j","status":"success","swarm_name":"x","usage":{"billing_info":{"total_cost":0.1}}}`,
			send: sendSwarms,
			codes: []code{
				{400, `{"detail":"m"}`, rejected, ""},
				{401, `{"detail":"m"}`, refused, ""},
				{402, `{"detail":"m"}`, batch.CreditsTooLow, ""},
				{403, `{"detail":"m"}`, refused, ""},
				{422, `{"detail":[{"loc":["body"],"msg":"m"}]}`, rejected, ""},
				{429, `{"detail":"m"}`, limited, ""},
				{500, `{"detail":"400: m"}`, rejected, ""},
				{500, `{"detail":"m"}`, unknown, maybe},
			},
			waits: []wait{
				{map[string]string{"Retry-After": "17"}, "", 17 * time.Second},
				{map[string]string{"Retry-After": "0"}, "", time.Second},
				{nil, "", time.Minute},
			},
			limits: map[string]string{"X-RateLimit-Limit-Minute": "7", "X-RateLimit-Remaining-Minute": "3", "X-RateLimit-Reset": fmt.Sprint(noon.Add(time.Second).Unix())},
		},
		{
			name: "swiftia submit", paid: true, good: `{"jobId":"j"}`, send: sender("swiftia", 0, nil),
			codes: swiftiaCodes(true), waits: swiftiaWaits, limits: swiftiaLimits,
		},
		{
			name: "swiftia poll", good: `{"id":"j","status":"COMPLETED","cost":0.30}`, send: sender("swiftia", 1, kept),
			codes: swiftiaCodes(false), waits: swiftiaWaits, limits: swiftiaLimits,
		},
		{
			name: "allswap quote", good: `{"quoteId":"q"}`, send: sender("allswap", 0, nil),
			codes: slicesWithout(allswapCodes(false), 409), waits: allswapWaits, limits: allswapLimits,
		},
		{
			name: "allswap swap", paid: true, good: `{"depositAddress":"0x"}`, send: sender("allswap", 1, kept),
			codes: allswapCodes(true), waits: allswapWaits, limits: allswapLimits,
		},
		{
			name: "glyphmill submit", paid: true, good: `{"id":"r_1"}`, send: sender("glyphmill", 0, nil),
			codes: append(slices.Clone(glyphmillCodes), code{409, problem("reference-taken"), unknown, maybe}, code{500, problem("broken"), unknown, maybe}),
			waits: glyphmillWaits, limits: glyphmillLimits,
		},
		{
			name: "glyphmill ask", good: `{"id":"r_1","state":"finished","charge":{"cents":3}}`, send: sender("glyphmill", 1, kept),
			codes: append(slices.Clone(glyphmillCodes), code{500, problem("broken"), reach, ""}), waits: glyphmillWaits, limits: glyphmillLimits,
		},
	}
}

func slicesWithout(list []code, status int) (out []code) {
	for _, c := range list {
		if c.status != status {
			out = append(out, c)
		}
	}
	return out
}

func ms(t time.Time) string { return fmt.Sprint(t.UnixMilli()) }

func sendSwarms(ctx context.Context, t *testing.T, base string, now func() time.Time) sat {
	c, err := swarms.New(swarms.Options{BaseURL: base, Key: "sk-" + secretPart, Now: now, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdle()
	run, rec, err := c.Complete(ctx, []byte(`{"name":"x"}`))
	return came(t, err, rec, run, c)
}

func sender(name string, step int, kept map[string]json.RawMessage) func(context.Context, *testing.T, string, func() time.Time) sat {
	return func(ctx context.Context, t *testing.T, base string, now func() time.Time) sat {
		c := connect(t, name, base, now)
		defer c.CloseIdle()
		a, rec := c.Do(ctx, step, facts(kept))
		var err error
		if a.Fault != nil {
			err = a.Fault
		}
		return came(t, err, rec, a, c)
	}
}

func facts(kept map[string]json.RawMessage) dialect.Facts {
	return dialect.Facts{ID: "id-1", Name: "one", Job: json.RawMessage(`{"functionName":"VideoShorts","amount":"1","language":"en","document":{}}`), Kept: kept}
}

func connect(t *testing.T, name, base string, now func() time.Time) *dialect.Client {
	t.Helper()
	for _, d := range append(dialect.Builtin(), declared(t)) {
		if d.Name != name {
			continue
		}
		c, err := dialect.New(d, dialect.Options{Now: now, Timeout: time.Minute, Value: func(v string) string {
			if strings.HasSuffix(v, "_BASE_URL") {
				return base
			}
			for _, s := range d.Secrets {
				if s.From == v {
					return v + "-" + secretPart
				}
			}
			return ""
		}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Fatalf("there is no dialect %s", name)
	return nil
}

// declared is the example of a dialect of one's own.
func declared(t *testing.T) *dialect.Dialect {
	t.Helper()
	const file = "../../examples/custom/glyphmill.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := dialect.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// came is what was returned, and proves that no secret is in it.
func came(t *testing.T, err error, rec provider.Receipt, more ...any) sat {
	t.Helper()
	s := sat{rec: rec}
	var f *batch.Fault
	if errors.As(err, &f) {
		s.kind, s.moved, s.after = f.Kind, f.Moved, f.After
		if f.Op == "" || f.Moved == "" {
			t.Errorf("the fault says too little: %+v", f)
		}
		more = append(more, *f, err)
	} else if err != nil {
		t.Errorf("%v is no fault", err)
	}
	for _, v := range append(more, rec) {
		text, _ := json.Marshal(v)
		s.all += fmt.Sprintf("%v\n%+v\n%#v\n%s\n", v, v, v, text)
	}
	if strings.Contains(s.all, secretPart) {
		t.Errorf("a secret shows: %s", s.all)
	}
	if rec.SentAt.IsZero() || rec.Path == "" || rec.Method == "" || (rec.Status != 0) != (rec.Wrote == provider.Answered) {
		t.Errorf("the receipt is incomplete: %+v", rec)
	}
	return s
}

// answering is a server that counts what arrives and answers the same always.
func answering(t *testing.T, status int, headers map[string]string, body string) (string, *atomic.Int64) {
	t.Helper()
	var seen atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header()["Date"] = nil
		w.Header().Set("Content-Type", "application/json")
		for k, v := range headers {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, &seen
}

func still() time.Time { return noon }

// TestExam is what every request of every API is asked.
func TestExam(t *testing.T) {
	for _, c := range candidates(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for name, part := range map[string]func(*testing.T, candidate){
				"answers": answers, "codes": codes, "waits": waits, "limits": limits, "once": once, "written": written, "discreet": discreet,
			} {
				t.Run(name, func(t *testing.T) { t.Parallel(); part(t, c) })
			}
		})
	}
}

// doubtful is what a request comes to of which nobody knows.
func (c candidate) doubtful() (batch.Kind, batch.Moved) {
	if c.paid {
		return batch.OutcomeUnknown, batch.MovedMaybe
	}
	return batch.OutOfReach, batch.MovedNo
}

func (c candidate) want(t *testing.T, s sat, kind batch.Kind, moved batch.Moved, what string) {
	t.Helper()
	if moved == "" {
		moved = batch.MovedNo
	}
	if s.kind != kind || kind != "" && s.moved != moved {
		t.Errorf("%s: %q, money moved %q; want %q, %q", what, s.kind, s.moved, kind, moved)
	}
}

func answers(t *testing.T, c candidate) {
	kind, moved := c.doubtful()
	for _, a := range []struct {
		what, body string
		status     int
		kind       batch.Kind
		moved      batch.Moved
	}{
		{"a good answer", c.good, 200, "", ""},
		{"a gateway's page", "<html><title>Bad gateway</title>", 502, kind, moved},
		{"a plain 503", "", 503, kind, moved},
		{"a redirect", "", 307, batch.RejectedByAPI, batch.MovedNo},
		{"418", `{}`, 418, batch.RejectedByAPI, batch.MovedNo},
		{"401 without a word", "", 401, batch.KeyRefused, batch.MovedNo},
	} {
		base, seen := answering(t, a.status, map[string]string{"Location": "http://127.0.0.1:1/elsewhere"}, a.body)
		s := c.send(t.Context(), t, base, still)
		c.want(t, s, a.kind, a.moved, a.what)
		if seen.Load() != 1 || s.rec.Status != a.status || s.rec.BodySize != int64(len(a.body)) || s.rec.BodyHash == "" {
			t.Errorf("%s: %d requests, receipt %+v", a.what, seen.Load(), s.rec)
		}
	}
	// A 2xx that can't be read ran, if it was paid for.
	base, _ := answering(t, 200, nil, `{"jobId":`)
	s := c.send(t.Context(), t, base, still)
	switch {
	case c.name == "allswap swap": // nothing is read of it: it needs to be no JSON
		c.want(t, s, "", "", "half an answer")
	case c.paid:
		c.want(t, s, batch.OutcomeUnknown, batch.MovedYes, "half an answer")
	default:
		c.want(t, s, kind, moved, "half an answer")
	}
}

func codes(t *testing.T, c candidate) {
	for _, line := range c.codes {
		base, seen := answering(t, line.status, nil, line.body)
		s := c.send(t.Context(), t, base, still)
		c.want(t, s, line.kind, line.moved, line.body)
		if seen.Load() != 1 {
			t.Errorf("%s: %d requests", line.body, seen.Load())
		}
		if strings.Contains(line.body, "req_1") && s.rec.Ticket != "req_1" {
			t.Errorf("%s: the receipt has no ticket: %+v", line.body, s.rec)
		}
	}
}

func waits(t *testing.T, c candidate) {
	for i, w := range c.waits {
		base, _ := answering(t, 429, w.headers, w.body)
		if s := c.send(t.Context(), t, base, still); s.kind != batch.RateLimited || s.after != w.want {
			t.Errorf("wait %d: %s, %s; want %s", i, s.kind, s.after, w.want)
		}
	}
}

func limits(t *testing.T, c candidate) {
	base, _ := answering(t, 200, c.limits, c.good)
	l := c.send(t.Context(), t, base, still).rec.Limits
	if len(l.Windows) != 1 || l.Windows[0].Remaining != 3 || !l.Windows[0].Reset.Equal(noon.Add(time.Second)) {
		t.Errorf("limits: %+v", l)
	}
	base, _ = answering(t, 200, map[string]string{"X-RateLimit-Limit": "x", "X-RateLimit-Remaining": "-1"}, c.good)
	if l = c.send(t.Context(), t, base, still).rec.Limits; len(l.Windows) != 0 {
		t.Errorf("limits of nonsense: %+v", l)
	}
}

// once: whatever becomes of a connection, one call is one request.
func once(t *testing.T, c candidate) {
	var seen atomic.Int64
	base := raw(t, func(conn net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		seen.Add(1) // read in whole, and never answered
	})
	kind, moved := c.doubtful()
	s := c.send(t.Context(), t, base, time.Now)
	c.want(t, s, kind, moved, "a connection that ends")
	if seen.Load() != 1 || s.rec.Wrote != provider.WroteSome || s.rec.Status != 0 {
		t.Errorf("%d requests, receipt %+v", seen.Load(), s.rec)
	}
}

// written: what certainly never left is told from what may have.
func written(t *testing.T, c candidate) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + l.Addr().String()
	_ = l.Close() // nobody listens there
	s := c.send(t.Context(), t, base, time.Now)
	c.want(t, s, batch.NotSent, batch.MovedNo, "nobody listens")
	if s.rec.Wrote != provider.WroteNothing {
		t.Errorf("receipt %+v", s.rec)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s = c.send(ctx, t, base, time.Now)
	c.want(t, s, batch.Cancelling, batch.MovedNo, "cancelled before")
}

// discreet: a server that repeats all that it was sent.
func discreet(t *testing.T, c candidate) {
	for _, status := range []int{200, 400, 429, 500} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			said := ""
			for k, v := range r.Header {
				said += k + "=" + strings.Join(v, ",") + " "
			}
			if !strings.Contains(said, secretPart) {
				t.Errorf("the secret isn't sent: %s", said)
			}
			for _, h := range []string{"X-Request-Id", "Server", "Retry-After", "X-RateLimit-Reset"} {
				w.Header().Set(h, said)
			}
			w.WriteHeader(status)
			echo, _ := json.Marshal(map[string]any{
				"message": said, "code": said, "detail": said, "error": map[string]any{"code": said, "message": said, "requestId": said}, "sent": string(body),
				"quoteId": said, "jobId": said, "status": said, "id": said,
			})
			_, _ = w.Write(echo)
		}))
		c.send(t.Context(), t, srv.URL, still)
		srv.Close()
	}
}

// raw answers each connection with f, below HTTP.
func raw(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "http://" + l.Addr().String()
}
