package nightly_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
)

// TestFindUI: no link is printed that leads elsewhere.
func TestFindUI(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ said, temporal, want string }{
		{"", "localhost:7233", "http://localhost:8233"},
		{"", "127.0.0.1:7233", "http://127.0.0.1:8233"},
		{"", "[::1]:7233", "http://[::1]:8233"},
		{"", "127.0.0.1:40107", ""}, // whose, nobody knows
		{"", "temporal.internal:7233", ""},
		{"", "nonsense", ""},
		{"", "prod.a1b2c.tmprl.cloud:7233", "https://cloud.temporal.io"},
		{"", "us-west-2.aws.api.temporal.io:7233", "https://cloud.temporal.io"},
		{"", "tmprl.cloud.example.com:7233", ""},
		{"https://temporal.internal/ui/", "localhost:7233", "https://temporal.internal/ui"},
	} {
		ui, err := nightly.FindUI(c.said, c.temporal, "default")
		if err != nil || ui.Address != c.want {
			t.Errorf("%q, %q: %q, %v; want %q", c.said, c.temporal, ui.Address, err, c.want)
		}
	}
	for _, bad := range []string{"localhost:8233", "ftp://localhost", "http://", "https://ada:hunter2@temporal", "http://x?y=z", "http://x#y", "http://a b"} {
		_, err := nightly.FindUI(bad, "localhost:7233", "default")
		if batch.KindOf(err) != batch.BadInput || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestNightPage(t *testing.T) {
	t.Parallel()
	n := nightly.Night{Batch: "digest/2026-11-22", WorkflowID: "nightly/digest/2026-11-22", RunID: "r-1"}
	ui := nightly.UI{Address: "http://localhost:8233", Namespace: "a b"}
	if got, want := ui.Night(n), "http://localhost:8233/namespaces/a%20b/workflows/nightly%2Fdigest%2F2026-11-22/r-1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := (nightly.UI{}).Night(n); got != "" {
		t.Errorf("without a UI: %s", got)
	}
}

// TestForm: what a link can't carry stands beside it, and nothing is left out.
func TestForm(t *testing.T) {
	t.Parallel()
	const manifest = `{"name":"digest","jobs":[{"name":"one","task":"x"}]}`
	ui := nightly.UI{Address: "http://localhost:8233", Namespace: "default"}
	long := "file:///" + strings.Repeat("n", 1000) + ".yaml"
	for name, c := range map[string]struct {
		r         nightly.Request
		id, input string
	}{
		"a place":              {nightly.Request{Ref: "file:///srv/to night&1.yaml", Name: "digest"}, "file:///srv/to night&1.yaml", ""},
		"a manifest":           {nightly.Request{Manifest: json.RawMessage(manifest)}, "digest", manifest},
		"a place and a window": {nightly.Request{Ref: "s3://b/n.yaml", Name: "digest", Window: tariff.SwarmsWindow(), Replace: true}, "digest", `{"manifest":"s3://b/n.yaml","window":{`},
		"too long for an id":   {nightly.Request{Ref: long, Name: "digest"}, "digest", `{"manifest":"` + long + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ui.Form(c.r)
			if err != nil {
				t.Fatal(err)
			}
			if f.WorkflowID != c.id || !strings.HasPrefix(string(f.Input), c.input) || (c.input == "") != (f.Input == nil) {
				t.Errorf("id %q, input %s; want %q, %s", f.WorkflowID, f.Input, c.id, c.input)
			}
			u, err := url.Parse(f.Link)
			if err != nil {
				t.Fatal(err)
			}
			if q := u.Query(); u.Path != "/namespaces/default/workflows/start-workflow" || q.Get("workflowId") != c.id || q.Get("taskQueue") != "offpeak" || q.Get("workflowType") != "NightlyBatch" || len(q) != 3 {
				t.Errorf("%s", f.Link)
			}
		})
	}
	if _, err := (nightly.UI{}).Form(nightly.Request{Manifest: json.RawMessage(manifest)}); batch.KindOf(err) != batch.BadInput || !strings.Contains(err.(*batch.Fault).Hint, "TEMPORAL_UI_ADDRESS") {
		t.Errorf("without a UI: %v", err)
	}
	if _, err := ui.Form(nightly.Request{Manifest: json.RawMessage(`{"name":"digest"}`)}); batch.KindOf(err) != batch.BadInput {
		t.Errorf("a bad manifest: %v", err)
	}
}
