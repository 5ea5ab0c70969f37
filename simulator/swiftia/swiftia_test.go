package swiftia_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
	"github.com/offpeak/offpeak/simulator/stage/stagetest"
	"github.com/offpeak/offpeak/simulator/swiftia"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	session = map[string]string{"Cookie": "session=web"}
)

func bearer(key string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + key}
}

// orgs are acme with two keys and a session, and zeta with one key.
var orgs = []swiftia.Organisation{
	{Name: "acme", Keys: []string{"sw-a1", "sw-a2"}, Sessions: []string{"web"}},
	{Name: "zeta", Keys: []string{"sw-z"}, Plan: swiftia.PlanSwift},
}

func open(t *testing.T, o swiftia.Options) (*swiftia.Server, *stagetest.Client, *simulator.Tunable) {
	t.Helper()
	clock := simulator.FrozenClock(start)
	o.Clock = clock
	if o.Organisations == nil {
		o.Organisations = orgs
	}
	s, err := swiftia.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, stagetest.Start(t, s.Server, session), clock
}

func order(video string) string {
	return fmt.Sprintf(`{"functionName":"VideoShorts","youtubeVideoId":%q}`, video)
}

func TestExam(t *testing.T) {
	stagetest.Exam(t, stagetest.Sitting{
		Open: func(o stage.Options) *stage.Server {
			return swiftia.New(swiftia.Options{Options: o, Organisations: orgs}).Server
		},
		Headers: session,
		Buy: func(_ *stagetest.Client, subject string) (string, string, string) {
			return http.MethodPost, "/api/jobs", order(subject)
		},
		OK: 200,
	})
}

// One request in 2 s for an organisation, whichever of its keys and routes;
// another organisation has its own; a session none.
func TestLimitOfTheOrganisation(t *testing.T) {
	s, c, clock := open(t, swiftia.Options{})
	a1, a2, z := c.As(bearer("sw-a1")), c.As(bearer("sw-a2")), c.As(bearer("sw-z"))
	a1.Post("/api/jobs", order("v1")).Want(200)
	clock.Advance(1999 * time.Millisecond)
	a := a2.Get("/api/jobs/none").Want(429, "status", "429", "code", "RATE_LIMIT_EXCEEDED", "retryAfter", "1", "message", "Rate limit exceeded. Please try again later.")
	reset := strconv.FormatInt(start.Add(2*time.Second).UnixMilli(), 10)
	for name, want := range map[string]string{"X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset, "Retry-After": "1"} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	z.Post("/api/jobs", order("v2")).Want(200)
	for range 3 {
		c.Post("/api/jobs", order("v3")).Want(200)
	}
	clock.Advance(time.Millisecond)
	if a := a2.Get("/api/jobs/none").Want(404, "code", "NOT_FOUND"); a.Header.Get("X-RateLimit-Limit") != "" {
		t.Error("headers on an answer that wasn't refused")
	}
	books := s.Books()
	if d, ok := books.Closest("acme"); !ok || d != time.Millisecond || books.Refused("acme") != 1 || books.Refused("zeta") != 0 {
		t.Errorf("closest %s, refused %d and %d", d, books.Refused("acme"), books.Refused("zeta"))
	}
	if n := books.MaxInWindow("acme", 2*time.Second); n != 2 {
		t.Errorf("%d in 2 s", n)
	}
	if _, ok := books.Closest("zeta"); ok {
		t.Error("one request is close to another")
	}
}

// However many send at once, and from whichever key: what is let through is
// never closer than the window is long, and the rest is refused and counted.
func TestStrictUnderLoad(t *testing.T) {
	clock := simulator.NewClock()
	const span = 20 * time.Millisecond
	s := swiftia.New(swiftia.Options{Options: stage.Options{Clock: clock}, Organisations: orgs, Limit: simulator.Quota{Span: span, Limit: 1}})
	c := stagetest.Start(t, s.Server, nil)
	var through atomic.Int64
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			mine := c.As(bearer([]string{"sw-a1", "sw-a2"}[w%2]))
			for through.Load() < 12 {
				if a := mine.Get("/api/jobs/x"); a.Status == 404 {
					through.Add(1)
				} else if a.Status != 429 {
					t.Errorf("%d %v", a.Status, a.Err)
				}
			}
		})
	}
	wg.Wait()
	var last time.Time
	admitted, refused := 0, 0
	arrivals := s.Books().Arrivals()
	slices.SortFunc(arrivals, func(a, b stage.Arrival) int { return a.At.Compare(b.At) })
	for _, a := range arrivals {
		if a.Refused {
			refused++
			continue
		}
		if d := a.At.Sub(last); d < span {
			t.Errorf("let through %s after the one before", d)
		}
		last = a.At
		admitted++
	}
	if int64(admitted) != through.Load() || refused != s.Books().Refused("acme") || refused == 0 {
		t.Errorf("%d let through, clients saw %d; %d refused, %d in the books", admitted, through.Load(), refused, s.Books().Refused("acme"))
	}
}

// Retry-After taken at its word is refused again: the window is longer.
func TestRetryAfterIsShort(t *testing.T) {
	_, c, clock := open(t, swiftia.Options{})
	a1 := c.As(bearer("sw-a1"))
	a1.Get("/api/jobs/x").Want(404)
	a1.Get("/api/jobs/x").Want(429)
	clock.Advance(time.Second)
	a1.Get("/api/jobs/x").Want(429)
	clock.Advance(time.Second)
	a1.Get("/api/jobs/x").Want(404)
}

func TestLimitSwitches(t *testing.T) {
	s, c, clock := open(t, swiftia.Options{Options: stage.Options{Switches: stage.Positions{"rate_headers": "all", "retry_after": "truthful", "refused_count": "on"}}})
	a1 := c.As(bearer("sw-a1"))
	if a := a1.Get("/api/jobs/x").Want(404); a.Header.Get("X-RateLimit-Remaining") != "0" || a.Header.Get("Retry-After") != "" {
		t.Errorf("%v", a.Header)
	}
	clock.Advance(1500 * time.Millisecond)
	a1.Get("/api/jobs/x").Want(429, "retryAfter", "2") // and it counts
	clock.Advance(1500 * time.Millisecond)
	a1.Get("/api/jobs/x").Want(429)
	clock.Advance(2 * time.Second)
	a1.Get("/api/jobs/x").Want(404)

	set := func(p stage.Positions) {
		t.Helper()
		if err := s.SetSwitches(p); err != nil {
			t.Fatal(err)
		}
	}
	set(stage.Positions{"limits": "two_per_second", "refused_count": "off", "retry_after": "absent", "rate_headers": "none"})
	a1.Get("/api/jobs/x").Want(404)
	a1.Get("/api/jobs/x").Want(404)
	if a := a1.Get("/api/jobs/x").Want(429); a.Header.Get("Retry-After") != "" || a.Header.Get("X-RateLimit-Reset") != "" || strings.Contains(a.Body, "retryAfter") {
		t.Errorf("%v %s", a.Header, a.Body)
	}
	set(stage.Positions{"limits": "plan"})
	z := c.As(bearer("sw-z"))
	for range 5 {
		z.Get("/api/jobs/x").Want(404)
	}
	z.Get("/api/jobs/x").Want(429)
	clock.Advance(time.Second)
	z.Get("/api/jobs/x").Want(404)
}

func TestAuth(t *testing.T) {
	s, c, _ := open(t, swiftia.Options{})
	c.As(nil).Get("/api/jobs/x").Want(401, "code", "UNAUTHORIZED", "status", "401")
	c.As(bearer("sw-nobody")).Get("/api/jobs/x").Want(401, "code", "UNAUTHORIZED")
	c.As(map[string]string{"Cookie": "session=stale"}).Get("/api/jobs/x").Want(401)
	id := c.Post("/api/jobs", order("v")).Want(200).Dig("jobId")
	c.As(bearer("sw-a2")).Get("/api/jobs/" + id).Want(200)
	c.As(bearer("sw-z")).Get("/api/jobs/" + id).Want(404) // another organisation's
	for _, a := range s.Books().Arrivals() {
		if strings.Contains(fmt.Sprint(a), "sw-") {
			t.Errorf("a key in the books: %v", a)
		}
	}
}

func TestJob(t *testing.T) {
	s, c, clock := open(t, swiftia.Options{
		Latency: simulator.Latency{Kind: "fixed", Low: 100 * time.Second},
		Source:  swiftia.Source{Length: 10 * time.Minute, Bytes: 500_000_000},
	})
	body := `{"functionName":"VideoShorts","options":{"youtubeVideoId":"abc","predefinedShorts":[{"title":"Intro","start":0,"end":45.5}]}}`
	id := c.Post("/api/jobs", body).Want(200, "id", "(none)").Dig("jobId")
	c.Get("/api/jobs/"+id).Want(200, "id", id, "status", "PROCESSING", "progress", "0", "cost", "0", "data", "(none)")
	clock.Advance(50 * time.Second)
	c.Get("/api/jobs/"+id).Want(200, "status", "PROCESSING", "progress", "49")
	clock.Advance(50 * time.Second)
	// 10 minutes at $0.03, half a gigabyte at $0.60.
	c.Get("/api/jobs/"+id).Want(200, "status", "COMPLETED", "progress", "100", "cost", "0.6", "costBreakDown.youtubeFetch", "0.3",
		"data.shorts.0.content", "Intro", "data.shorts.0.endTime", "45.5", "data.shorts.1", "(none)")
	p := s.Books().Purchases()
	if len(p) != 1 || p[0].Cost != 600*money.Dollar/1000 || p[0].ID != id || p[0].Subject != "abc" || p[0].Account != "acme" || p[0].Lost {
		t.Errorf("%+v", p)
	}

	if err := s.SetSwitches(stage.Positions{"job_key": "both", "created": "201"}); err != nil {
		t.Fatal(err)
	}
	a := c.Post("/api/jobs", order("abc")).Want(201)
	if a.Dig("id") != a.Dig("jobId") || a.Dig("id") == id {
		t.Errorf("the same order is another job: %s", a.Body)
	}
	if twice := s.Books().Twice(); len(twice) != 1 || twice[0] != "abc" {
		t.Errorf("twice: %v", twice)
	}
}

func TestBadOrders(t *testing.T) {
	s, c, _ := open(t, swiftia.Options{Options: stage.Options{Faults: []stage.Rule{
		{Match: "full", Kind: swiftia.KindFullStorage}, {Match: "phone", Kind: swiftia.KindPhone},
	}}})
	for _, body := range []string{
		`{`, `{}`, `[]`, `{"functionName":"VideoShorts"}`, `{"functionName":"Other","youtubeVideoId":"v"}`, `{"functionName":"VideoShorts","youtubeVideoId":7}`,
		`{"functionName":"VideoShorts","youtubeVideoId":"v","webhook":"not a url"}`,
		`{"functionName":"VideoShorts","youtubeVideoId":"v","options":{"predefinedShorts":[{"title":"long","start":0,"end":301}]}}`,
		`{"functionName":"VideoShorts","youtubeVideoId":"v","options":{"predefinedShorts":[{"title":"back","start":9,"end":3}]}}`,
	} {
		c.Post("/api/jobs", body).Want(400, "code", "INVALID_INPUT", "status", "400", "retryAfter", "(none)")
	}
	c.Post("/api/jobs", order("full")).Want(403, "error", "fullStorage", "storageInfo.availableSize", "0", "code", "(none)")
	c.Post("/api/jobs", order("phone")).Want(403, "error", "Phone verification required")
	if n := len(s.Books().Purchases()); n != 0 {
		t.Errorf("%d bought", n)
	}
}

func TestPrices(t *testing.T) {
	for _, c := range []struct {
		plan   string
		source swiftia.Source
		cost   string
	}{
		{swiftia.PlanStarter, swiftia.Source{Length: time.Minute, Bytes: 1}, "0.3"}, // the minimum
		{swiftia.PlanFree, swiftia.Source{Length: 20 * time.Minute, Bytes: 1_000_000_000}, "1.2"},
		{swiftia.PlanPro, swiftia.Source{Length: 20 * time.Minute, Bytes: 1_000_000_000}, "1.12"},
		{swiftia.PlanSwift, swiftia.Source{Length: 1201 * time.Second, Bytes: 1_000_000_000}, "1.060383"},
	} {
		s, client, clock := open(t, swiftia.Options{
			Organisations: []swiftia.Organisation{{Keys: []string{"k"}, Sessions: []string{"web"}, Plan: c.plan}}, Source: c.source,
		})
		id := client.Post("/api/jobs", order("v")).Want(200).Dig("jobId")
		clock.Advance(time.Second)
		client.Get("/api/jobs/"+id).Want(200, "cost", c.cost)
		if want, err := money.Parse(c.cost); err != nil || s.Summary().Cost != want {
			t.Errorf("%s: the books say %s", c.plan, s.Summary().Cost)
		}
	}
}

func TestFailedAndLateJobs(t *testing.T) {
	s, c, clock := open(t, swiftia.Options{Options: stage.Options{Faults: []stage.Rule{
		{Match: "bad", Kind: swiftia.KindJobFailed}, {Match: "late", Kind: swiftia.KindLate, Delay: simulator.Duration(time.Hour)},
	}}})
	bad, late := c.Post("/api/jobs", order("bad")).Dig("jobId"), c.Post("/api/jobs", order("late")).Dig("jobId")
	clock.Advance(time.Minute)
	c.Get("/api/jobs/"+bad).Want(200, "status", "FAILED", "cost", "0")
	c.Get("/api/jobs/"+late).Want(200, "status", "PROCESSING", "progress", "1")
	clock.Advance(time.Hour)
	c.Get("/api/jobs/"+late).Want(200, "status", "COMPLETED")
	if err := s.SetSwitches(stage.Positions{"failed_cost": "charged"}); err != nil {
		t.Fatal(err)
	}
	bad = c.Post("/api/jobs", order("bad")).Dig("jobId")
	clock.Advance(time.Minute)
	if cost := c.Get("/api/jobs/"+bad).Want(200, "status", "FAILED").Dig("cost"); cost == "0" {
		t.Error("a failed job that is charged costs nothing")
	}
}

func TestRender(t *testing.T) {
	s, c, clock := open(t, swiftia.Options{
		Latency: simulator.Latency{Kind: "fixed", Low: 40 * time.Second},
		Options: stage.Options{Faults: []stage.Rule{{Match: "_s2", Kind: swiftia.KindRenderError}}},
	})
	id := c.Post("/api/jobs", order("v")).Dig("jobId")
	c.Post("/api/render", `{"jobId":"`+id+`"}`).Want(400, "code", "INVALID_INPUT")
	clock.Advance(time.Minute)
	short := c.Get("/api/jobs/" + id).Dig("data.shorts.0.id")
	for _, body := range []string{`{"id":"` + id + `"}`, `{"jobId":"` + id + `","target":"youtube"}`} {
		c.Post("/api/render", body).Want(200)
	}
	render := c.Post("/api/render", `{"shortId":"`+short+`"}`).Want(200).Dig("renderId")
	c.Get("/api/render/"+render).Want(200, "type", "queued", "status", "QUEUED", "queuePosition", "1")
	clock.Advance(25 * time.Second)
	c.Get("/api/render/"+render).Want(200, "type", "progress", "progress", "0.5")
	clock.Advance(time.Minute)
	if a := c.Get("/api/render/"+render).Want(200, "type", "done"); !strings.HasSuffix(a.Dig("url"), render+".mp4") {
		t.Error(a.Body)
	}
	broken := func() string { return c.Post("/api/render", `{"shortId":"`+id+`_s2"}`).Want(200).Dig("renderId") }
	one := broken()
	if err := s.SetSwitches(stage.Positions{"render_error": "code"}); err != nil {
		t.Fatal(err)
	}
	two := broken()
	clock.Advance(time.Minute)
	c.Get("/api/render/"+one).Want(200, "type", "error", "message", "Rendering failed")
	c.Get("/api/render/"+two).Want(500, "code", "RENDERING_ERROR")
	c.Get("/api/render/none").Want(404)
	c.As(bearer("sw-z")).Get("/api/render/" + two).Want(404)
	for _, body := range []string{`{`, `{}`} {
		c.Post("/api/render", body).Want(400)
	}
	c.Post("/api/render", `{"shortId":"`+id+`_s9"}`).Want(404)
	c.Post("/api/render", `{"shortId":"job_none"}`).Want(404)
	if n := s.Summary().Purchases["render"]; n != 5 {
		t.Errorf("%d renders", n)
	}
}

func TestListAndOldPaths(t *testing.T) {
	s, c, _ := open(t, swiftia.Options{})
	c.Post("/api/jobs", order("v1")).Want(200)
	c.Post("/api/jobs", order("v2")).Want(200)
	c.Get("/api/jobs").Want(404)
	c.Get("/v1/jobs").Want(404)
	if err := s.SetSwitches(stage.Positions{"list_jobs": "array", "v1_paths": "on"}); err != nil {
		t.Fatal(err)
	}
	c.Get("/v1/jobs").Want(200, "0.title", "Video v2", "1.title", "Video v1", "2", "(none)")
	c.As(bearer("sw-z")).Get("/v1/jobs").Want(200, "0", "(none)")
}

func TestBadOptions(t *testing.T) {
	for _, c := range []struct {
		opt  swiftia.Options
		says string
	}{
		{swiftia.Options{Organisations: []swiftia.Organisation{{Name: "a"}}}, "no key"},
		{swiftia.Options{Organisations: []swiftia.Organisation{{Keys: []string{"k"}}, {Keys: []string{"k"}}}}, "used twice"},
		{swiftia.Options{Organisations: []swiftia.Organisation{{Keys: []string{"k"}, Plan: "gold"}}}, "gold"},
		{swiftia.Options{Source: swiftia.Source{Bytes: -1}}, "negative"},
		{swiftia.Options{Limit: simulator.Quota{Limit: 1}}, "above zero"},
		{swiftia.Options{Latency: simulator.Latency{Kind: "odd"}}, "odd"},
		{swiftia.Options{Options: stage.Options{Switches: stage.Positions{"limits": "none"}}}, "limits"},
		{swiftia.Options{Options: stage.Options{Faults: []stage.Rule{{}}}}, "rule 1"},
	} {
		if _, err := swiftia.Open(c.opt); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("want %q, got %v", c.says, err)
		}
	}
}
