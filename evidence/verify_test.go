package evidence_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/evidence"
	"github.com/offpeak/offpeak/ledger"
)

func hashOf(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// region is an entry's stretch of a bundle, header and padding included.
type region struct {
	name     string
	from, to int
}

// regions are all of them, by a reading of their own.
func regions(b []byte) (out []region) {
	at := 0
	for at+512 <= len(b) && b[at] != 0 {
		name, _, _ := strings.Cut(string(b[at:at+100]), "\x00")
		size := 0
		for _, c := range b[at+124 : at+135] {
			size = size*8 + int(c-'0')
		}
		to := at + 512 + (size+511)/512*512
		out = append(out, region{name, at, to})
		at = to
	}
	return append(out, region{evidence.TheEnd, at, len(b)})
}

// TestEveryByte changes each single byte of a signed bundle, some in two ways:
// every change is found, and the first thing that is said names the entry
// in which it is.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	collect := debug.SetGCPercent(2000) // small heaps, thousands a second
	t.Cleanup(func() { debug.SetGCPercent(collect) })
	w := told(1)
	w.key = signer()
	b := w.bundle(t)
	if v := verify(t, b); !v.OK {
		t.Fatalf("%+v", v.Problems)
	}
	all := regions(b)
	if len(all) != 15 || all[14].to != len(b) {
		t.Fatalf("%+v of %d bytes", all, len(b))
	}
	var wait sync.WaitGroup
	jobs := make(chan region)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			bad := bytes.Clone(b)
			for r := range jobs {
				for at := r.from; at < r.to; at += stride {
					for _, by := range []byte{byte(at%255) + 1, 0x01}[:1+1/(1+at%8)] {
						bad[at] ^= by
						v, err := evidence.Verify(bytes.NewReader(bad), evidence.Options{})
						if err != nil && at < 512 {
							t.Errorf("byte %d: %v", at, err)
						} else if err != nil || v.OK || len(v.Problems) == 0 || v.Problems[0].Entry != r.name {
							t.Errorf("byte %d (%s) changed by %#x: %v, %v", at, r.name, by, err, v.Problems)
						}
						bad[at] ^= by
						if t.Failed() {
							break
						}
					}
				}
			}
		})
	}
	for _, r := range all {
		for at := r.from; at < r.to; at += 512 {
			jobs <- region{r.name, at, min(at+512, r.to)}
		}
	}
	close(jobs)
	wait.Wait()
}

// TestCutAnywhere ends the file early at every place: it never passes.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	b := told(2).bundle(t)
	for n := range len(b) {
		if n > 600 && n%97 != 0 { // every place in the first blocks, then some
			continue
		}
		v, err := evidence.Verify(bytes.NewReader(b[:n]), evidence.Options{})
		switch {
		case n < 512 && batch.KindOf(err) != batch.BadInput:
			t.Fatalf("%d bytes: %v", n, err)
		case n >= 512 && (err != nil || v.OK || len(v.Problems) == 0):
			t.Fatalf("%d bytes: %v, %+v", n, err, v.Problems)
		}
	}
}

// TestContainer: entries that were swapped, taken out, doubled, added, made
// larger, or put behind the end.
func TestContainer(t *testing.T) {
	t.Parallel()
	b := told(3).bundle(t)
	all := regions(b)
	part := func(name string) []byte {
		for _, r := range all {
			if r.name == name {
				return b[r.from:r.to]
			}
		}
		t.Fatalf("no %s", name)
		return nil
	}
	without := func(name string) []byte { return bytes.Replace(b, part(name), nil, 1) }
	end := part(evidence.TheEnd)
	before := func(extra []byte) []byte { return append(append(bytes.Clone(b[:len(b)-len(end)]), extra...), end...) }
	big := bytes.Clone(part(evidence.FileJobs))
	copy(big[124:], "77777777777")
	for name, c := range map[string]struct {
		bundle []byte
		want   string
	}{
		"swapped":        {bytes.Replace(b, append(bytes.Clone(part(evidence.FileJobs)), part(evidence.FilePins)...), append(bytes.Clone(part(evidence.FilePins)), part(evidence.FileJobs)...), 1), "pins.jsonl: it stands where jobs.jsonl should"},
		"taken out":      {without(evidence.FileReceipts), "receipts.jsonl: the entry is missing, though manifest.json lists it"},
		"without sums":   {without(evidence.FileSums), "SHA256SUMS: the entry is missing"},
		"twice":          {before(part(evidence.FileAudit)), "audit.json: the entry is there twice"},
		"path":           {before(entryOf(t, "../../etc/cron.d/x", "boo")), `"../../etc/cron.d/x": no such entry is listed`},
		"absolute":       {before(entryOf(t, "/etc/passwd", "boo")), `"/etc/passwd": no such entry is listed`},
		"one more":       {before(entryOf(t, "notes.txt", "boo")), "notes.txt: no such entry is listed"},
		"behind the end": {append(bytes.Clone(b), 'x'), "(end): 1 byte more behind the bundle's end"},
		"zeros behind":   {append(bytes.Clone(b), end...), "(end): 1024 bytes more behind"},
		"half an end":    {b[:len(b)-512], "(end), padding: the file ends inside of it"},
		"another file":   {bytes.Replace(b, part(evidence.FileJobs), entryOf(t, evidence.FileJobs, "{}\n"), 1), "jobs.jsonl, header: another program wrote it"},
		"huge":           {bytes.Replace(b, part(evidence.FileJobs), big, 1), "jobs.jsonl, header: byte"},
	} {
		v := verify(t, c.bundle)
		if v.OK || !strings.Contains(text(v), c.want) {
			t.Errorf("%s: %q isn't said:\n%s", name, c.want, text(v))
		}
	}
	for name, b := range map[string]string{"empty": "", "text": strings.Repeat("no tar at all\n", 100), "zeros": strings.Repeat("\x00", 2048)} {
		if _, err := evidence.Verify(strings.NewReader(b), evidence.Options{}); batch.KindOf(err) != batch.BadInput {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func text(v evidence.Verified) string {
	lines := make([]string, 0, len(v.Problems))
	for _, p := range v.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// TestLies: bundles whose hashes hold and whose content doesn't. All that is
// wrong is said at once, with entry, line and field.
func TestLies(t *testing.T) {
	t.Parallel()
	rehash := func(w *tale) {
		for i := range w.charges {
			if i > 0 {
				w.charges[i].Prev = w.charges[i-1].Hash
			}
			w.charges[i].Hash = w.charges[i].Digest()
		}
	}
	for name, c := range map[string]struct {
		lie  func(*tale)
		want []string
	}{
		"a charge's amount": {func(w *tale) { w.charges[0].Total++ }, []string{
			"charges.jsonl line 1, hash: charge 17 hashes to", "charges.jsonl line 1, canonical: the provider wrote 0.06725, and $0.067251 was booked",
			"audit.json, money.billed: it says $0.1345, the charges add up to $0.134501", "provider-log.jsonl, billed: of job 0",
		}},
		"a charge's amount, hashed anew": {func(w *tale) {
			w.charges[0].Total++
			w.charges[0].TotalText = ""
			w.charges[0].Hash = w.charges[0].Digest()
		}, []string{
			"charges.jsonl line 2, prev: it is", "provider-log.jsonl, billed: of job 0",
		}},
		"the whole chain anew": {func(w *tale) { w.charges[0].Total++; w.charges[0].TotalText = ""; rehash(w) }, []string{
			"audit.json, money.billed", "report.json, money.billed", "provider-log.jsonl, billed: of job 0",
		}},
		"a charge left out": {func(w *tale) { w.charges = append(w.charges[:1:1], w.charges[2]) }, []string{"charges.jsonl line 2, n: it is 19 behind 17"}},
		"no charge of a job": {func(w *tale) { w.charges = w.charges[:1] }, []string{
			"charges.jsonl: job 1", "has succeeded and no charge",
		}},
		"a charge of a rejected job": {func(w *tale) { w.jobs[0].State = batch.Rejected; w.recount() }, []string{
			"charges.jsonl line 1, seq: job 0 was charged and is rejected", "audit.json, jobs: it counts",
		}},
		"another job's id":    {func(w *tale) { w.receipts[0].RequestID = id(1) }, []string{"receipts.jsonl line 1, request_id"}},
		"no such job":         {func(w *tale) { w.rows[0].Seq = 77 }, []string{"provider-log.jsonl line 1, seq: there is no job 77"}},
		"a receipt left out":  {func(w *tale) { w.receipts = w.receipts[1:] }, []string{"receipts.jsonl: job 0", "was sent 1 time, and has 0 receipts", "charges.jsonl line 1, attempt"}},
		"a receipt's status":  {func(w *tale) { w.receipts[0].Status = 500 }, []string{"receipts.jsonl line 1, receipt: it says HTTP 200, the line 500"}},
		"the same id twice":   {func(w *tale) { w.jobs[1].RequestID = id(0) }, []string{"jobs.jsonl line 2, request_id: job 0 has the same"}},
		"a job left out":      {func(w *tale) { w.jobs = append(w.jobs[:1:1], w.jobs[2:]...) }, []string{"jobs.jsonl line 2, seq: it is 2, and job 1 is the next"}},
		"a job still sending": {func(w *tale) { w.jobs[2].State = batch.Sending }, []string{"jobs.jsonl line 3, state: sending is no state"}},
		"the provider's amount": {func(w *tale) { w.rows[1].Billed = &evidence.Amount{USD: 90_000, Text: "0.09"} }, []string{
			"provider-log.jsonl, billed: of job 1", "the provider's log says $0.09, the charges $0.06725",
		}},
		"an amount that isn't its text": {func(w *tale) { w.rows[1].Billed.Text = "0.9" }, []string{"provider-log.jsonl line 2, billed: 0.9 isn't $0.06725"}},
		"another's row":                 {func(w *tale) { w.rows[0].Name = "Digest [" + id(1) + "]" }, []string{"provider-log.jsonl line 1, name"}},
		"a run that the provider doesn't know": {func(w *tale) { w.rows = w.rows[1:] }, []string{
			"provider-log.jsonl: it doesn't show 1 job charged by its answer", "the audit knows of 0",
		}},
		"a warm model": {func(w *tale) {
			w.requests[1] = strings.Replace(w.requests[1], `"temperature":0`, `"temperature":0.7`, 1)
		}, []string{
			"pins.jsonl line 2, pins: job 1", "breaks the rule of regulated work: agents[0].temperature is 0.7",
		}},
		"a floating model": {func(w *tale) { w.requests[0] = strings.Replace(w.requests[0], "gpt-4o-2024-08-06", "gpt-latest", 1) }, []string{"gpt-latest is not a pinned model"}},
		"another verdict":  {func(w *tale) { w.result.Batch = "other/2026-11-22" }, []string{"audit.json, batch: it is of"}},
		"a manifest that counts wrong": {func(w *tale) { w.more = func(b *evidence.Builder) { b.Manifest().Money.Billed-- } }, []string{
			"manifest.json, money: it says $0.134499 in 2 charges, the charges add up to $0.1345 in 2",
		}},
		"a line with another field": {func(w *tale) { w.more = verbatim(evidence.FileReceipts, `{"seq":0,"extra":1}`+"\n") }, []string{`receipts.jsonl line 4: it can't be read: json: unknown field "extra"`}},
		"a line in another form":    {func(w *tale) { w.more = verbatim(evidence.FileReceipts, `{"seq": 0}`+"\n") }, []string{"receipts.jsonl line 4: it isn't written as evidence is: byte 7"}},
		"a line without an end":     {func(w *tale) { w.more = verbatim(evidence.FileReceipts, `{"seq":0`) }, []string{"receipts.jsonl line 4: it has no end"}},
		"an answer too many":        {func(w *tale) { w.more = func(b *evidence.Builder) { _ = b.Answer(9, id(9), []byte("x"), "") } }, []string{"answers.jsonl line 3, seq: there is no job 9"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := told(3)
			c.lie(w)
			v := verify(t, w.bundle(t))
			said := text(v)
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("%q isn't said:\n%s", want, said)
				}
			}
			if v.OK {
				t.Error("it passes")
			}
		})
	}
}

func verbatim(name, text string) func(*evidence.Builder) {
	return func(b *evidence.Builder) { _ = b.Verbatim(name, []byte(text)) }
}

// TestNotLies: what may be missing, and is said without being held against it.
func TestNotLies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*tale)
		want   string
	}{
		"requests that were deleted": {func(w *tale) { w.requests = nil }, "the requests of 3 jobs aren't kept any more"},
		"a ghost that the audit names": {func(w *tale) {
			w.rows = w.rows[1:]
			w.result.Reconciled = &batch.Reconciliation{Findings: []batch.Finding{}, Notes: []batch.Note{{Topic: batch.NoteGhosts, Count: 1}}}
		}, "the audit says so, too"},
		"no rows at all": {func(w *tale) {
			w.rows, w.manifest.Log = nil, ""
			w.more = func(b *evidence.Builder) { b.Lacks(evidence.FileLog, "nobody asked the provider") }
		}, "provider-log.jsonl isn't in it: nobody asked the provider"},
		"a ceiling in place of a price": {func(w *tale) {
			c := &w.charges[len(w.charges)-1]
			c.Source, c.TotalText = ledger.FromCeiling, ""
			c.Hash = c.Digest()
			w.rows[1].Billed = nil
		}, ""},
		"a night that failed": {func(w *tale) { w.result.Audit = batch.Audit{Findings: []batch.Finding{{Rule: batch.DiscountMissed}}} }, "the audit did not pass: 1 finding in audit.json"},
		"a breach that was rejected unsent": {func(w *tale) {
			w.requests[2] = strings.Replace(w.requests[2], `"temperature":0`, `"temperature":1`, 1)
			w.jobs[2].Attempts, w.receipts = 0, w.receipts[:2]
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := told(3)
			c.change(w)
			v := verify(t, w.bundle(t))
			if !v.OK || !strings.Contains(strings.Join(v.Notes, "\n"), c.want) {
				t.Errorf("%+v\n%+v", v.Problems, v.Notes)
			}
		})
	}
}

// TestSignature: somebody who rewrites a bundle can make its hashes hold, and
// not its signature.
func TestSignature(t *testing.T) {
	t.Parallel()
	w := told(2)
	w.key = signer()
	signed := w.bundle(t)
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	forged := told(2)
	forged.key = other
	for name, c := range map[string]struct {
		bundle []byte
		key    ed25519.PrivateKey
		want   string
	}{
		"by another":            {forged.bundle(t), signer(), "signer.pem: signed with the key"},
		"not signed":            {told(2).bundle(t), signer(), "SHA256SUMS.sig: the bundle isn't signed"},
		"with another's signed": {graft(t, signed, forged.bundle(t), evidence.FileSignature), nil, "SHA256SUMS.sig: it isn't a signature of SHA256SUMS by the key in signer.pem"},
	} {
		o := evidence.Options{}
		if c.key != nil {
			o.Key = c.key.Public().(ed25519.PublicKey)
		}
		v, err := evidence.Verify(bytes.NewReader(c.bundle), o)
		if err != nil || v.OK || !strings.Contains(text(v), c.want) || v.Trusted {
			t.Errorf("%s: %v, %+v", name, err, v.Problems)
		}
	}
	if v := verify(t, signed); v.SignedBy != evidence.Fingerprint(signer().Public().(ed25519.PublicKey)) || !strings.Contains(strings.Join(v.Notes, ""), "give --key") {
		t.Errorf("%+v", v)
	}
	for what, pem := range map[string]string{"nothing": "", "no PEM": "hello", "another kind": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "garbage": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := evidence.PrivateKey([]byte(pem)); err == nil || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// graft puts an entry of one bundle in the place of another's.
func graft(t *testing.T, into, from []byte, name string) []byte {
	t.Helper()
	find := func(b []byte) []byte {
		for _, r := range regions(b) {
			if r.name == name {
				return b[r.from:r.to]
			}
		}
		t.Fatalf("no %s", name)
		return nil
	}
	return bytes.Replace(into, find(into), find(from), 1)
}

// TestByHand does what README.txt says, with the tools of any machine.
func TestByHand(t *testing.T) {
	t.Parallel()
	w := told(3)
	w.key = signer()
	path := save(t, w.bundle(t))
	run := func(script string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
		cmd.Dir = filepath.Dir(path)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
		return string(out)
	}
	if out := run("tar xf evidence.tar && sha256sum -c SHA256SUMS"); strings.Count(out, ": OK") != 12 {
		t.Error(out)
	}
	readme, err := os.ReadFile(filepath.Join(filepath.Dir(path), "README.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for tool, line := range map[string]string{
		"jq":      "jq -rj 'select(.n == 17) | .canonical' charges.jsonl | sha256sum",
		"openssl": "openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig",
	} {
		if !strings.Contains(string(readme), line) {
			t.Errorf("README.txt doesn't say %s", line)
		}
		if _, err := exec.LookPath(tool); err != nil {
			t.Logf("no %s here", tool)
			continue
		}
		out := run(line)
		if want := map[string]string{"jq": w.charges[0].Hash, "openssl": "Verified Successfully"}[tool]; !strings.Contains(out, want) {
			t.Errorf("%s says %s, want %s", tool, out, want)
		}
	}
}

// TestWhere: a change in a long entry is told to within 64 KiB.
func TestWhere(t *testing.T) {
	t.Parallel()
	const n = 800
	b := told(n).bundle(t)
	if v := verify(t, b); !v.OK || v.Jobs.Total != n {
		t.Fatalf("%s", text(v))
	}
	for _, name := range []string{evidence.FileJobs, evidence.FileCharges} {
		all := regions(b)
		r := all[slices.IndexFunc(all, func(r region) bool { return r.name == name })]
		for _, at := range []int{r.from + 512, r.from + 512 + 64<<10, (r.from + r.to) / 2} {
			line := 1 + bytes.Count(b[r.from+512:at], []byte("\n"))
			b[at] ^= 1
			v := verify(t, b)
			b[at] ^= 1
			from, to := 0, 0
			if _, err := fmt.Sscanf(v.Problems[0].What, "its content was changed, in lines %d to %d:", &from, &to); err != nil || v.Problems[0].Entry != name || line < from || line > to || to-from > 400 {
				t.Errorf("%s, line %d: %s (%v)", name, line, v.Problems[0], err)
			}
		}
	}
}
