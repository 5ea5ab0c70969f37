package glyphmill_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/glyphmill"
	"github.com/offpeak/offpeak/simulator/stage"
	"github.com/offpeak/offpeak/simulator/stage/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is a Monday at noon: dear.
var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func key(k string) map[string]string { return map[string]string{"Glyphmill-Key": k} }

var accounts = []glyphmill.Account{
	{Name: "acme", Keys: []string{"gm_a1", "gm_a2"}},
	{Name: "poor", Keys: []string{"gm_p"}, Cents: 40},
}

func open(t *testing.T, o glyphmill.Options) (*glyphmill.Server, *stagetest.Client, *simulator.Tunable) {
	t.Helper()
	clock := simulator.FrozenClock(start)
	o.Clock = clock
	if o.Accounts == nil {
		o.Accounts = accounts
	}
	s, err := glyphmill.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, stagetest.Start(t, s.Server, key("gm_a1")), clock
}

func order(reference string, pages int) string {
	return fmt.Sprintf(`{"reference":%q,"language":"eng","document":{"url":"https://files.example/x.pdf","pages":%d}}`, reference, pages)
}

func TestExam(t *testing.T) {
	stagetest.Exam(t, stagetest.Sitting{
		Open: func(o stage.Options) *stage.Server {
			o.Switches = stage.Positions{"duplicates": "another"} // the exam asks for one subject again
			return glyphmill.New(glyphmill.Options{Options: o, Accounts: accounts, PerMinute: 100_000, PerDay: 100_000}).Server
		},
		Headers: key("gm_a1"),
		Buy: func(_ *stagetest.Client, subject string) (string, string, string) {
			return http.MethodPost, "/2/readings", order(subject, 1)
		},
		OK: 202,
	})
}

func TestReading(t *testing.T) {
	s, c, clock := open(t, glyphmill.Options{Latency: simulator.Latency{Kind: "fixed", Low: 100 * time.Second}})
	a := c.Post("/2/readings", order("ref-1", 7)).Want(202, "state", "accepted", "estimate.cents", "21", "charge", "(none)", "pages.total", "7")
	path := a.Header.Get("Location")
	if path != "/2/readings/"+a.Dig("id") || path != a.Dig("links.self") {
		t.Errorf("Location %q, %s", path, a.Body)
	}
	clock.Advance(50 * time.Second)
	c.Get(path).Want(200, "state", "reading", "pages.read", "3", "estimate.cents", "21")
	c.Get(path+"/text").Want(409, "type", "https://glyphmill.example/problems/not-finished")
	clock.Advance(50 * time.Second)
	c.Get(path).Want(200, "state", "finished", "pages.read", "7", "charge.cents", "21", "charge.cheap_hours", "false", "estimate", "(none)")
	c.Get(path+"/text").Want(200, "pages.6", "Page 7 of ref-1.", "pages.7", "(none)")
	c.Get("/2/balance").Want(200, "cents", "99979")
	if p := s.Books().Purchases(); len(p) != 1 || p[0].Cost != 21*money.Dollar/100 || p[0].Subject != "ref-1" {
		t.Errorf("%+v", p)
	}
	poor := c.As(key("gm_p"))
	poor.Get(path).Want(404)
	poor.Get(path+"/text").Want(404, "type", "https://glyphmill.example/problems/unknown")
	poor.Get("/2/readings").Want(200, "readings.0", "(none)")
	poor.Post("/2/readings", order("big", 14)).Want(402, "type", "https://glyphmill.example/problems/no-funds", "detail", "It costs 42 cents, and the balance is 40.")
	poor.Post("/2/readings", order("ok", 13)).Want(202)
	poor.Get("/2/balance").Want(200, "cents", "1")
}

// A reference is looked up, and taken once.
func TestReference(t *testing.T) {
	s, c, _ := open(t, glyphmill.Options{Options: stage.Options{Faults: []stage.Rule{
		{Match: "lost", Kind: stage.KindReset, AfterWork: true, Attempts: simulator.Attempts{From: 1, To: 1}},
	}}})
	c.Get("/2/readings?reference=lost").Want(200, "readings.0", "(none)")
	if a := c.Post("/2/readings", order("lost", 1)); a.Err == nil {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	found := c.Get("/2/readings?reference=lost").Want(200, "readings.0.reference", "lost", "readings.1", "(none)").Dig("readings.0.links.self")
	c.Post("/2/readings", order("lost", 1)).Want(409, "type", "https://glyphmill.example/problems/reference-taken", "reading", found)
	c.As(key("gm_p")).Post("/2/readings", order("lost", 1)).Want(202) // another account's own
	set := func(word string) {
		t.Helper()
		if err := s.SetSwitches(stage.Positions{"duplicates": word}); err != nil {
			t.Fatal(err)
		}
	}
	set("same")
	c.Post("/2/readings", order("lost", 1)).Want(200, "links.self", found)
	if sum := s.Summary(); len(sum.Lost) != 1 || sum.Accounts["acme"].Purchases != 1 {
		t.Errorf("%+v", sum)
	}
	set("another")
	c.Post("/2/readings", order("lost", 1)).Want(202)
	if sum := s.Summary(); sum.Accounts["acme"].Purchases != 2 || len(sum.Twice) != 1 {
		t.Errorf("%+v", sum)
	}
}

func TestFaults(t *testing.T) {
	s, c, clock := open(t, glyphmill.Options{Options: stage.Options{Switches: stage.Positions{"body_202": "empty"}, Faults: []stage.Rule{
		{Match: "broken", Kind: glyphmill.KindBroken},
		{Match: "late", Kind: glyphmill.KindLate, Delay: simulator.Duration(time.Hour)},
		{Match: "hidden", Kind: glyphmill.KindLateLookup, Delay: simulator.Duration(time.Hour)},
	}}})
	submit := func(reference string) string {
		t.Helper()
		a := c.Post("/2/readings", order(reference, 2)).Want(202)
		if a.Body != "" || a.Header.Get("Location") == "" {
			t.Errorf("%v %s", a.Header, a.Body)
		}
		return a.Header.Get("Location")
	}
	broken, late, hidden := submit("broken"), submit("late"), submit("hidden")
	clock.Advance(time.Minute)
	c.Get(broken).Want(200, "state", "broken", "charge.cents", "0", "problem.status", "422")
	c.Get(broken + "/text").Want(409)
	c.Get(late).Want(200, "state", "accepted")
	c.Get(hidden).Want(200, "state", "finished")
	c.Get("/2/readings?reference=hidden").Want(200, "readings.0", "(none)")
	clock.Advance(time.Hour)
	c.Get(late).Want(200, "state", "finished")
	c.Get("/2/readings?reference=hidden").Want(200, "readings.0.links.self", hidden)
	c.Get("/2/balance").Want(200, "cents", "99988")
	if s.Summary().Cost != 12*money.Dollar/100 {
		t.Errorf("%s", s.Summary().Cost)
	}
}

func TestProblems(t *testing.T) {
	s, c, _ := open(t, glyphmill.Options{PerMinute: 1000})
	problem := func(a stagetest.Answer, status int, code string) stagetest.Answer {
		t.Helper()
		a.Want(status, "type", "https://glyphmill.example/problems/"+code, "status", fmt.Sprint(status))
		if a.Header.Get("Content-Type") != "application/problem+json" || !strings.HasPrefix(a.Dig("instance"), "/2/requests/") || a.Dig("title") == "" {
			t.Errorf("%v %s", a.Header, a.Body)
		}
		return a
	}
	problem(c.As(nil).Get("/2/balance"), 401, "no-key")
	problem(c.As(key("gm_none")).Get("/2/balance"), 401, "wrong-key")
	problem(c.Post("/2/readings", `{`), 400, "malformed")
	all := problem(c.Post("/2/readings", `{"language":"English","document":{"pages":1.5}}`), 422, "invalid")
	for i, pointer := range []string{"/reference", "/language", "/document/url", "/document/pages"} {
		if got := all.Dig(fmt.Sprintf("errors.%d.pointer", i)); got != pointer {
			t.Errorf("error %d is about %s, want %s", i, got, pointer)
		}
	}
	for _, pages := range []int{0, -1, 5001} {
		problem(c.Post("/2/readings", order("r", pages)), 422, "invalid")
	}
	problem(c.Get("/2/readings/none"), 404, "unknown")
	problem(c.Get("/3"), 404, "unknown")
	problem(c.Do(http.MethodPut, "/2/readings", ""), 405, "method")
	for code, status := range s.Play().Codes {
		if err := s.SetFaults(stage.Rule{Match: "*", Kind: stage.KindStatus, Code: code}); err != nil {
			t.Fatal(err)
		}
		problem(c.Post("/2/readings", order("r", 1)), status, code)
	}
	if n := len(s.Books().Purchases()); n != 0 {
		t.Errorf("%d bought", n)
	}
}

// All requests count in the minute, POSTs in the day; an account's keys share
// both, and a refusal says until when.
func TestLimits(t *testing.T) {
	s, c, clock := open(t, glyphmill.Options{PerMinute: 3, PerDay: 2})
	other := c.As(key("gm_a2"))
	clock.Advance(300 * time.Millisecond)
	a := c.Post("/2/readings", order("one", 1)).Want(202)
	for name, want := range map[string]string{"Glyphmill-Day-Limit": "2", "Glyphmill-Day-Left": "1", "Glyphmill-Day-Resets": "2026-11-24T00:00:00Z", "Retry-After": ""} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	other.Get("/2/balance").Want(200)
	other.Get("/2/balance").Want(200)
	b := c.Get("/2/balance").Want(429, "type", "https://glyphmill.example/problems/too-many", "retry_at", "2026-11-23T12:01:01Z")
	if got := b.Header.Get("Retry-After"); got != "Mon, 23 Nov 2026 12:01:01 GMT" {
		t.Errorf("Retry-After: %q", got)
	}
	c.As(key("gm_p")).Get("/2/balance").Want(200)
	clock.Advance(time.Minute)
	c.Post("/2/readings", `{`).Want(400) // counts, too
	d := other.Post("/2/readings", order("two", 1)).Want(429, "type", "https://glyphmill.example/problems/day-spent", "retry_at", "2026-11-24T00:00:00Z")
	if d.Header.Get("Glyphmill-Day-Left") != "0" || d.Header.Get("Retry-After") != "Tue, 24 Nov 2026 00:00:00 GMT" {
		t.Errorf("%v", d.Header)
	}
	other.Get("/2/balance").Want(200)
	if err := s.SetSwitches(stage.Positions{"retry_after": "seconds", "refused_count": "on", "day_headers": "none"}); err != nil {
		t.Fatal(err)
	}
	if a := other.Get("/2/balance").Want(429); a.Header.Get("Retry-After") != "61" || a.Header.Get("Glyphmill-Day-Limit") != "" {
		t.Errorf("%v", a.Header)
	}
	if err := s.SetSwitches(stage.Positions{"retry_after": "absent"}); err != nil {
		t.Fatal(err)
	}
	if a := other.Get("/2/balance").Want(429, "retry_at", "(none)"); a.Header.Get("Retry-After") != "" {
		t.Errorf("%v", a.Header)
	}
	clock.Advance(12 * time.Hour)
	c.Post("/2/readings", order("two", 1)).Want(202)
	if n := s.Books().Refused("acme"); n != 3 { // the minute's; the day's are told by their code
		t.Errorf("%d refused", n)
	}
	if n := s.Summary().ByCode["day-spent"]; n != 1 {
		t.Errorf("%d over the day", n)
	}
}

// Pages are cheap by the hour of acceptance, on the days on which the hours begin.
func TestCheapHours(t *testing.T) {
	s, c, clock := open(t, glyphmill.Options{PerMinute: 1000})
	for i, x := range []struct {
		at    string
		cents string
	}{
		{"2026-11-23 12:30:00", "15"}, // Monday
		{"2026-11-23 21:59:59", "15"},
		{"2026-11-23 22:00:00", "8"}, // 7.5
		{"2026-11-24 04:59:59", "8"},
		{"2026-11-24 05:00:00", "15"},
		{"2026-11-28 11:59:59", "15"}, // Saturday
		{"2026-11-28 12:00:00", "8"},
		{"2026-11-29 13:29:59", "8"},
		{"2026-11-29 13:30:00", "15"},
	} {
		at, err := time.Parse(time.DateTime, x.at)
		if err != nil {
			t.Fatal(err)
		}
		clock.Set(at)
		c.Post("/2/readings", order(fmt.Sprint("r", i), 5)).Want(202, "estimate.cents", x.cents)
	}
	if s.Summary().Cost != 107*money.Dollar/100 {
		t.Errorf("%s", s.Summary().Cost)
	}
	// Friday's night lasts into Saturday, Saturday has none of its own.
	_, c, clock = open(t, glyphmill.Options{
		Zone: "America/New_York", Percent: 10, Cents: 10,
		Cheap: []glyphmill.Hours{{From: 22 * 3600, To: 5 * 3600, Days: []time.Weekday{time.Friday}}},
	})
	for i, x := range []struct {
		at    time.Time
		cents string
	}{
		{time.Date(2026, 11, 28, 2, 59, 59, 0, time.UTC), "10"}, // 21:59:59 on Friday there
		{time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC), "1"},
		{time.Date(2026, 11, 28, 9, 59, 59, 0, time.UTC), "1"},
		{time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC), "10"},
		{time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC), "10"},
	} {
		clock.Set(x.at)
		c.Post("/2/readings", order(fmt.Sprint("r", i), 1)).Want(202, "estimate.cents", x.cents)
	}
	_, c, clock = open(t, glyphmill.Options{Cheap: []glyphmill.Hours{}})
	clock.Set(start.Add(12 * time.Hour))
	c.Post("/2/readings", order("r", 1)).Want(202, "estimate.cents", "3")
}

func TestBadOptions(t *testing.T) {
	for _, c := range []struct {
		opt  glyphmill.Options
		says string
	}{
		{glyphmill.Options{Accounts: []glyphmill.Account{{Name: "a"}}}, "no key"},
		{glyphmill.Options{Accounts: []glyphmill.Account{{Keys: []string{"k", "k"}}}}, "used twice"},
		{glyphmill.Options{Accounts: []glyphmill.Account{{Keys: []string{"k"}, Cents: -1}}}, "negative"},
		{glyphmill.Options{Zone: "Mars/Base"}, "Mars/Base"},
		{glyphmill.Options{PerDay: -1}, "not within 0"},
		{glyphmill.Options{Latency: simulator.Latency{Kind: "odd"}}, "odd"},
		{glyphmill.Options{Options: stage.Options{Faults: []stage.Rule{{}}}}, "rule 1"},
	} {
		if _, err := glyphmill.Open(c.opt); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("want %q, got %v", c.says, err)
		}
	}
}
