package swarms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
)

func TestBaseURL(t *testing.T) {
	for in, want := range map[string]string{
		"":                          DefaultBaseURL,
		"https://api.swarms.world/": "https://api.swarms.world",
		"https://gateway.example.com:8443/swarms/": "https://gateway.example.com:8443/swarms",
		"http://127.0.0.1:8080":                    "http://127.0.0.1:8080",
		"http://[::1]:8080":                        "http://[::1]:8080",
		"http://localhost":                         "http://localhost",
		"http://simulator:8080":                    "http://simulator:8080",
		"http://10.1.2.3":                          "http://10.1.2.3",
		"http://sim.offpeak.svc":                   "http://sim.offpeak.svc",
		"http://api.swarms.world":                  "!clear",
		"http://8.8.8.8":                           "!clear",
		"http://localhost.example.com":             "!clear",
		"https://user:hunter2@host":                "!user info",
		"https://host?x=1":                         "!query",
		"https://host?":                            "!query",
		"https://host#f":                           "!fragment",
		"ftp://host":                               "!scheme",
		"api.swarms.world":                         "!scheme",
		"https://":                                 "!host",
		"https://:443":                             "!host",
		"https://user:hunter2@ho st":               "!not a URL",
	} {
		c, err := New(Options{BaseURL: in, Key: testKey})
		if complaint, bad := strings.CutPrefix(want, "!"); bad {
			f := faultOf(t, err)
			if f.Kind != batch.BadInput || f.Thing != "SWARMS_BASE_URL" || !strings.Contains(f.Error(), complaint) || strings.Contains(f.Error(), "hunter2") {
				t.Errorf("%q: %v", in, f)
			}
			continue
		}
		if err != nil || c.BaseURL() != want {
			t.Errorf("%q: %v, %v", in, c, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{}, {Key: "has space in it"}, {Key: testKey + "\n"}, {Key: "k\xc3\xa9y"}, {Key: testKey, Timeout: -1}} {
		_, err := New(o)
		if f := faultOf(t, err); f.Kind != batch.BadInput || (o.Key != "" && strings.Contains(f.Error(), o.Key)) {
			t.Errorf("%v", f)
		}
	}
	c, err := New(Options{Key: testKey})
	if err != nil || c.timeout != DefaultTimeout || c.maxRow != maxRow || c.userAgent == "" {
		t.Errorf("%v, %v", c, err)
	}
	for _, d := range []time.Duration{time.Second, time.Hour} { // shorter and longer than the default
		if got := c.timeoutOf(WithTimeout(t.Context(), d)); got != d {
			t.Errorf("timeout %s instead of %s", got, d)
		}
	}
	if got := c.timeoutOf(t.Context()); got != DefaultTimeout {
		t.Errorf("timeout %s", got)
	}
}

// Every printer that could meet a client or its options.
func TestKeyIsNotPrinted(t *testing.T) {
	o := Options{BaseURL: "http://127.0.0.1:1", Key: testKey}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		C *Client
		V Client
		O Options
		p *Client
	}
	h := holder{C: c, V: *c, O: o, p: c}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+verb, c, *c, o, h, &h)
	}
	_ = json.NewEncoder(&out).Encode(struct {
		C *Client
		K string
	}{c, c.KeyID()})
	_, err = json.Marshal(o)
	fmt.Fprint(&out, err)
	for _, l := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(l).Info("x", "client", c, "value", *c, "options", o, "holder", h)
	}
	if strings.Contains(out.String(), secretPart) || strings.Contains(out.String(), fmt.Sprintf("%x", secretPart)) {
		t.Errorf("the key shows: %s", out.String())
	}
	if !strings.Contains(out.String(), KeyID(testKey)) {
		t.Error("the key's id doesn't show")
	}
}

func TestKeyID(t *testing.T) {
	// printf sk-simulator | sha256sum
	if got := KeyID("sk-simulator"); got != "83965089be4d" || KeyID("") != "" {
		t.Errorf("key id %q", got)
	}
}

func TestFaultKeepsSentinelsOnly(t *testing.T) {
	inner := fmt.Errorf("malformed %q: %w", testKey, errors.New("x"))
	if got := sentinels(inner); got != nil {
		t.Errorf("%v is kept", got)
	}
}
