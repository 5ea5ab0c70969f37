package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/evidence"
	"github.com/offpeak/offpeak/simulator"
)

// regulatedTerms are a policy under which every job must be reproducible, and
// agents that keep it.
const regulatedTerms = `policy: {request_timeout: 5s, log_lag: 1s, mode: single, compliance: regulated}
defaults:
  swarm_type: SequentialWorkflow
  max_loops: 1
  agents:
    - {agent_name: Scanner, model_name: gpt-4o-mini-2024-07-18, temperature: 0, max_tokens: 256}
    - {agent_name: Writer, model_name: claude-opus-4-8, max_tokens: 256}
jobs:
`

// TestEvidence: a regulated night, its evidence, signed, and verified on its
// own; the same again byte for byte; without prompts, answers and the key
// unless asked for; and one byte changed anywhere is found.
func TestEvidence(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) {
		o.Faults = []simulator.Rule{
			{Match: "Job 001", Kind: simulator.KindStatus, Status: 503, AfterWork: true, Attempts: simulator.Attempts{From: 1, To: 1}},
			{Match: "Job 002", Kind: simulator.KindStatus, Status: 422},
		}
	}})
	h.worker()
	var b strings.Builder
	b.WriteString("name: trial\n" + h.terms(regulatedTerms))
	for i := range 6 {
		fmt.Fprintf(&b, "  - {name: Job %03d, task: \"Summarize item %d, %s.\"}\n", i, i, secretPrompt)
	}
	d := h.starter("run", "--json", h.file("trial.yaml", b.String()))
	if d.code != batch.ExitIncomplete {
		t.Fatalf("exit %d\n%s\n%s", d.code, d.out, d.stderr)
	}
	night := d.result(t)
	openssl := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput(); err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
	}
	key, pub := filepath.Join(h.dir, "key.pem"), filepath.Join(h.dir, "pub.pem")
	openssl("genpkey", "-algorithm", "ed25519", "-out", key)
	openssl("pkey", "-in", key, "-pubout", "-out", pub)

	first := h.starter("evidence", "trial", "--json", "--sign", key)
	var made struct {
		File string `json:"file"`
		evidence.Verified
	}
	if err := json.Unmarshal([]byte(first.out), &made); err != nil || first.code != 0 {
		t.Fatalf("exit %d: %v\n%s\n%s", first.code, err, first.out, first.stderr)
	}
	name := "trial-" + string(night.Night) + ".evidence.tar"
	if made.File != name || !made.OK || !made.Passed || made.Compliance != batch.ComplianceRegulated || made.Jobs != night.Jobs ||
		made.Money.Billed != night.Money.Billed || made.Pins != 6 || made.Rows != 5 || made.Money.Charges != 5 || made.Receipts < 6 || made.SignedBy == "" {
		t.Errorf("%+v", made)
	}
	file := filepath.Join(h.dir, name)
	bundle, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{secretPrompt, key, "PRIVATE KEY"} {
		if bytes.Contains(bundle, []byte(secret)) {
			t.Errorf("%s is in the evidence", secret)
		}
	}
	sums := exec.CommandContext(t.Context(), "sha256sum", "-c", name+".sha256")
	sums.Dir = h.dir
	if out, err := sums.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if again := h.starter("evidence", "trial", "-o", "-", "--sign", key); again.code != 0 || again.out != string(bundle) {
		t.Errorf("written again, it has other bytes: exit %d, %d instead of %d\n%s", again.code, len(again.out), len(bundle), again.stderr)
	}
	if there := h.starter("evidence", "trial"); there.code != batch.ExitBadInput || !strings.Contains(there.stderr, "--force") {
		t.Errorf("exit %d\n%s", there.code, there.stderr)
	}

	// Nobody's settings, nobody's books.
	alone := func(args ...string) done {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "starter"), append([]string{"evidence", "verify"}, args...)...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = &out, &errs, []string{}, h.dir
		_ = cmd.Run() // its code says
		return done{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	}
	if v := alone(name, "--key", pub); v.code != 0 || !strings.Contains(v.out, "OK: "+name+", everything holds") || !strings.Contains(v.out, "by the key that was given") {
		t.Errorf("exit %d\n%s\n%s", v.code, v.out, v.stderr)
	}
	for _, at := range []int{130, 700, len(bundle) / 3, len(bundle) / 2, len(bundle) - 700, len(bundle) - 1} {
		bad := bytes.Clone(bundle)
		bad[at] ^= 0x20
		h.file("bad.tar", string(bad))
		if v := alone("bad.tar"); v.code != batch.ExitAudit || !strings.Contains(v.out, "FAILED") || !strings.Contains(v.stderr, "error: ") {
			t.Errorf("byte %d changed: exit %d\n%s\n%s", at, v.code, v.out, v.stderr)
		}
	}
	if v := alone("trial.yaml"); v.code != batch.ExitBadInput {
		t.Errorf("a manifest for evidence: exit %d\n%s", v.code, v.stderr)
	}

	// The provider's rows from the lake, by somebody without a key.
	if x := h.starter("logs", "export", "--today"); x.code != 0 {
		t.Fatalf("exit %d\n%s\n%s", x.code, x.out, x.stderr)
	}
	kept := h.starterEnv([]string{"SWARMS_API_KEY="}, "evidence", "trial", "-o", "kept.tar", "--json", "--log", "lake")
	auto := h.starterEnv([]string{"SWARMS_API_KEY="}, "evidence", "trial", "-o", "-")
	var lake evidence.Verified
	if err := json.Unmarshal([]byte(kept.out), &lake); err != nil || kept.code != 0 || !lake.OK || lake.Rows != 5 || lake.Money != made.Money {
		t.Errorf("exit %d: %+v\n%s", kept.code, lake, kept.stderr)
	}
	if text, err := os.ReadFile(filepath.Join(h.dir, "kept.tar")); err != nil || string(text) != auto.out || auto.code != 0 {
		t.Errorf("the lake isn't asked first: exit %d, %v\n%s", auto.code, err, auto.stderr)
	}

	// With everything in it, the requests hash to their pins and the answers to
	// their receipts.
	full := h.starter("evidence", "trial", "--with-prompts", "--with-answers", "-o", "full.tar", "--json")
	if err := json.Unmarshal([]byte(full.out), &made); err != nil || full.code != 0 || made.Requests != 6 || made.Answers != 5 {
		t.Errorf("exit %d: %+v\n%s", full.code, made, full.stderr)
	}
	if left, err := filepath.Glob(filepath.Join(h.dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestEvidenceOfBadNights: jobs that went alone, together and in lanes, met by
// lost answers, refusals and a charge without the discount: the evidence of
// each is whole, with the answers of packs, and says that the night failed
// where it did.
func TestEvidenceOfBadNights(t *testing.T) {
	t.Parallel()
	first := simulator.Attempts{From: 1, To: 1}
	h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) {
		o.Accounts[0].Tier = "premium"
		o.Faults = []simulator.Rule{
			{Match: "Job 003", Kind: simulator.KindStatus, Status: 503, AfterWork: true, Attempts: first},
			{Match: "Job 005", Kind: simulator.KindReset, AfterWork: true, Attempts: first},
			{Match: "Job 007", Kind: simulator.KindRate429, RetryAfter: "1", Attempts: first},
			{Match: "Job 009", Kind: simulator.KindStatus, Status: 422},
			{Match: "Job 011", Kind: simulator.KindFullPrice},
		}
	}})
	h.worker()
	for name, how := range map[string]string{"alone": "mode: single", "together": "mode: batch", "lanes": "mode: single, fan_out: lanes"} {
		d := h.starter("run", "--json", h.manifest(name, 30, "policy: {request_timeout: 5s, log_lag: 1s, "+how+"}\n"))
		night := d.result(t)
		if night.Audit.Passed || night.Jobs.Succeeded < 20 {
			t.Errorf("%s: exit %d, %+v\n%s", name, d.code, night, d.stderr)
		}
		made := h.starter("evidence", name, "--with-answers", "--with-prompts", "--json")
		var v evidence.Verified
		if err := json.Unmarshal([]byte(made.out), &v); err != nil {
			t.Fatalf("%s: %v\n%s\n%s", name, err, made.out, made.stderr)
		}
		if made.code != 0 || !v.OK || v.Passed || v.Jobs != night.Jobs || v.Money.Billed != night.Money.Billed || v.Answers != night.Jobs.Succeeded || v.Requests != 30 {
			t.Errorf("%s: exit %d, %+v\n%s", name, made.code, v, made.stderr)
		}
	}
}
