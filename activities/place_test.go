package activities_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/s3test"
)

// object puts a file into a bucket and is its URL.
func object(t *testing.T, s *s3test.Server, key, text string) string {
	t.Helper()
	path := filepath.Join(s.Folder, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL(key)
}

func reference(t *testing.T, url string) string {
	t.Helper()
	b, err := json.Marshal(map[string]string{"manifest": url})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestManifestInABucket: a manifest is read from a bucket, and its jobs from
// beside it or from a URL of their own; the archive is elsewhere.
func TestManifestInABucket(t *testing.T) {
	s := s3test.New(t)
	var lines strings.Builder
	for i := range 1200 {
		fmt.Fprintf(&lines, "{\"name\": \"job-%d\", \"task\": \"Summarize %d. CONFIDENTIAL-PROMPT\"}\n", i, i)
	}
	jobs := object(t, s, "nights of ours/in/jobs é.jsonl", lines.String())
	head := `{"name": "digest", "defaults": {"agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 64}]}, "jobs_from": %q}`
	for name, from := range map[string]string{"beside it": "in/jobs é.jsonl", "by URL": jobs} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil).planned(reference(t, object(t, s, "nights of ours/digest.json", fmt.Sprintf(head, from))))
			if w.plan.Jobs != 1200 || w.job(1199).Name != "job-1199" {
				t.Errorf("%+v", w.plan)
			}
			w.planned(w.input) // the same once more
			w.send(0)
			w.discreet()
		})
	}
	if files, err := os.ReadDir(s.Folder); err != nil || len(files) != 1 {
		t.Errorf("something was written into the bucket: %v, %v", files, err)
	}
}

// TestManifestNotInABucket: what the asker has to set right isn't tried again,
// a store that is away is.
func TestManifestNotInABucket(t *testing.T) {
	s := s3test.New(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, nil)
	whose := func(u string) string {
		p, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		p.User = url.UserPassword("AKIA", "hunter2")
		return p.String()
	}
	there := object(t, s, "digest.json", manifest(1, ""))
	for name, c := range map[string]struct {
		url   string
		kind  batch.Kind
		says  string
		again bool
	}{
		"no such key":    {s.URL("nights/none.json"), batch.NotFound, "read manifest s3://offpeak-test/nights/none.json", false},
		"no such bucket": {strings.Replace(there, s3test.Bucket, "other", 1), batch.NotFound, "NoSuchBucket", false},
		"no key":         {s.URL(""), batch.BadInput, "names no object", false},
		"credentials":    {whose(there), batch.BadInput, "give secrets to the worker", false},
		"a secret":       {there + "&secret_key=hunter2", batch.BadInput, `"secret_key" doesn't belong`, false},
		"another store":  {"gs://bucket/digest.json", batch.BadInput, "s3://bucket/key", false},
		"too large":      {object(t, s, "large.json", strings.Repeat(" ", 17<<20)), batch.BadInput, "larger than 16 MiB", false},
		"no such jobs":   {object(t, s, "alone.json", `{"name": "digest", "jobs_from": "none.jsonl"}`), batch.NotFound, "read jobs_from s3://offpeak-test/none.jsonl", false},
		"away":           {s.Through(nowhere, "digest.json"), batch.OutOfReach, "connection refused", true},
	} {
		_, err := w.hands.PlanNight(t.Context(), batch.PlanRequest{Input: json.RawMessage(reference(t, c.url)), WorkflowID: "w", RunID: "r", Asked: w.clock.Now()})
		if kindOf(t, err) != c.kind || !strings.Contains(err.Error(), c.says) || applicationError(t, err).NonRetryable() == c.again {
			t.Errorf("%s: %v; want %s with %q", name, err, c.kind, c.says)
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), s.Secret) {
			t.Errorf("%s: a secret is in %v", name, err)
		}
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another")
	_, err = w.hands.PlanNight(t.Context(), batch.PlanRequest{Input: json.RawMessage(reference(t, there)), WorkflowID: "w", RunID: "r", Asked: w.clock.Now()})
	if kindOf(t, err) != batch.BadInput || !strings.Contains(err.Error(), "SignatureDoesNotMatch") || !strings.Contains(err.Error(), "the worker's") {
		t.Errorf("another secret: %v", err)
	}
}
