package cli_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
)

// TestUILink: a link is printed without a server anywhere, and standard output
// holds nothing but the link and what has to be pasted beside it.
func TestUILink(t *testing.T) {
	t.Parallel()
	path, err := filepath.Abs("testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const base = "http://localhost:8233/namespaces/default/workflows/start-workflow?"
	got := try(t, "", nil, "start", "--ui-link", "testdata/good.yaml")
	want := base + "workflowId=" + url.QueryEscape("file://"+path) + "&taskQueue=offpeak&workflowType=NightlyBatch\n"
	if got.code != 0 || got.out != want || !strings.Contains(got.err, "the input stays empty") {
		t.Errorf("%+v, want %s", got, want)
	}
	form := func(got said) (f nightly.Form) {
		t.Helper()
		if err := json.Unmarshal([]byte(got.out), &f); err != nil {
			t.Fatalf("%v in %+v", err, got)
		}
		return f
	}
	if f := form(try(t, "", nil, "start", "--ui-link", "--json", "testdata/good.yaml")); f.Link+"\n" != want || f.Input != nil || f.WorkflowID != "file://"+path {
		t.Errorf("%+v", f)
	}
	f := form(try(t, string(text), []string{"TEMPORAL_UI_ADDRESS=https://temporal.internal", "TEMPORAL_NAMESPACE=nights"}, "start", "--ui-link", "--json", "-"))
	if !strings.HasPrefix(f.Link, "https://temporal.internal/namespaces/nights/workflows/start-workflow?workflowId=good&") || !strings.Contains(string(f.Input), `"jobs"`) {
		t.Errorf("from standard input: %+v", f)
	}
	got = try(t, "", nil, "start", "--ui-link", "testdata/good.yaml", "--window", "20:00-06:00@UTC")
	if !strings.Contains(got.out, base) || !strings.Contains(got.out, `"timezone": "UTC"`) || !strings.Contains(got.err, "paste this into the field Data") {
		t.Errorf("with a window: %+v", got)
	}
	for name, args := range map[string][]string{
		"nobody knows where the UI is":           {"--address", "temporal.internal:7233", "testdata/good.yaml"},
		"is not the URL of a site":               {"--ui-address", "localhost:8233", "testdata/good.yaml"},
		"testdata/nowhere.yaml: not found":       {"testdata/nowhere.yaml"},
		"has neither jobs nor jobs_from (list t": {"-"},
	} {
		if got := try(t, "name: x\n", nil, append([]string{"start", "--ui-link"}, args...)...); got.code != batch.ExitBadInput || got.out != "" || !strings.Contains(got.err, name) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// An address that can't be right is refused before anything is started.
	if got := try(t, "", []string{"TEMPORAL_ADDRESS=127.0.0.1:9"}, "start", "--ui-address", "nonsense", "testdata/good.yaml"); got.code != batch.ExitBadInput {
		t.Errorf("started: %+v", got)
	}
}
