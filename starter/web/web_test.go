package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/open"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/starter/web"
	"github.com/offpeak/offpeak/tariff"
)

const night = batch.ID("digest/2026-11-22")

// evil is a job's name that nobody would want in a page as it is.
const evil = "<script>alert(1)</script> \u202egnp.exe\x1b[31m"

// site is the page over books of its own, beside a Temporal that isn't there.
type site struct {
	*testing.T
	url   string
	books *ledger.Ledger
	at    time.Time
	http  *http.Client
}

func serve(t *testing.T, lines ...string) *site {
	t.Helper()
	setting := "sqlite:" + filepath.Join(t.TempDir(), "offpeak.db")
	s := &site{T: t, at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	var err error
	if s.books, err = open.Ledger(t.Context(), setting, ledger.Options{}); err != nil {
		t.Fatal(err)
	}
	env := config.Env{"OFFPEAK_LEDGER=" + setting, "HOME=" + t.TempDir()}
	b, err := books.Open(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody answers there
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	_ = l.Close()
	temporal, err := client.NewLazyClient(client.Options{HostPort: dead, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.Open(keys.Source{Lines: lines})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(web.New(web.Options{
		Client: nightly.New(temporal, dead), Books: b, Keys: ring, Env: env, Log: zap.NewNop(), Version: "v1", UI: "http://127.0.0.1:8233/namespaces/default",
		Now:    func() time.Time { return s.at },
		Stream: func(context.Context, batch.ID, string, http.ResponseWriter) error { return nil },
	}))
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.url, s.http = srv.URL, &http.Client{Jar: jar}
	t.Cleanup(func() {
		srv.Close()
		temporal.Close()
		for _, err := range []error{b.Close(), s.books.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// plan puts a night of n jobs into the books, the first of them charged.
func (s *site) plan(id batch.ID, n, charged int) {
	s.Helper()
	window := tariff.SwarmsWindow()
	at, _ := time.Parse(time.DateOnly, string(id.Night()))
	span, err := window.Next(at.Add(30 * time.Hour).Add(-15 * time.Hour))
	if err != nil || span.Night != id.Night() {
		s.Fatalf("%+v, %v", span, err)
	}
	ctx := s.Context()
	_, err = s.books.Claim(ctx, ledger.Claim{Batch: ledger.Batch{
		ID: id, Provider: "swarms", Key: "k-1a2b", Digest: "d", Owner: ledger.Owner{WorkflowID: id.WorkflowID(), RunID: "r"}, Span: span, Card: tariff.Swarms(),
		Budget: batch.Budget{PerJob: money.Dollar, Batch: money.Dollar.Times(int64(n))},
	}})
	for from := 0; err == nil && from < n; from += 500 {
		var jobs []ledger.Job
		for i := from; i < min(from+500, n); i++ {
			jobs = append(jobs, ledger.Job{Name: fmt.Sprintf("job %d", i), Request: []byte(`{}`), Ceiling: money.Dollar, Models: []string{"gpt-4o"}})
		}
		if from == 0 {
			jobs[0].Name = evil
		}
		err = s.books.Plan(ctx, id, jobs)
	}
	if err == nil {
		err = s.books.Seal(ctx, id, n, 0, 0)
	}
	if err != nil {
		s.Fatal(err)
	}
	var crew sync.WaitGroup
	seqs := make(chan int)
	for range 64 {
		crew.Go(func() {
			for seq := range seqs {
				_, a, err := s.books.Admit(ctx, ledger.Ask{Batch: id, Seq: seq}, func(ledger.Standing) ledger.Verdict { return ledger.Verdict{Action: ledger.Go} })
				if err == nil {
					c := ledger.Charge{JobID: "swarms-x", Source: ledger.FromAnswer, Total: 97_250, DayPrice: 144_500, NightPrice: 97_250, EndedAt: span.Opens.Add(time.Duration(seq) * time.Second)}
					_, err = s.books.Settle(ctx, ledger.Closing{Batch: id, Seq: seq, Attempt: a, Status: 200, EndedAt: c.EndedAt, Receipt: []byte(`{"wrote":"answered"}`)}, c, "answers/x")
				}
				if err != nil {
					s.Error(err)
				}
			}
		})
	}
	for seq := range charged {
		seqs <- seq
	}
	close(seqs)
	crew.Wait()
}

// get is a page's status and text.
func (s *site) get(path string) (int, string, *http.Response) {
	s.Helper()
	r, err := s.http.Get(s.url + path)
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.Fatal(err)
	}
	return r.StatusCode, string(text), r
}

func (s *site) post(path string, form url.Values, header ...string) (int, string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := s.http.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		s.Fatal(err)
	}
	return a.StatusCode, string(text)
}

// While Temporal is away the books still say how a night stands, and nobody
// waits for it again and again.
func TestByTheBooksAlone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.plan(night, 40, 30)
	code, text, r := s.get("/nights/" + string(night))
	for _, want := range []string{"Temporal doesn&#39;t answer", `data-exact="2.917500"`, "30 succeeded", "10 pending", "20:00 opens", "06:00 closes", "a cap of $40.00"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page doesn't say %q", want)
		}
	}
	if csp := r.Header.Get("Content-Security-Policy"); code != http.StatusOK || !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("%d, policy %s", code, csp)
	}
	for path, want := range map[string]string{
		"/":                                  string(night),
		"/nights/" + string(night) + "/jobs": "job 39",
		"/spend":                             "$2.9175",
		"/nights/" + string(night) + "/live": `id="live"`,
		"/estimate":                          "Manifest",
		"/nights/" + string(night) + "/job?name=job+1":     "swarms-x",
		"/nights/" + string(night) + "/jobs?state=planned": "job 35",
	} {
		if code, text, _ := s.get(path); code != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d, no %q", path, code, want)
		}
	}
	for path, want := range map[string]int{
		"/nights/digest/2026-11-29": http.StatusNotFound, "/nights/No Name/x": http.StatusNotFound, "/nowhere": http.StatusNotFound,
		"/nights/" + string(night) + "/jobs?state=odd": http.StatusUnprocessableEntity, "/nights/" + string(night) + "/jobs?after=-3": http.StatusUnprocessableEntity,
		"/nights/" + string(night) + "/report/report.exe": http.StatusNotFound, "/nights/" + string(night) + "/report/report.html": http.StatusNotFound, "/?name=No+Name": http.StatusUnprocessableEntity,
		"/schedules": http.StatusServiceUnavailable,
	} {
		if code, text, _ := s.get(path); code != want || !strings.Contains(text, "<h1>") {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
}

// What a manifest or a provider says stays text.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.plan(night, 3, 2)
	for _, path := range []string{"/jobs", "/job?name=" + url.QueryEscape(evil)} {
		_, text, _ := s.get("/nights/" + string(night) + path)
		if !strings.Contains(text, "&lt;script&gt;alert(1)") || strings.Contains(text, "<script>alert") || strings.ContainsAny(text, "\u202e\x1b") {
			t.Errorf("%s shows it as it is", path)
		}
	}
}

// The jobs' table pages on the server, whatever the size of the night, and the
// night's page says no more of a large one than of a small one.
func TestALargeNight(t *testing.T) {
	t.Parallel()
	n, err := strconv.Atoi(os.Getenv("OFFPEAK_PAGE_JOBS"))
	if err != nil {
		n = 3000
	}
	s := serve(t)
	s.plan(night, n, n)
	s.plan("other/2026-11-22", 1, 1)
	s.get("/nights/other/2026-11-22") // finds out that Temporal is away
	began := time.Now()
	_, text, _ := s.get("/nights/" + string(night))
	if took := time.Since(began); n >= 100_000 && took > time.Second {
		t.Errorf("the night's page of %d jobs took %s", n, took)
	} else {
		t.Logf("the night's page of %d jobs: %s, %d bytes", n, took, len(text))
	}
	if len(text) > 120_000 {
		t.Errorf("%d bytes", len(text))
	}
	seen, path := 0, "/nights/"+string(night)+"/jobs?state=succeeded"
	for pages := 1; pages <= 3; pages++ {
		began = time.Now()
		_, text, _ := s.get(path)
		t.Logf("page %d of jobs: %s", pages, time.Since(began))
		seen += strings.Count(text, "<tr><td class=\"num soft")
		_, next, ok := strings.Cut(text, `rel="next"`)
		if !ok || next == "" {
			t.Fatalf("no next page after %d jobs", seen)
		}
		_, link, _ := strings.Cut(text, `<a class="button" href="/nights/`+string(night)+`/jobs?after=`)
		link, _, _ = strings.Cut(link, `"`)
		path = "/nights/" + string(night) + "/jobs?after=" + strings.ReplaceAll(link, "&amp;", "&")
	}
	if seen != 300 {
		t.Errorf("%d jobs on three pages", seen)
	}
}

// Who may not, doesn't: without a key nobody looks, with one that reads nobody
// steers, and no other site steers with anybody's.
func TestKeys(t *testing.T) {
	t.Parallel()
	reads, readLine, err := keys.New("ada", keys.Read)
	if err != nil {
		t.Fatal(err)
	}
	does, doLine, err := keys.New("ben", keys.Operate)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, readLine, doLine)
	s.plan(night, 3, 1)
	page := "/nights/" + string(night)
	_, text, r := s.get(page + "/jobs?state=planned")
	if r.Request.URL.Path != "/login" || r.Request.URL.Query().Get("to") != page+"/jobs?state=planned" || strings.Contains(text, "job 2") {
		t.Errorf("without a key: %s", r.Request.URL)
	}
	if code, _ := s.post(page+"/pause", nil); code != http.StatusUnauthorized {
		t.Errorf("an order without a key: %d", code)
	}
	if _, text := s.post("/login", url.Values{"key": {"offpeak_wrong"}, "to": {"/spend"}}); !strings.Contains(text, "isn't one of this server's") {
		t.Error("a wrong key is taken")
	}
	for _, who := range []struct {
		key  string
		want int
	}{{reads, http.StatusForbidden}, {does, http.StatusServiceUnavailable}} { // the latter: Temporal isn't there
		key, want := who.key, who.want
		if code, text := s.post("/login", url.Values{"key": {key}, "to": {page}}); code != http.StatusOK || !strings.Contains(text, string(night)) || strings.Contains(text, key) {
			t.Errorf("signed in: %d", code)
		}
		if code, _ := s.post(page+"/pause", nil); code != want {
			t.Errorf("an order: %d, want %d", code, want)
		}
		if code, _ := s.post(page+"/pause", nil, "Sec-Fetch-Site", "cross-site"); code != http.StatusForbidden {
			t.Errorf("an order from another site: %d", code)
		}
		if code, _ := s.post(page+"/pause", nil, "Origin", "https://evil.example"); code != http.StatusForbidden {
			t.Errorf("an order from another origin: %d", code)
		}
	}
	u, _ := url.Parse(s.url)
	for _, c := range s.http.Jar.Cookies(u) {
		if c.Value != does {
			t.Errorf("cookie %s", c.Name)
		}
	}
	s.post("/logout", nil)
	if _, _, r := s.get(page); r.Request.URL.Path != "/login" {
		t.Error("signed out, and still in")
	}
}

// A stream ends when its key is withdrawn, and a proxy that does TLS gets a
// cookie that only TLS sees.
func TestAKeyIsWithdrawn(t *testing.T) {
	t.Parallel()
	secret, line, err := keys.New("ada", keys.Read)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := keys.New("ben", keys.Read)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys")
	write := func(lines string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(line + "\n")
	ring, err := keys.Open(keys.Source{File: file})
	if err != nil {
		t.Fatal(err)
	}
	began, over := make(chan struct{}), make(chan struct{})
	h := web.New(web.Options{
		Keys: ring, Now: time.Now, Log: zap.NewNop(),
		Stream: func(ctx context.Context, _ batch.ID, _ string, _ http.ResponseWriter) error {
			close(began)
			<-ctx.Done()
			close(over)
			return nil
		},
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/nights/"+string(night)+"/events", nil)
	r.AddCookie(&http.Cookie{Name: "offpeak_key", Value: secret})
	go h.ServeHTTP(httptest.NewRecorder(), r)
	<-began
	write(other + "\n")
	ring.Reload()
	select {
	case <-over:
	case <-t.Context().Done():
		t.Fatal("the stream goes on")
	}

	in := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/logout", nil)
	in.Header.Set("X-Forwarded-Proto", "https")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, in)
	if c := w.Result().Cookies(); len(c) != 1 || !c[0].Secure || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode {
		t.Errorf("%+v", c)
	}
}

// Signing in leads nowhere but to this site.
func TestWhereSigningInLeads(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for to, want := range map[string]string{
		"/spend": "/spend", "/nights/a/b?x=1": "/nights/a/b?x=1", "": "/", "https://evil.example/": "/", "//evil.example": "/", "/\\evil.example": "/", "javascript:alert(1)": "/", "spend": "/",
	} {
		r, err := s.http.PostForm(s.url+"/login", url.Values{"to": {to}})
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if got := r.Header.Get("Location"); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
}

// The chart's marks are right in the nights in which the clocks change.
func TestMarks(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for id, want := range map[batch.ID]struct{ length, change string }{
		"digest/2026-10-31": {"11 h 00 min", "2026-11-01T09:00:00Z"},
		"digest/2027-03-13": {"9 h 00 min", "2027-03-14T10:00:00Z"},
		"digest/2026-11-22": {"10 h 00 min", ""},
	} {
		s.plan(id, 2, 1)
		_, text, _ := s.get("/nights/" + string(id))
		_, data, _ := strings.Cut(text, `id="timeline-data">`)
		data, _, _ = strings.Cut(data, "</script>")
		var c struct {
			Marks []struct {
				At   int64
				Kind string
			}
			Done []int
			X    []int64
		}
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%s: %v in %q", id, err, data)
		}
		change := ""
		for _, m := range c.Marks {
			if m.Kind == "dst" {
				change = time.Unix(m.At, 0).UTC().Format(time.RFC3339)
			}
		}
		if change != want.change || !strings.Contains(text, want.length) || (want.change != "") != strings.Contains(text, "the clocks change: this night lasts "+want.length) {
			t.Errorf("%s: the clocks change at %q, want %q", id, change, want.change)
		}
		if len(c.X) != 1 || c.Done[0] != 1 {
			t.Errorf("%s: %+v", id, c)
		}
	}
}

// The estimate says the guide's figures and why it isn't half; what is wrong
// with a manifest is said beside it.
func TestEstimate(t *testing.T) {
	t.Parallel()
	s := serve(t)
	agents := strings.TrimSuffix(strings.Repeat(`{"agent_name":"A","model_name":"gpt-4o-mini","max_tokens":64},`, 5), ",")
	jobs := make([]string, 1000)
	for i := range jobs {
		jobs[i] = fmt.Sprintf(`{"name":"job %d","task":"t"}`, i)
	}
	m := `{"name":"guide","budget":{"batch":"200.00"},"defaults":{"agents":[` + agents + `],"expect":{"input_tokens":6000,"output_tokens":3000}},"jobs":[` + strings.Join(jobs, ",") + `]}`
	_, text := s.post("/estimate", url.Values{"manifest": {m}})
	for _, want := range []string{"$144.50", "$97.25", "32.7 %, not 50.0 %", "$4,335.00", "$2,917.50", "$1,417.50", "$17,010.00", "never discounted", "1,000 jobs"} {
		if !strings.Contains(text, want) {
			t.Errorf("it doesn't say %q", want)
		}
	}
	_, text = s.post("/estimate", url.Values{"manifest": {"name: x\nodd: 1\njobs: [{name: a, tsak: t}]\n"}})
	if !strings.Contains(text, "odd") || !strings.Contains(text, `role="alert"`) || !strings.Contains(text, "odd: 1") {
		t.Errorf("mistakes aren't said: %s", text)
	}
	if code, _ := s.post("/estimate", url.Values{"manifest": {strings.Repeat("x", 2<<20)}}); code != http.StatusUnprocessableEntity {
		t.Errorf("a manifest of 2 MiB: %d", code)
	}
}
