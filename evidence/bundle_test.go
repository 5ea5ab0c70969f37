package evidence_test

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/evidence"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

const night = batch.ID("market-digest/2026-11-22")

var nine = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

// files are spools on disk, as a program has them.
func files(t testing.TB) func() (evidence.Spool, error) {
	dir := t.TempDir()
	return func() (evidence.Spool, error) { return os.CreateTemp(dir, "spool") }
}

// tale is what a bundle is made of, for tests to change before it is.
type tale struct {
	jobs     []evidence.Job
	requests []string
	receipts []evidence.Receipt
	charges  []ledger.Charge
	rows     []evidence.Row
	answers  []string
	result   batch.Result
	manifest evidence.Manifest
	key      ed25519.PrivateKey
	more     func(*evidence.Builder) // behind everything else
}

func id(seq int) string { return fmt.Sprintf("7c9e6679-7425-40de-944b-e07fc1f9%04d", seq) }

// told is a regulated night of n jobs, all but the last done, which was
// rejected; between its first and its second charge lies one of another batch.
func told(n int) *tale {
	w := &tale{manifest: evidence.Manifest{
		Program: "offpeak test", Batch: night, Provider: "swarms", Key: "0123456789ab",
		Workflow: evidence.Workflow{ID: "nightly/market-digest/2026-11-22", Run: "run-1"}, Digest: strings.Repeat("ab", 32),
		PlannedAt: nine.Add(-time.Hour), Card: tariff.Swarms(), Span: tariff.Span{Night: "2026-11-22", Opens: nine.Add(-time.Hour), Closes: nine.Add(9 * time.Hour)},
		Budget: batch.Budget{PerJob: 5 * money.Dollar, Batch: 50 * money.Dollar},
		Policy: batch.Policy{Compliance: batch.ComplianceRegulated, RequestTimeout: 10 * time.Minute}, Log: "provider",
	}}
	head := ledger.Charge{N: 16, Hash: strings.Repeat("f0", 32)}
	link := func(c ledger.Charge) {
		c.N, c.Prev = head.N+1, head.Hash
		c.Hash = c.Digest()
		head = c
		w.charges = append(w.charges, c)
	}
	yes := true
	for i := range n {
		j := evidence.Job{
			Seq: i, Name: fmt.Sprintf("Digest <%d> \u00e9", i), RequestID: id(i), State: batch.Succeeded, Type: "SequentialWorkflow", Models: []string{"gpt-4o-2024-08-06"},
			Agents: 1, Estimate: 60_000, Ceiling: 90_000, Attempts: 1, Planned: strings.Repeat("cd", 32),
		}
		w.requests = append(w.requests, fmt.Sprintf(`{"name":"Digest [%s]","task":"SECRET-PROMPT","agents":[{"agent_name":"A","model_name":"gpt-4o-2024-08-06","temperature":0}]}`, id(i)))
		if i == n-1 && n > 1 {
			j.State, j.Why = batch.Rejected, "HTTP 422: field required"
			w.receipts = append(w.receipts, evidence.Receipt{
				Seq: i, RequestID: id(i), Attempt: 1, Key: "0123456789ab", SentAt: nine, EndedAt: nine.Add(time.Second), Status: 422,
				Ending: ledger.EndedRejected, Outcome: batch.RejectedByAPI, Receipt: []byte(`{"status":422}`),
			})
			w.answers = append(w.answers, "")
			w.jobs = append(w.jobs, j)
			break
		}
		answer := fmt.Sprintf(`{"job_id":"swarms-%d","output":"SECRET-ANSWER"}`, i)
		w.answers = append(w.answers, answer)
		w.receipts = append(w.receipts, evidence.Receipt{
			Seq: i, RequestID: id(i), Attempt: 1, Key: "0123456789ab", SentAt: nine, EndedAt: nine.Add(20 * time.Second), Status: 200,
			Ending: ledger.EndedAnswered, Receipt: fmt.Appendf(nil, `{"status":200,"body_hash":%q}`, hashOf(answer)),
		})
		if i == 1 {
			link(ledger.Charge{Batch: "other/2026-11-22", Name: "SECRET-OF-ANOTHER", Total: 123_456})
		}
		link(ledger.Charge{
			Batch: night, Seq: i, Name: j.Name, RequestID: id(i), Attempt: 1, JobID: fmt.Sprintf("swarms-%d", i), Source: ledger.FromAnswer,
			Total: 67_250, DayPrice: 114_500, NightPrice: 67_250, TotalText: "0.06725", NightApplied: &yes, SentAt: nine, EndedAt: nine.Add(20 * time.Second), At: nine.Add(21 * time.Second),
		})
		w.rows = append(w.rows, evidence.Row{
			Seq: i, RequestID: id(i), ID: fmt.Sprint(900 + i), CreatedAt: "2026-11-23T05:00:20Z", Category: "completion", Name: "Digest [" + id(i) + "]",
			Billed: &evidence.Amount{USD: 67_250, Text: "0.06725"}, Tokens: &[2]int64{6000, 3000}, NightApplied: &yes, SHA256: strings.Repeat("ef", 32),
		})
		w.jobs = append(w.jobs, j)
	}
	w.recount()
	w.result = batch.Result{
		Batch: night, Night: "2026-11-22", State: "done", Jobs: w.manifest.Jobs, Span: w.manifest.Span,
		Money: batch.Money{Billed: 67_250 * money.USD(len(w.rows)), DayPrice: 114_500 * money.USD(len(w.rows)), Saved: 47_250 * money.USD(len(w.rows)), Ceiling: 90_000},
		Audit: batch.Audit{Passed: true, Findings: []batch.Finding{}},
	}
	return w
}

func (w *tale) recount() {
	w.manifest.Jobs = batch.Counts{}
	for _, j := range w.jobs {
		w.manifest.Jobs.Add(j.State, 1)
	}
}

// bundle writes it.
func (w *tale) bundle(t testing.TB) []byte {
	t.Helper()
	b := evidence.NewBuilder(files(t))
	defer b.Close()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	*b.Manifest() = w.manifest
	for _, name := range []string{evidence.FileJobs, evidence.FilePins, evidence.FileReceipts, evidence.FileCharges} {
		ok(b.Has(name))
	}
	for i, j := range w.jobs {
		ok(b.Job(j))
		if i < len(w.requests) {
			ok(b.Pin(j.Seq, j.RequestID, []byte(w.requests[i]), true))
		}
	}
	for _, r := range w.receipts {
		ok(b.Receipt(r))
	}
	for _, c := range w.charges {
		ok(b.Charge(c))
	}
	for _, r := range w.rows {
		ok(b.Row(r))
	}
	for i, a := range w.answers {
		if a != "" {
			ok(b.Answer(i, id(i), []byte(a), ""))
		}
	}
	ok(b.Page(evidence.FileAudit, w.result))
	ok(b.Page(evidence.FileReport, map[string]any{"schema": "offpeak/report/v1", "batch": night, "jobs": w.result.Jobs, "money": w.result.Money}))
	if w.more != nil {
		w.more(b)
	}
	var out bytes.Buffer
	digest, err := b.Write(&out, w.key)
	ok(err)
	if digest != hashOf(out.String()) {
		t.Errorf("the digest is %s, the bundle hashes to %s", digest, hashOf(out.String()))
	}
	return out.Bytes()
}

// signer is a key that is always the same.
func signer() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, fixed"[:32]))
}

func verify(t testing.TB, b []byte) evidence.Verified {
	t.Helper()
	v, err := evidence.Verify(bytes.NewReader(b), evidence.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestBundle: what is written holds, is a tar that others read, is the same
// when it is written again, and tells no more than it should.
func TestBundle(t *testing.T) {
	for _, n := range []int{1, 2, 3, 40} {
		w := told(n)
		w.key = signer()
		b := w.bundle(t)
		v, err := evidence.Verify(bytes.NewReader(b), evidence.Options{Key: signer().Public().(ed25519.PublicKey)})
		if err != nil || !v.OK || !v.Trusted || len(v.Problems) > 0 {
			t.Fatalf("%d jobs: %v, %+v", n, err, v.Problems)
		}
		if v.Jobs.Total != n || v.Pins != n || v.Receipts != n || v.Money != w.money() || v.Requests != n || v.Answers != len(w.rows) || v.Rows != len(w.rows) {
			t.Errorf("%d jobs: %+v", n, v)
		}
		if again := told(n); !bytes.Equal(func() []byte { again.key = signer(); return again.bundle(t) }(), b) {
			t.Errorf("%d jobs: written again, it has other bytes", n)
		}
		if bytes.Contains(b, []byte("SECRET-OF-ANOTHER")) || bytes.Contains(b, []byte("0.123456")) {
			t.Errorf("%d jobs: another batch's charge is told", n)
		}
		if n == 3 && v.Chain != (evidence.Chain{First: 17, Last: 19, Others: 1}) {
			t.Errorf("chain %+v", v.Chain)
		}
		sums := map[string]string{}
		r := tar.NewReader(bytes.NewReader(b))
		for {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil || h.Mode != 0o644 || h.Typeflag != tar.TypeReg || h.ModTime.Unix() != 0 {
				t.Errorf("%+v, %v", h, err)
			}
			sums[h.Name] = hashOf(string(text))
			if h.Name == evidence.FileSums {
				for line := range strings.Lines(string(text)) {
					digest, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
					if sums[name] != digest {
						t.Errorf("SHA256SUMS says %s of %s", digest, name)
					}
				}
			}
		}
		if len(sums) != 14 {
			t.Errorf("%d entries: %v", len(sums), sums)
		}
	}
}

func (w *tale) money() evidence.Money {
	n := money.USD(len(w.rows))
	return evidence.Money{Charges: len(w.rows), Billed: 67_250 * n, DayPrice: 114_500 * n, Saved: 47_250 * n}
}

// TestPrompts: without being asked for them, a bundle has no text of a request.
func TestPrompts(t *testing.T) {
	request := `{"name":"x","description":"SECRET","task":"SECRET","tasks":["SECRET"],"messages":[{"content":"SECRET"}],"rules":"SECRET","img":"SECRET","max_loops":1,
		"agents":[{"agent_name":"A","system_prompt":"SECRET","description":"SECRET","model_name":"m-1","temperature":0.0,"llm_args":{"Temperature":0,"stop":"SECRET"},
		"mcp_url":"SECRET","tools_list_dictionary":[{"SECRET":1}],"handoffs":[{"agent_name":"B","model_name":"m-2","system_prompt":"SECRET"}]}]}`
	got, err := evidence.Skeleton([]byte(request))
	want := `{"agents":[{"agent_name":"A","handoffs":[{"agent_name":"B","model_name":"m-2"}],"llm_args":{"Temperature":0},"model_name":"m-1","temperature":0.0}],"max_loops":1,"task_count":1}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	b := evidence.NewBuilder(files(t))
	defer b.Close()
	if err := b.Pin(0, id(0), []byte(request), false); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := b.Write(&out, nil); err != nil || strings.Contains(out.String(), "SECRET") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// ten makes an entry of a hand-made tar.
func entryOf(t testing.TB, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// save keeps a bundle for a look by hand.
func save(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "evidence.tar")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
