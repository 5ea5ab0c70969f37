package notify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/smtptest"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/notify"
)

var update = flag.Bool("update", false, "write the golden files anew")

// notes are what is rendered: an ordinary one, its end, one in hostile words,
// one that is far too long, and news.
func notes() map[string]notify.Note {
	over := missed()
	over.Occasion, over.Alert.Over, over.Alert.Lines, over.Alert.Remedy, over.Alert.Dollars = batch.IsOver, true, nil, "", 0
	over.Alert.Title = "market-digest/2026-11-22: the audit passes now"
	hostile := missed()
	hostile.Occasion = batch.Worse
	hostile.Alert.Title = "<!channel> *bold* <https://evil.example.com|click>\r\nBcc: victim@example.com\r\n\r\n<script>alert(1)</script> & \u202eevil"
	hostile.Alert.Lines = []string{"<@U123> `code` _x_ ~y~ :fire: &lt;", "line one\nline two\x00\x1b[31m", "\"><img src=x onerror=alert(1)>", "", "{{.Secret}} %s ${HOME}"}
	hostile.Alert.Remedy, hostile.Alert.Link = "<b>do</b>\nnot", "javascript:alert(1)"
	long := missed()
	long.Occasion = batch.Lasts
	long.Alert.Severity = batch.Warning
	long.Alert.Title = strings.Repeat("a very long title & more ", 100)
	long.Alert.Lines = nil
	for i := range 500 {
		long.Alert.Lines = append(long.Alert.Lines, fmt.Sprintf("job %d: %s", i, strings.Repeat("<x>&", 100)))
	}
	long.Alert.Remedy = strings.Repeat("do this ", 1000)
	long.Alert.Key = "audit/" + strings.Repeat("k", 400)
	news := notify.Note{
		Delivery: "00112233445566778899aabbccddeeff", Occasion: batch.JustOne, At: noticed,
		Alert: batch.Alert{
			Key: "report/market-digest/2026-11-22", Kind: batch.AlertReport, Severity: batch.Info,
			Title: "market-digest/2026-11-22: 120 of 120 jobs succeeded for $8.07, saved $5.67", Batch: "market-digest/2026-11-22",
			Dollars: 5*money.Dollar + 67*money.Cent, At: noticed,
		},
	}
	return map[string]notify.Note{"opened": missed(), "over": over, "hostile": hostile, "long": long, "report": news}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s isn't as it was; look at it and use -update:\n%s", path, got)
	}
}

// indented is JSON for people.
func indented(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(out.Bytes(), '\n')
}

// TestRendering: each note as each kind of sink gets it, byte by byte.
func TestRendering(t *testing.T) {
	t.Parallel()
	for name, n := range notes() {
		for kind, address := range map[string]string{
			"webhook": "https://example.com/x", "slack": "https://hooks.slack.com/services/T0/B0/abcdefgh", "pagerduty": "pagerduty://0123456789abcdef0123456789abcdef",
		} {
			r := newReceiver(t, nil)
			if err := openOne(t, address, notify.Options{Transport: r}).Send(t.Context(), n); err != nil {
				t.Fatalf("%s to %s: %v", name, kind, err)
			}
			got := r.all()
			if len(got) != 1 {
				t.Fatalf("%s to %s: %d requests", name, kind, len(got))
			}
			golden(t, name+"-"+kind+".json", indented(t, got[0].Body))
		}
		post := smtptest.New(t)
		if err := openOne(t, post.URL(""), notify.Options{}).Send(t.Context(), n); err != nil {
			t.Fatalf("%s by mail: %v", name, err)
		}
		golden(t, name+"-mail.txt", withoutBoundary(post.Messages()[0].Text))
	}
}

// withoutBoundary puts a fixed word in the place of what is drawn for each
// mail.
func withoutBoundary(text string) []byte {
	_, after, _ := strings.Cut(text, "boundary=")
	drawn, _, _ := strings.Cut(strings.Trim(after, "\""), "\"")
	drawn, _, _ = strings.Cut(drawn, "\r\n")
	return []byte(strings.ReplaceAll(strings.ReplaceAll(text, strings.Trim(drawn, "\""), "BOUNDARY"), "\r\n", "\n"))
}

// TestLimits: what a service doesn't take is cut, and what is to be done stays.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"long", "hostile"} {
		n := notes()[name]
		r := newReceiver(t, nil)
		if err := openOne(t, "https://hooks.slack.com/services/T0/B0/abcdefgh", notify.Options{Transport: r}).Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		var m struct {
			Attachments []struct {
				Blocks []struct {
					Type     string
					Text     struct{ Type, Text string }
					Elements []struct{ Type, Text string }
				}
			}
		}
		if err := json.Unmarshal(r.all()[0].Body, &m); err != nil {
			t.Fatal(err)
		}
		for _, b := range m.Attachments[0].Blocks {
			most := map[string]int{"header": 150, "section": 3000, "context": 0}[b.Type]
			if l := len([]rune(b.Text.Text)); l > most || most > 0 && (l == 0 || b.Text.Type != "plain_text") {
				t.Errorf("%s: a %s of %d characters, as %s", name, b.Type, l, b.Text.Type)
			}
			if len(b.Elements) > 10 {
				t.Errorf("%s: %d elements", name, len(b.Elements))
			}
			for _, e := range b.Elements {
				if e.Type != "plain_text" && !strings.HasPrefix(e.Text, "<https://offpeak.example.com/") {
					t.Errorf("%s: %s %q", name, e.Type, e.Text)
				}
			}
			for _, bad := range []string{"<!", "<@", "<http", "<script"} {
				if strings.Contains(b.Text.Text, bad) {
					t.Errorf("%s: %q is in a %s", name, bad, b.Type)
				}
			}
		}
		p := newReceiver(t, nil)
		if err := openOne(t, "pagerduty://0123456789abcdef0123456789abcdef", notify.Options{Transport: p}).Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		var e struct {
			Dedup   string `json:"dedup_key"`
			Payload struct{ Summary string }
		}
		if err := json.Unmarshal(p.all()[0].Body, &e); err != nil {
			t.Fatal(err)
		}
		if len(e.Dedup) > 255 || len([]rune(e.Payload.Summary)) > 1024 || len(p.all()[0].Body) > 512<<10 {
			t.Errorf("%s: a dedup key of %d, a summary of %d, an event of %d", name, len(e.Dedup), len(e.Payload.Summary), len(p.all()[0].Body))
		}
		d := newReceiver(t, func(w http.ResponseWriter, _ request) { w.WriteHeader(http.StatusNoContent) })
		if err := openOne(t, "discord://SECRETSECRET@1234567890", notify.Options{Transport: d}).Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if got := d.all(); len(got) != 1 || !strings.Contains(string(got[0].Body), "Do: ") {
			t.Errorf("%s: %d messages to discord, or none that says what to do", name, len(got))
		}
	}
}
