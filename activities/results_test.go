package activities_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/s3test"
	"github.com/offpeak/offpeak/report"
	"github.com/offpeak/offpeak/simulator"
)

// lines are a night's results as they lie in the archive.
func (w *world) lines(revision int) []report.ResultLine {
	w.Helper()
	text, err := w.store.Get(w.Context(), archive.ResultsKey(w.plan.Batch, revision))
	if err != nil {
		w.Fatal(err)
	}
	var all []report.ResultLine
	for line := range bytes.Lines(text) {
		var r report.ResultLine
		if err := json.Unmarshal(line, &r); err != nil {
			w.Fatalf("%v in %s", err, line)
		}
		all = append(all, r)
	}
	return all
}

// TestResults: every job of the night is a line with its answer, also one that
// was found in the provider's log, that was rejected or wasn't sent, and one
// whose answer is gone from the archive.
func TestResults(t *testing.T) {
	w := newWorld(t, nil).faults(lostAnswer("job-1"), simulator.Rule{Match: "job-2", Kind: simulator.KindStatus, Status: 422}).planned(manifest(5, ""))
	for seq := range 4 {
		w.send(seq)
	}
	if err := os.Remove(filepath.Join(w.dir, "archive", filepath.FromSlash(w.job(3).Output))); err != nil {
		t.Fatal(err)
	}
	result, err := w.audit()
	if err != nil || result.Results != "file://"+w.dir+"/archive/digest/2026-11-22/results.jsonl" {
		t.Fatalf("results at %q, %v", result.Results, err)
	}
	b, err := w.books.Batch(t.Context(), w.plan.Batch)
	if err != nil || !strings.Contains(string(b.Result), `"results":"file://`) {
		t.Errorf("the books' result is %s, %v", b.Result, err)
	}
	all := w.lines(1)
	if len(all) != 5 {
		t.Fatalf("%d lines", len(all))
	}
	billed := result.Money.Billed
	for i, r := range all {
		j := w.job(i)
		if r.Seq != i || r.Name != j.Name || r.RequestID != j.RequestID || r.State != j.State || r.Why != j.Why {
			t.Errorf("%+v of %+v", r, j)
		}
		if r.Billed != nil {
			billed -= *r.Billed
			if *r.DayPrice <= *r.Billed || !strings.HasPrefix(r.JobID, "swarms-") {
				t.Errorf("%+v", r)
			}
		}
	}
	if billed != 0 {
		t.Errorf("the lines are %s short of what was billed", billed)
	}
	for i, want := range []struct {
		state   batch.State
		output  bool
		missing string
	}{
		{batch.Succeeded, true, ""},
		{batch.Succeeded, true, ""},
		{batch.Rejected, false, ""},
		{batch.Succeeded, false, "the archive has nothing under digest/2026-11-22/answers/"},
		{batch.Parked, false, ""},
	} {
		r := all[i]
		if r.State != want.state || (string(r.Output) != "null") != want.output || want.missing == "" && r.OutputMissing != "" || !strings.HasPrefix(r.OutputMissing, want.missing) {
			t.Errorf("job %d: %+v with %s, want %+v", i, r, r.Output, want)
		}
	}
	// The output is the answer's own, to the byte.
	var answer struct{ Output json.RawMessage }
	text, err := w.store.Get(t.Context(), w.job(0).Output)
	if err != nil || json.Unmarshal(text, &answer) != nil {
		t.Fatal(err)
	}
	var a, b2 bytes.Buffer
	if json.Compact(&a, answer.Output) != nil || json.Compact(&b2, all[0].Output) != nil || a.Len() < 10 || !bytes.Equal(a.Bytes(), b2.Bytes()) {
		t.Errorf("output %s, want %s", b2.Bytes(), a.Bytes())
	}
	w.honest()
}

// TestResultsAgain: judged again, the same results are the same file; other
// results are a new one, and the old one stays.
func TestResultsAgain(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(2, ""))
	w.send(0)
	first, err := w.audit()
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.audit()
	if err != nil || again.Results != first.Results {
		t.Errorf("%q after %q, %v", again.Results, first.Results, err)
	}
	w.planned(w.input) // what was parked goes out after all
	w.send(1)
	second, err := w.audit()
	if err != nil || !strings.HasSuffix(second.Results, "/results-2.jsonl") {
		t.Errorf("%q, %v", second.Results, err)
	}
	if old, now := w.lines(1), w.lines(2); old[1].State != batch.Parked || now[1].State != batch.Succeeded || string(now[1].Output) == "null" {
		t.Errorf("%+v became %+v", old[1], now[1])
	}
	w.honest()
}

// TestLaneSharesFiles: answers of a lane that come together lie in common
// files, each in a bucket and in a folder is found by its job alone, and one
// that was damaged is missing in its own line only.
func TestLaneSharesFiles(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (setting, dir string){
		"folder": func(t *testing.T) (string, string) { dir := t.TempDir(); return "file://" + dir, dir },
		"s3":     func(t *testing.T) (string, string) { s := s3test.New(t); return s.URL(""), s.Folder },
	} {
		t.Run(name, func(t *testing.T) {
			const jobs = 60
			w := newWorld(t, func(o *simulator.Options) {
				o.Latency = simulator.Latency{Kind: "fixed", Low: 5 * time.Second}
				o.Accounts[0].Limits = &simulator.Limits{}
			})
			setting, dir := open(t)
			var err error
			if w.store, err = archive.Open(t.Context(), setting); err != nil {
				t.Fatal(err)
			}
			w.newHands(w.server.URL)
			w.planned(manifest(jobs, `"policy": {"fan_out": "lanes"},`))
			r, err := w.hands.SubmitLane(t.Context(), w.lane(jobs))
			w.wantLane(r, err)
			packs := map[string]bool{}
			last := ""
			for seq := range jobs {
				j := w.job(seq)
				pack, _, packed := strings.Cut(j.Output, "@")
				if packed {
					packs[pack], last = true, pack
				}
				var answer struct {
					JobID string `json:"job_id"`
				}
				text, err := w.store.Get(t.Context(), j.Output)
				if err != nil || json.Unmarshal(text, &answer) != nil {
					t.Fatalf("%s: %q, %v", j.Output, text, err)
				}
				charges, err := w.books.ChargesFor(t.Context(), []string{j.RequestID})
				if err != nil || len(charges) != 1 || charges[0].JobID != answer.JobID {
					t.Errorf("%s holds the answer of run %s, the books have %+v, %v", j.Output, answer.JobID, charges, err)
				}
			}
			if len(packs) == 0 {
				t.Fatal("no two answers share a file: it proves nothing")
			}
			t.Logf("%d answers, %d packs", jobs, len(packs))
			torn := filepath.Join(dir, filepath.FromSlash(last))
			whole, err := os.ReadFile(torn)
			if err != nil {
				t.Fatal(err)
			}
			whole[len(whole)-4] ^= 0x20 // in the last answer
			if err := os.WriteFile(torn, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			if result, err := w.audit(); err != nil || !result.Audit.Passed {
				t.Fatalf("%+v, %v", result, err)
			}
			missing := 0
			for _, l := range w.lines(1) {
				if l.OutputMissing != "" {
					missing++
					if !strings.Contains(l.OutputMissing, "damaged") || string(l.Output) != "null" {
						t.Errorf("%+v", l)
					}
				}
			}
			if missing != 1 {
				t.Errorf("%d answers are missing after one was damaged", missing)
			}
			w.honest()
		})
	}
}

// TestANightOnS3 keeps answers, reports and results in a bucket. An answer
// that comes while the store is away is booked all the same, and its line says
// what is missing.
func TestANightOnS3(t *testing.T) {
	s := s3test.New(t)
	to, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	direct := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, r.In.Host
	}}
	var away atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		direct.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)
	w := newWorld(t, nil)
	if w.store, err = archive.Open(t.Context(), s.Through(proxy.URL, "nights")); err != nil {
		t.Fatal(err)
	}
	w.newHands(w.server.URL)
	w.planned(manifest(3, ""))
	w.send(0)
	away.Store(true)
	if out, _ := w.send(1); out.State != batch.Succeeded || out.Billed == 0 || w.job(1).Output != "" {
		t.Errorf("%+v, kept at %q", out, w.job(1).Output)
	}
	away.Store(false)
	w.send(2)
	away.Store(true)
	if _, err := w.audit(); kindOf(t, err) != batch.OutOfReach || applicationError(t, err).NonRetryable() {
		t.Errorf("audit: %v, want it to wait for the archive", err)
	}
	away.Store(false)
	result, err := w.audit()
	if err != nil || result.Results != "s3://offpeak-test/nights/digest/2026-11-22/results.jsonl" || result.Report != "s3://offpeak-test/nights/digest/2026-11-22/report" {
		t.Fatalf("%+v, %v", result, err)
	}
	all := w.lines(1)
	if len(all) != 3 || all[0].OutputMissing+all[2].OutputMissing != "" || all[1].OutputMissing != "no answer was kept" || all[1].Billed == nil || string(all[2].Output) == "null" {
		t.Errorf("%+v", all)
	}
	if _, err := w.store.Get(t.Context(), archive.ReportKey(w.plan.Batch, 1, "html")); err != nil {
		t.Error(err)
	}
	w.honest()
}
