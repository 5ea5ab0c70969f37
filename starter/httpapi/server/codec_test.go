package server_test

import (
	"net/http"
	"strings"
	"testing"

	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/offpeak/offpeak/codec"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/server"
)

// locked is a payload as the Temporal UI asks for it, and who decrypts it.
func locked(t *testing.T) (string, http.Handler) {
	t.Helper()
	line, err := codec.NewKey("k")
	if err != nil {
		t.Fatal(err)
	}
	k, err := codec.Open(codec.Source{Text: line})
	if err != nil {
		t.Fatal(err)
	}
	var o client.Options
	k.Apply(&o)
	p, err := o.DataConverter.ToPayloads(planted)
	if err != nil {
		t.Fatal(err)
	}
	b, err := protojson.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), k.Handler()
}

// TestCodec: payloads are decrypted for whoever has a key of the API, by header
// or by the cookie of who signed in, and of other origins' pages for the Temporal
// UI's alone, which can do nothing else here.
func TestCodec(t *testing.T) {
	t.Parallel()
	const ui, evil = "https://temporal.example.com", "https://evil.example"
	body, handler := locked(t)
	file, reader, _ := keyFile(t)
	with := serve(t, server.Options{Keys: ring(t, keys.Source{File: file}), Codec: handler, CodecOrigins: []string{ui}})
	without := serve(t, server.Options{Keys: ring(t, keys.Source{File: file})})
	bearer, signedIn := "Authorization: Bearer "+reader, "Cookie: "+keys.Cookie+"="+reader
	const path, jsonBody = "/codec/default/decode", "Content-Type: application/json"
	for _, c := range []struct {
		what, method, path string
		header             []string
		at                 *site
		status             int
	}{
		{"the CLI", "POST", path, []string{bearer}, with, 200},
		{"without a namespace", "POST", "/codec/decode", []string{bearer}, with, 200},
		{"somebody who signed in", "POST", path, []string{signedIn, "Origin: " + ui, "Sec-Fetch-Site: same-site"}, with, 200},
		{"nobody", "POST", path, nil, with, 401},
		{"nobody, from the UI", "POST", path, []string{"Origin: " + ui}, with, 401},
		{"another key", "POST", path, []string{"Authorization: Bearer offpeak_wrong"}, with, 401},
		{"another cookie", "POST", path, []string{"Cookie: " + keys.Cookie + "=offpeak_wrong"}, with, 401},
		{"a page elsewhere, with the cookie", "POST", path, []string{signedIn, "Origin: " + evil, "Sec-Fetch-Site: cross-site"}, with, 403},
		{"a page of null", "POST", path, []string{signedIn, "Origin: null"}, with, 403},
		{"the UI's page, elsewhere", "POST", "/v1/read", []string{bearer, "Origin: " + ui, "Sec-Fetch-Site: same-site"}, with, 403},
		{"a look", "GET", path, []string{bearer}, with, 405},
		{"something else", "POST", "/codec/default/steal", []string{bearer}, with, 404},
		{"the UI asks whether", "OPTIONS", path, []string{"Origin: " + ui, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,x-namespace"}, with, 204},
		{"without keys of the codec", "POST", path, []string{bearer}, without, 404},
	} {
		r := c.at.ask(c.method, c.path, strings.NewReader(body), append([]string{jsonBody}, c.header...)...)
		open := strings.Contains(r.text, "Imh1bnRlcjI") // base64 of what was planted
		if r.status != c.status || open != (c.status == 200) {
			t.Errorf("%s: %d %s", c.what, r.status, r.text)
		}
		allowed := r.header.Get("Access-Control-Allow-Origin")
		if fromUI := strings.Contains(strings.Join(c.header, " "), ui) && c.at == with && strings.HasPrefix(c.path, "/codec"); fromUI != (allowed == ui) || fromUI != (r.header.Get("Access-Control-Allow-Credentials") == "true") || allowed == "*" {
			t.Errorf("%s: %v", c.what, r.header)
		}
	}
	if strings.Contains(with.log.String(), planted) || strings.Contains(with.log.String(), reader) {
		t.Error("the log holds what was decrypted, or the key")
	}

	// A page full of payloads, before anybody signed in, costs no guesses.
	for range 100 {
		if r := with.ask("POST", path, strings.NewReader(body), "Origin: "+ui); r.status != 401 {
			t.Fatalf("%d %s", r.status, r.text)
		}
	}
	if r := with.ask("POST", path, strings.NewReader(body), "Authorization: Bearer offpeak_wrong"); r.status != 401 {
		t.Errorf("a guess after it: %d", r.status)
	}
	if r := with.ask("POST", path, strings.NewReader(strings.Replace(body, `"aw=="`, `"enp6"`, 1)), bearer); r.status != 400 || !strings.Contains(r.text, "key zzz") || !strings.Contains(r.text, "OFFPEAK_CODEC_KEYS") {
		t.Errorf("a key that isn't there: %d %s", r.status, r.text)
	}
}
