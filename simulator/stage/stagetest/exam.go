package stagetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
)

// Sitting is an API that sits the exam.
type Sitting struct {
	Open    func(stage.Options) *stage.Server // without limits that the exam would meet
	Headers map[string]string                 // of its one account
	// Buy is a request that buys something for a subject: method, path, body.
	// What must be asked for before, it asks for with c.
	Buy func(c *Client, subject string) (method, path, body string)
	OK  int // how a purchase is answered
}

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func (e Sitting) open(t *testing.T, o stage.Options) (*stage.Server, *Client) {
	t.Helper()
	if o.Clock == nil {
		o.Clock = simulator.NewClock()
	}
	s := e.Open(o)
	return s, Start(t, s, e.Headers)
}

func (e Sitting) buy(c *Client, subject string) Answer {
	return c.Do(e.Buy(c, subject))
}

// Exam is what every simulated API must show: faults do what they say, before
// the work and after it; the books know what was bought and what was lost; the
// admin endpoint works; wrong settings are refused.
func Exam(t *testing.T, e Sitting) {
	t.Run("Faults", e.faults)
	t.Run("Seed", e.seed)
	t.Run("Concurrent", e.concurrent)
	t.Run("Admin", e.admin)
	t.Run("Scripts", e.scripts)
	t.Run("Paths", e.paths)
	t.Run("Close", e.close)
}

func (e Sitting) faults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   stage.Rule
		status int // 0: no whole answer
		bought bool
		says   string
	}{
		{stage.Rule{Kind: stage.KindStatus, Status: 500}, 500, false, ""},
		{stage.Rule{Kind: stage.KindStatus, Status: 503, Detail: "resting", AfterWork: true}, 503, true, "resting"},
		{stage.Rule{Kind: stage.KindHTML502}, 502, false, "<html>"},
		{stage.Rule{Kind: stage.KindHTML502, AfterWork: true}, 502, true, "<html>"},
		{stage.Rule{Kind: stage.KindReset}, 0, false, ""},
		{stage.Rule{Kind: stage.KindReset, AfterWork: true}, 0, true, ""},
		{stage.Rule{Kind: stage.KindTruncate}, 0, true, ""},
		{stage.Rule{Kind: stage.KindBadJSON}, e.OK, true, "NaN NaN"},
		{stage.Rule{Kind: stage.KindRate429, RetryAfter: "7"}, 429, false, ""},
	} {
		c.rule.Match, c.rule.Attempts = "the-one", simulator.Attempts{From: 1, To: 1}
		name := c.rule.Kind
		if c.rule.AfterWork {
			name += " after work"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := e.open(t, stage.Options{Faults: []stage.Rule{c.rule}})
			e.buy(client, "another").Want(e.OK)
			a := e.buy(client, "the-one")
			if c.status == 0 && a.Err == nil || c.status != 0 && (a.Err != nil || a.Status != c.status) || !strings.Contains(a.Body, c.says) {
				t.Errorf("%d %s %v", a.Status, a.Body, a.Err)
			}
			if c.rule.Kind == stage.KindReset && !errors.Is(a.Err, syscall.ECONNRESET) && !errors.Is(a.Err, io.EOF) {
				t.Errorf("not a reset: %v", a.Err)
			}
			if c.rule.Kind == stage.KindRate429 && a.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			sum, want := s.Summary(), 1
			if c.bought {
				want = 2
			}
			if n := len(s.Books().Purchases()); n != want || len(sum.Lost) != want-1 {
				t.Errorf("%d bought, lost %v", n, sum.Lost)
			}
			if len(sum.Faults) != 1 || sum.Arrivals != len(s.Books().Arrivals()) {
				t.Errorf("%+v", sum)
			}
			e.buy(client, "the-one").Want(e.OK)
		})
	}
	t.Run("hang and slow", func(t *testing.T) {
		t.Parallel()
		clock := simulator.FrozenClock(start)
		s, client := e.open(t, stage.Options{Clock: clock, Faults: []stage.Rule{
			{Match: "hangs", Kind: stage.KindHang, AfterWork: true},
			{Match: "slow", Kind: stage.KindSlow, Delay: simulator.Duration(time.Hour)},
		}})
		method, path, body := e.Buy(client, "hangs")
		ctx, leave := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, method, client.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range e.Headers {
			req.Header.Set(k, v)
		}
		gone := make(chan error)
		go func() {
			resp, err := client.http.Do(req)
			if err == nil {
				resp.Body.Close()
			}
			gone <- err
		}()
		for len(s.Summary().Lost) == 0 { // bought, and nobody hears of it
			client.Get("/__admin/books").Want(200)
		}
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("it answered: %v", err)
		}
		method, path, body = e.Buy(client, "slow")
		answered := make(chan Answer)
		go func() { answered <- client.Do(method, path, body) }()
		if err := clock.AwaitWaiting(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		clock.Advance(10 * time.Second) // what was asked for before is still good
		select {
		case a := <-answered:
			t.Errorf("answered an hour early: %d", a.Status)
		default:
		}
		clock.Advance(time.Hour)
		if a := <-answered; a.Err != nil {
			t.Error(a.Err)
		}
	})
}

// The same seed gives the same faults to the same requests.
func (e Sitting) seed(t *testing.T) {
	t.Parallel()
	half := simulator.Certain / 2
	run := func(seed uint64) (pattern string) {
		_, client := e.open(t, stage.Options{Faults: []stage.Rule{{Match: "*", Kind: stage.KindStatus, Status: 500, Probability: &half, Seed: seed}}})
		for i := range 40 {
			pattern += fmt.Sprint(e.buy(client, fmt.Sprintf("thing-%d", i)).Status, " ")
		}
		return pattern
	}
	first := run(1)
	if again := run(1); again != first {
		t.Errorf("seed 1 twice:\n%s\n%s", first, again)
	}
	if other := run(2); other == first || strings.Count(first, "500") < 8 || strings.Count(first, "500") > 32 {
		t.Errorf("seeds 1 and 2:\n%s\n%s", first, other)
	}
}

func (e Sitting) concurrent(t *testing.T) {
	t.Parallel()
	s, client := e.open(t, stage.Options{})
	var wg sync.WaitGroup
	const workers, each = 8, 15
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				e.buy(client, fmt.Sprintf("w%d-%d", w, i)).Want(e.OK)
				s.Summary()
			}
		})
	}
	wg.Wait()
	ids := map[string]bool{}
	for _, p := range s.Books().Purchases() {
		ids[p.ID] = true
	}
	if n := len(s.Books().Purchases()); n != workers*each || len(ids) != n || len(s.Summary().Twice) != 0 || len(s.Summary().Lost) != 0 {
		t.Errorf("%d bought under %d ids, %+v", n, len(ids), s.Summary())
	}
}

func (e Sitting) admin(t *testing.T) {
	t.Parallel()
	clock := simulator.FrozenClock(start)
	s, client := e.open(t, stage.Options{Clock: clock})
	e.buy(client, "a").Want(e.OK)
	full := client.Get("/__admin/books?full=1").Want(200, "api", s.Play().Name)
	if full.Dig("bought.0.id") == "(none)" || full.Dig("all.0.route") == "(none)" {
		t.Error(full.Body)
	}
	client.Post("/__admin/faults", `[{match: "*", kind: html502}]`).Want(200, "0.kind", "html502")
	e.buy(client, "b").Want(502)
	client.Post("/__admin/faults", `[{match: "*", kind: nonsense}]`).Want(400)
	client.Post("/__admin/clock", `{"advance": "1h"}`).Want(200, "now", "2026-11-22T13:00:00Z")
	for _, sw := range s.Play().Switches {
		for _, word := range append(sw.Words[1:], sw.Words[0]) {
			client.Post("/__admin/switches", fmt.Sprintf(`{%q: %q}`, sw.Name, word)).Want(200, sw.Name, word)
		}
		client.Post("/__admin/switches", fmt.Sprintf(`{%q: "sideways"}`, sw.Name)).Want(400)
		if sw.Means == "" {
			t.Errorf("switch %s means nothing", sw.Name)
		}
	}
	client.Post("/__admin/switches", `{"nope": "on"}`).Want(400)
	client.Post("/__admin/reset", "").Want(200, "arrivals", "0")
	e.buy(client, "b").Want(e.OK)
	if s.Books().Bought("a") != 0 {
		t.Error("reset left a purchase behind")
	}
	client.Get("/__admin/nope").Want(404)
	client.Do(http.MethodPut, "/__admin/books", "").Want(405)
}

func (e Sitting) scripts(t *testing.T) {
	t.Parallel()
	s, _ := e.open(t, stage.Options{})
	p := s.Play()
	for _, c := range []struct{ script, says string }{
		{`[{kind: hang}]`, "match is missing"},
		{`[{match: "*"}]`, "kind is missing"},
		{`[{match: "*", kind: nope}]`, `"nope" is unknown`},
		{`[{match: "*", kind: hang, route: "GET /nowhere"}]`, "is none of"},
		{`[{match: "*", kind: status}]`, "needs a status or a code"},
		{`[{match: "*", kind: status, code: no_such}]`, `"no_such" is none of`},
		{`[{match: "*", kind: status, status: 200}]`, "is not an error"},
		{`[{match: "*", kind: hang, status: 500}]`, "mean nothing"},
		{`[{match: "*", kind: slow}]`, "needs a delay"},
		{`[{match: "*", kind: hang, delay: 3s}]`, "delay means nothing"},
		{`[{match: "*", kind: truncate, after_work: true}]`, "after_work means nothing"},
		{`[{match: "*", kind: hang, retry_after: "3"}]`, "retry_after belongs"},
		{`[{match: "/(/", kind: hang}]`, "rule 1"},
		{`[{match: "*", kind: hang, colour: red}]`, "colour"},
		{`[{match: "*", kind: hang, probability: 2}]`, "not a probability"},
	} {
		if _, err := p.ParseFaults([]byte(c.script)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.script, err)
		}
	}
	for code, status := range p.Codes {
		rules, err := p.ParseFaults(fmt.Appendf(nil, `[{match: "/./", kind: status, code: %s, after_work: true, attempts: first 2, probability: 0.5}]`, code))
		if err != nil || status < 400 {
			t.Errorf("%s %d: %v", code, status, err)
			continue
		}
		if b, err := json.Marshal(rules); err != nil || !strings.Contains(string(b), code) {
			t.Errorf("%s: %s %v", code, b, err)
		}
	}
}

func (e Sitting) paths(t *testing.T) {
	t.Parallel()
	s, client := e.open(t, stage.Options{MaxBody: 4096})
	client.Get("/nowhere/at/all").Want(404)
	method, path, _ := e.Buy(client, "a")
	if a := client.Do(http.MethodDelete, path, "").Want(405); !strings.Contains(a.Header.Get("Allow"), method) {
		t.Errorf("Allow: %q", a.Header.Get("Allow"))
	}
	client.Do(method, path, strings.Repeat("x", 5000)).Want(413)
	if n := len(s.Books().Purchases()); n != 0 {
		t.Errorf("%d bought", n)
	}
	if err := s.SetSwitches(stage.Positions{"nope": "on"}); err == nil {
		t.Error("a switch that there isn't was moved")
	}
}

// Close ends what hangs.
func (e Sitting) close(t *testing.T) {
	t.Parallel()
	s, client := e.open(t, stage.Options{Faults: []stage.Rule{{Match: "*", Kind: stage.KindHang, AfterWork: true}}})
	method, path, body := e.Buy(client, "a")
	answered := make(chan Answer)
	go func() { answered <- client.Do(method, path, body) }()
	for len(s.Summary().Lost) == 0 {
		client.Get("/__admin/books").Want(200)
	}
	s.Close()
	if a := <-answered; a.Err == nil {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
