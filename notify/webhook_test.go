package notify_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/notify"
)

// TestWebhook: the body is as its schema says, the delivery's id is in it and
// in a header, the same on every attempt, and the signature is of the bytes.
func TestWebhook(t *testing.T) {
	t.Parallel()
	const secret = "whsec-0123456789"
	at := time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)
	r := newReceiver(t, nil)
	s := openOne(t, strings.Replace(r.URL, "http://", "http://ops:pass@", 1)+"/hook?team=night&min=info", notify.Options{Secret: secret, Now: func() time.Time { return at }})
	for range 2 {
		if err := s.Send(t.Context(), missed()); err != nil {
			t.Fatal(err)
		}
	}
	got := r.all()
	if len(got) != 2 || !bytes.Equal(got[0].Body, got[1].Body) {
		t.Fatalf("two attempts differ: %s", got)
	}
	one := got[0]
	if one.URL != "/hook?team=night" {
		t.Errorf("asked for %s: what is ours is left out, what is the receiver's isn't", one.URL)
	}
	if id := one.Header.Get("Offpeak-Delivery"); id != missed().Delivery || id != got[1].Header.Get("Offpeak-Delivery") {
		t.Errorf("delivery %q", id)
	}
	if user, pass, ok := (&http.Request{Header: one.Header}).BasicAuth(); !ok || user != "ops" || pass != "pass" {
		t.Errorf("signed in as %q %q", user, pass)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%d.%s", at.Unix(), one.Body)
	if want := fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil))); one.Header.Get("Offpeak-Signature") != want {
		t.Errorf("signature %q, want %q", one.Header.Get("Offpeak-Signature"), want)
	}
	if bare := newReceiver(t, nil); openOne(t, bare.URL, notify.Options{}).Send(t.Context(), missed()) != nil || bare.all()[0].Header.Get("Offpeak-Signature") != "" {
		t.Error("signed without a secret")
	}
	schema := alertSchema(t)
	for name, n := range notes() {
		r := newReceiver(t, nil)
		if err := openOne(t, r.URL, notify.Options{}).Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.all()[0].Body))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, field := range []string{"schema", "delivery", "occasion", "alert"} {
			less := map[string]any{}
			for k, v := range value.(map[string]any) {
				if k != field {
					less[k] = v
				}
			}
			if schema.Validate(less) == nil {
				t.Errorf("%s: the schema takes a body without %s", name, field)
			}
		}
	}
}

func alertSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("../docs/schemas/alert-v1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("alert.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("alert.json")
	if err != nil {
		t.Fatal(err)
	}
	var kinds struct {
		Defs struct {
			Alert struct {
				Properties struct {
					Kind struct{ Enum []batch.AlertKind }
				}
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &kinds); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(kinds.Defs.Alert.Properties.Kind.Enum) != fmt.Sprint(batch.AlertKinds()) {
		t.Errorf("the schema knows the kinds %v, there are %v", kinds.Defs.Alert.Properties.Kind.Enum, batch.AlertKinds())
	}
	return schema
}

// TestPagerDutyRegions: where events go.
func TestPagerDutyRegions(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{"": "events.pagerduty.com", "?region=eu": "events.eu.pagerduty.com", "?endpoint=https://pager.internal/v2/enqueue": "pager.internal"} {
		r := newReceiver(t, nil)
		var host string
		by := roundTrip(func(req *http.Request) (*http.Response, error) {
			host = req.URL.Host
			return r.RoundTrip(req)
		})
		s := openOne(t, "pagerduty://0123456789abcdef0123456789abcdef"+query, notify.Options{Transport: by})
		if err := s.Send(t.Context(), missed()); err != nil {
			t.Fatal(err)
		}
		if host != want || r.all()[0].URL != "/v2/enqueue" || !s.Pager() {
			t.Errorf("%q went to %s%s", query, host, r.all()[0].URL)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
