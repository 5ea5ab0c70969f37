package allswap_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/allswap"
	"github.com/offpeak/offpeak/simulator/stage"
	"github.com/offpeak/offpeak/simulator/stage/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func headers(id, secret string) map[string]string {
	return map[string]string{"X-Key-Id": id, "Authorization": "Bearer " + secret}
}

var (
	acme    = headers("ak_sandbox_1", "sk_sandbox_1")
	clients = []allswap.Client{
		{Name: "acme", Keys: []allswap.Key{
			{ID: "ak_sandbox_1", Secret: "sk_sandbox_1"},
			{ID: "ak_sandbox_2", Secret: "sk_sandbox_2", Scopes: []string{allswap.ScopeRead, allswap.ScopeQuote}},
			{ID: "ak_live_1", Secret: "sk_live_1"},
		}},
		{Name: "zeta", Keys: []allswap.Key{{ID: "ak_sandbox_z", Secret: "sk_sandbox_z"}}},
	}
)

func open(t *testing.T, o allswap.Options) (*allswap.Server, *stagetest.Client, *simulator.Tunable) {
	t.Helper()
	clock := simulator.FrozenClock(start)
	o.Clock, o.Clients = clock, clients
	s, err := allswap.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, stagetest.Start(t, s.Server, acme), clock
}

func intent(from, to, amount, recipient string) string {
	return fmt.Sprintf(`{"from":%q,"to":%q,"amount":%q,"sender":"0xsender","recipient":%q}`, from, to, amount, recipient)
}

// ether is a quote for an ETH into USDC.
func ether(recipient string) string {
	return intent(allswap.ETH, allswap.USDC, "1000000000000000000", recipient)
}

func quote(c *stagetest.Client, recipient string) string {
	c.T.Helper()
	return c.Post("/v1/quote", ether(recipient)).Want(200).Dig("quoteId")
}

func swap(id string) string { return fmt.Sprintf(`{"quoteId":%q}`, id) }

func TestExam(t *testing.T) {
	stagetest.Exam(t, stagetest.Sitting{
		Open: func(o stage.Options) *stage.Server {
			return allswap.New(allswap.Options{Options: o, Clients: clients, PerMinute: 10_000}).Server
		},
		Headers: acme,
		Buy: func(c *stagetest.Client, subject string) (string, string, string) {
			return http.MethodPost, "/v1/swap", swap(quote(c, subject))
		},
		OK: 200,
	})
}

func TestQuoteAndSwap(t *testing.T) {
	s, c, clock := open(t, allswap.Options{})
	// 3,000 dollars less 0.3 %, in millionths.
	a := c.Post("/v1/quote", ether("0xme")).Want(200, "amount_out", "2991000000", "expiresAt", "2026-11-22T12:00:30Z")
	if !strings.HasPrefix(a.Dig("quoteId"), "qt_01HW9") || a.Dig("route") == "(none)" {
		t.Error(a.Body)
	}
	id := a.Dig("quoteId")
	clock.Advance(30*time.Second - 1)
	b := c.Post("/v1/swap", swap(id)).Want(200, "quoteId", id, "status", "PENDING_DEPOSIT")
	if !strings.HasPrefix(b.Dig("depositAddress"), "0x") || len(b.Dig("depositAddress")) != 42 {
		t.Error(b.Body)
	}
	c.Post("/v1/swap", swap(id)).Want(409, "error.code", "quote_consumed")
	clock.Advance(1)
	c.Post("/v1/swap", swap(id)).Want(409, "error.code", "quote_consumed") // dead for ever, and not merely late
	late := quote(c, "0xlate")
	clock.Advance(30 * time.Second)
	c.Post("/v1/swap", swap(late)).Want(409, "error.code", "quote_expired", "error.message", "Quote "+late+" expired at 2026-11-22T12:01:00Z.")
	if s.SwapsOf(id) != 1 || s.SwapsOf(late) != 0 || len(s.Swaps()) != 1 {
		t.Errorf("%+v", s.Swaps())
	}
	if err := s.SetSwitches(stage.Positions{"dead_quote": "expired", "deposit_key": "deposit_address"}); err != nil {
		t.Fatal(err)
	}
	c.Post("/v1/swap", swap(id)).Want(409, "error.code", "quote_expired") // though it was swapped
	c.Post("/v1/swap", swap(quote(c, "0xnew"))).Want(200, "depositAddress", "(none)")
}

// Whatever code of the table is provoked, by itself or on cue, has the envelope.
func TestCodes(t *testing.T) {
	s, c, _ := open(t, allswap.Options{})
	for _, x := range []struct {
		body, code string
	}{
		{`{`, "invalid_request"},
		{`{}`, "invalid_request"},
		{`{"from":"` + allswap.ETH + `","to":"` + allswap.USDC + `","amount":1000000000000000000,"sender":"a","recipient":"b"}`, "invalid_request"},
		{intent(allswap.ETH, allswap.USDC, "1e18", "r"), "invalid_request"},
		{intent(allswap.ETH, allswap.USDC, "1.5", "r"), "invalid_request"},
		{intent(allswap.ETH, allswap.USDC, "-1", "r"), "invalid_request"},
		{intent(allswap.ETH, allswap.USDC, "007", "r"), "invalid_request"},
		{intent(allswap.ETH, allswap.USDC, "0", "r"), "invalid_request"},
		{intent(allswap.ETH, allswap.USDC, "1000000000000000000", ""), "invalid_request"},
		{intent("eip155:1/none", allswap.USDC, "1", "r"), "unsupported_pair"},
		{intent(allswap.ETH, allswap.ETH, "1", "r"), "unsupported_pair"},
		{intent(allswap.ETH, allswap.DOGE, "1", "r"), "unsupported_pair"},
		{intent(allswap.DOGE, allswap.ETH, "1", "r"), "unsupported_pair"},
		{intent(allswap.USDC, allswap.ETH, "4999999", "r"), "amount_too_low"},
		{intent(allswap.USDC, allswap.ETH, "250000010000", "r"), "amount_too_high"},
	} {
		a := c.Post("/v1/quote", x.body).Want(400, "error.code", x.code)
		if !strings.HasPrefix(a.Dig("error.requestId"), "req_") || a.Dig("error.message") == "" {
			t.Error(a.Body)
		}
	}
	c.Post("/v1/quote", intent(allswap.USDC, allswap.ETH, "5000000", "r")).Want(200)
	c.Post("/v1/quote", intent(allswap.DOGE, allswap.BTC, "500000000000", "r")).Want(200)
	c.Post("/v1/swap", `{}`).Want(400, "error.code", "invalid_request")
	c.Post("/v1/swap", swap("qt_none")).Want(400, "error.code", "invalid_request")
	c.Get("/v1/nowhere").Want(404, "error.code", "invalid_request")
	for code, status := range s.Play().Codes {
		if err := s.SetFaults(stage.Rule{Match: code, Kind: stage.KindStatus, Code: code}); err != nil {
			t.Fatal(err)
		}
		c.Post("/v1/swap", swap(quote(c, code))).Want(status, "error.code", code)
	}
	tickets := map[string]bool{}
	for _, a := range s.Books().Arrivals() {
		if a.Status >= 400 && (a.Code == "" || a.Ticket == "" || tickets[a.Ticket]) {
			t.Errorf("%+v", a)
		}
		tickets[a.Ticket] = true
	}
	if n := len(s.Swaps()); n != 0 {
		t.Errorf("%d swaps", n)
	}
}

func TestAuth(t *testing.T) {
	s, c, _ := open(t, allswap.Options{})
	for _, x := range []struct {
		headers map[string]string
		code    string
	}{
		{nil, "unauthorized"},
		{headers("", "sk_sandbox_1"), "unauthorized"},
		{map[string]string{"X-Key-Id": "ak_sandbox_1"}, "unauthorized"},
		{headers("ak_sandbox_1", "sk_sandbox_z"), "unauthorized"},
		{headers("ak_sandbox_9", "sk_sandbox_1"), "unauthorized"},
		{headers("ak_live_1", "sk_sandbox_1"), "key_mismatch"},
		{headers("ak_sandbox_1", "sk_live_1"), "key_mismatch"},
	} {
		a := c.As(x.headers).Get("/v1/tokens").Want(401, "error.code", x.code)
		if a.Header.Get("X-RateLimit-Limit") != "" {
			t.Error("a bucket of a key that isn't known")
		}
	}
	quoter := c.As(headers("ak_sandbox_2", "sk_sandbox_2"))
	id := quote(quoter, "0xme")
	quoter.Post("/v1/swap", swap(id)).Want(403, "error.code", "forbidden")
	c.As(headers("ak_sandbox_z", "sk_sandbox_z")).Post("/v1/swap", swap(id)).Want(400) // another client's
	c.As(headers("ak_live_1", "sk_live_1")).Post("/v1/swap", swap(id)).Want(400)       // another environment's
	c.Post("/v1/swap", swap(id)).Want(200)
	for _, a := range s.Books().Arrivals() {
		if strings.Contains(fmt.Sprint(a), "sk_") {
			t.Errorf("a secret in the books: %v", a)
		}
	}
}

// The minute is a key's; its headers stand on every answer, in whole seconds
// that are never too early.
func TestRequestsPerMinute(t *testing.T) {
	s, c, clock := open(t, allswap.Options{PerMinute: 3})
	clock.Advance(300 * time.Millisecond)
	check := func(a stagetest.Answer, remaining string, reset time.Duration) stagetest.Answer {
		t.Helper()
		want := strconv.FormatInt(start.Add(reset).Unix(), 10)
		if a.Header.Get("X-RateLimit-Limit") != "3" || a.Header.Get("X-RateLimit-Remaining") != remaining || a.Header.Get("X-RateLimit-Reset") != want {
			t.Errorf("%v, want %s left and reset %s", a.Header, remaining, want)
		}
		return a
	}
	check(c.Get("/v1/tokens").Want(200, "tokens.0.id", allswap.ETH, "tokens.1.decimals", "6"), "2", 61*time.Second)
	clock.Advance(10 * time.Second)
	check(c.Post("/v1/quote", `{}`).Want(400), "1", 61*time.Second)
	clock.Advance(45 * time.Second)
	check(c.Post("/v1/swap", `{}`).Want(400), "0", 61*time.Second)
	check(c.Post("/v1/swap", `{}`).Want(429), "0", 61*time.Second)
	clock.Advance(5 * time.Second) // the first has left
	check(c.Get("/v1/tokens").Want(200), "0", 71*time.Second)
	if n := s.Books().MaxInWindow("acme", time.Minute); n != 4 {
		t.Errorf("%d in a minute", n)
	}
}

func TestRefusals(t *testing.T) {
	s, c, clock := open(t, allswap.Options{PerMinute: 2})
	quote(c, "a")
	clock.Advance(20 * time.Second)
	quote(c, "b")
	a := c.Get("/v1/tokens").Want(429, "error.code", "rate_limited")
	if a.Header.Get("Retry-After") != "40" || a.Header.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("%v", a.Header)
	}
	c.As(headers("ak_live_1", "sk_live_1")).Get("/v1/tokens").Want(200) // each key has its own
	clock.Advance(40*time.Second - 1)
	c.Get("/v1/tokens").Want(429)
	clock.Advance(1)
	c.Get("/v1/tokens").Want(200)
	if n := s.Books().Refused("acme"); n != 2 {
		t.Errorf("%d refused", n)
	}
	if err := s.SetSwitches(stage.Positions{"retry_after": "absent", "refused_count": "on"}); err != nil {
		t.Fatal(err)
	}
	if a := c.Get("/v1/tokens").Want(429); a.Header.Get("Retry-After") != "" {
		t.Errorf("%v", a.Header)
	}
	clock.Advance(20 * time.Second) // one has left, and the refused one is in
	c.Get("/v1/tokens").Want(429)
	clock.Advance(time.Minute)
	c.Get("/v1/tokens").Want(200)
}

func TestMonthlyQuotes(t *testing.T) {
	s, c, clock := open(t, allswap.Options{QuotesPerMonth: 2})
	quote(c, "a")
	c.Post("/v1/quote", `{}`).Want(400) // burns quota
	a := c.Post("/v1/quote", ether("b")).Want(429, "error.code", "rate_limited")
	left := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).Sub(start)
	if a.Header.Get("Retry-After") != strconv.Itoa(int(left/time.Second)) {
		t.Errorf("%v", a.Header)
	}
	c.Get("/v1/tokens").Want(200)
	if err := s.SetSwitches(stage.Positions{"quota_code": "forbidden", "quota_counts": "answered"}); err != nil {
		t.Fatal(err)
	}
	c.Post("/v1/quote", ether("b")).Want(403, "error.code", "forbidden")
	clock.Advance(left)
	c.Post("/v1/quote", `{}`).Want(400)
	quote(c, "b")
	quote(c, "c")
	c.Post("/v1/quote", ether("d")).Want(403)
}

// A swap whose answer was lost is in the books once, and named.
func TestLostSwap(t *testing.T) {
	for _, kind := range []string{stage.KindReset, stage.KindTruncate, "timeout"} {
		rule := stage.Rule{Match: "0xlost", Kind: kind, AfterWork: kind != stage.KindTruncate, Attempts: simulator.Attempts{From: 1, To: 1}}
		if kind == "timeout" {
			rule.Kind, rule.Code = stage.KindStatus, "upstream_timeout"
		}
		s, c, _ := open(t, allswap.Options{Options: stage.Options{Faults: []stage.Rule{rule}}})
		id := quote(c, "0xlost")
		if a := c.Post("/v1/swap", swap(id)); a.Err == nil && a.Status != 504 {
			t.Errorf("%s: %d %s", kind, a.Status, a.Body)
		}
		c.Post("/v1/swap", swap(id)).Want(409, "error.code", "quote_consumed")
		sum := s.Summary()
		if len(sum.Lost) != 1 || sum.Lost[0] != s.Swaps()[0].ID || s.SwapsOf(id) != 1 || len(sum.Twice) != 0 {
			t.Errorf("%s: %+v", kind, sum)
		}
		// Whoever takes another quote for the same swaps twice.
		c.Post("/v1/swap", swap(quote(c, "0xlost"))).Want(200)
		if twice := s.Books().Twice(); len(twice) != 1 || !strings.HasSuffix(twice[0], "0xlost") {
			t.Errorf("%s: twice %v", kind, twice)
		}
	}
}

// A share of the quotes is past its time when its swap comes, and stays so.
func TestExpiredShare(t *testing.T) {
	share := simulator.Chance(300_000)
	s, c, _ := open(t, allswap.Options{Options: stage.Options{Faults: []stage.Rule{{Match: "*", Kind: allswap.KindExpired, Probability: &share}}}})
	expired := 0
	for i := range 100 {
		id := quote(c, fmt.Sprintf("0x%d", i))
		if a := c.Post("/v1/swap", swap(id)); a.Status == 409 {
			a.Want(409, "error.code", "quote_expired")
			c.Post("/v1/swap", swap(id)).Want(409, "error.code", "quote_expired")
			expired++
		}
	}
	if expired < 15 || expired > 45 || len(s.Swaps()) != 100-expired {
		t.Errorf("%d of 100 expired, %d swaps", expired, len(s.Swaps()))
	}
}

func TestStates(t *testing.T) {
	s, c, clock := open(t, allswap.Options{
		QuoteLife: time.Minute, Latency: simulator.Latency{Kind: "fixed", Low: 40 * time.Second},
		Options: stage.Options{
			Switches: stage.Positions{"status_endpoint": "swap"},
			Faults:   []stage.Rule{{Match: "0xback", Kind: allswap.KindRefund}, {Match: "0xbroken", Kind: allswap.KindFailed}},
		},
	})
	ids := map[string]string{}
	for _, r := range []string{"0xok", "0xback", "0xbroken", "0xunpaid"} {
		a := c.Post("/v1/swap", swap(quote(c, r))).Want(200)
		ids[r] = a.Dig("swapId")
		if r != "0xunpaid" {
			c.Post("/__admin/deposits", fmt.Sprintf(`{"address":%q}`, a.Dig("depositAddress"))).Want(200)
		}
	}
	expect := func(recipient, state string) {
		t.Helper()
		c.Get("/v1/swap/"+ids[recipient]).Want(200, "status", state)
	}
	expect("0xok", allswap.StateKnown)
	expect("0xunpaid", allswap.StatePending)
	clock.Advance(10 * time.Second)
	expect("0xok", allswap.StateProcessing)
	clock.Advance(50 * time.Second)
	expect("0xok", allswap.StateSuccess)
	expect("0xback", allswap.StateRefunded)
	expect("0xbroken", allswap.StateFailed)
	expect("0xunpaid", allswap.StateFailed)
	c.Get("/v1/swap/none").Want(404)
	c.As(headers("ak_sandbox_z", "sk_sandbox_z")).Get("/v1/swap/" + ids["0xok"]).Want(404)
	for _, bad := range []string{`{`, `{"address":"0xnowhere"}`, fmt.Sprintf(`{"address":%q}`, s.Swaps()[3].Address)} {
		c.Post("/__admin/deposits", bad).Want(400)
	}
	if err := s.SetSwitches(stage.Positions{"status_endpoint": "none"}); err != nil {
		t.Fatal(err)
	}
	c.Get("/v1/swap/"+ids["0xok"]).Want(404, "error.code", "invalid_request")
}

func TestBadOptions(t *testing.T) {
	one := func(keys ...allswap.Key) []allswap.Client { return []allswap.Client{{Name: "a", Keys: keys}} }
	for _, c := range []struct {
		opt  allswap.Options
		says string
	}{
		{allswap.Options{Clients: one()}, "no key"},
		{allswap.Options{Clients: one(allswap.Key{ID: "ak_live_1", Secret: "sk_sandbox_1"})}, "of the same environment"},
		{allswap.Options{Clients: one(allswap.Key{ID: "key", Secret: "secret"})}, "of the same environment"},
		{allswap.Options{Clients: one(allswap.DefaultKey, allswap.DefaultKey)}, "used twice"},
		{allswap.Options{Clients: one(allswap.Key{ID: "ak_live_1", Secret: "sk_live_1", Scopes: []string{"all"}})}, `scope "all"`},
		{allswap.Options{PerMinute: -1}, "negative"},
		{allswap.Options{Latency: simulator.Latency{Kind: "odd"}}, "odd"},
		{allswap.Options{Options: stage.Options{Switches: stage.Positions{"nope": "on"}}}, "nope"},
	} {
		_, err := allswap.Open(c.opt)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "sk_sandbox_1") {
			t.Errorf("want %q, got %v", c.says, err)
		}
	}
}
