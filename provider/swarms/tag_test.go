package swarms

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

const uuid1 = "0b0e3c1a-7c57-4c1f-9d5e-3d1f4a2b6c7d"

func TestTag(t *testing.T) {
	for name, want := range map[string]string{
		"EU Market Digest":         "EU Market Digest [" + uuid1 + "]",
		"  padded \n":              "padded [" + uuid1 + "]",
		"":                         "[" + uuid1 + "]",
		strings.Repeat("n", 61):    strings.Repeat("n", 61) + " [" + uuid1 + "]",
		strings.Repeat("n", 62):    strings.Repeat("n", 61) + " [" + uuid1 + "]",
		strings.Repeat("é", 200):   strings.Repeat("é", 61) + " [" + uuid1 + "]",
		strings.Repeat("a b", 40):  strings.Repeat("a b", 20) + "a [" + uuid1 + "]",
		"broken \xff text":         "broken  text [" + uuid1 + "]",
		"tagged [" + uuid1 + "] x": "tagged [" + uuid1 + "] x [" + uuid1 + "]",
	} {
		if got := Tag(name, uuid1); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestTagComesBack(t *testing.T) {
	id := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	rapid.Check(t, func(t *rapid.T) {
		name, id := rapid.String().Draw(t, "name"), id.Draw(t, "id")
		tagged := Tag(name, id)
		if n := utf8.RuneCountInString(tagged); n > MaxName || !utf8.ValidString(tagged) {
			t.Fatalf("%d characters: %q", n, tagged)
		}
		if got, ok := TagOf(tagged); !ok || got != id {
			t.Fatalf("%q: %q, %t", tagged, got, ok)
		}
	})
}

func TestTagOf(t *testing.T) {
	for name, want := range map[string]string{
		"x [" + uuid1 + "]":    uuid1,
		"x [" + uuid1 + "] \n": uuid1,
		"[" + uuid1 + "] [11111111-2222-4333-8444-555555555555]": "11111111-2222-4333-8444-555555555555",
		"x [" + uuid1 + "] more":                                 "",
		"x [ab12cd34]":                                           "",
		"x " + uuid1:                                             "",
		"x [" + strings.ToUpper(uuid1) + "]":                     "",
		"":                                                       "",
	} {
		if got, ok := TagOf(name); got != want || ok != (want != "") {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestPayload(t *testing.T) {
	tagged := `{"name":"Digest [` + uuid1 + `]"`
	for in, want := range map[string]string{
		`{"task":"t","name":"old","max_loops":1}`: tagged + `,"task":"t","max_loops":1}`,
		`{}`:                      tagged + `}`,
		`{"name":"a","name":"b"}`: tagged + `}`,
		`{"x":1.50,"y":1e400,"z":12345678901234567890,"w":0.1000000000000000055}`: tagged + `,"x":1.50,"y":1e400,"z":12345678901234567890,"w":0.1000000000000000055}`,
		`{"html":"<a&b>","<k>":{ "b":1, "a":[ ] }}`:                               tagged + `,"html":"<a&b>","<k>":{ "b":1, "a":[ ] }}`,
		`{"stream":false,"agents":[{"name":"kept"}]}`:                             tagged + `,"stream":false,"agents":[{"name":"kept"}]}`,
		`{"stream":null}`: tagged + `,"stream":null}`,
	} {
		got, err := Payload(json.RawMessage(in), "Digest", uuid1)
		if err != nil || string(got) != want || !json.Valid(got) {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, in := range []string{``, `[]`, `null`, `{"a":1`, `{"a":1}}`, `{"a":1} 2`, `{"a" 1}`, `{"stream":true}`, `{"stream":"yes"}`} {
		if got, err := Payload(json.RawMessage(in), "Digest", uuid1); err == nil {
			t.Errorf("%s passed as %s", in, got)
		}
	}
	if _, err := Payload(json.RawMessage(`{}`), "Digest", "7"); err == nil {
		t.Error("an id that is no UUID passed; it could never be joined")
	}
}
