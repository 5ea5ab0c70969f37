package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/simulator"
)

// FuzzRequests: whatever a client sends, it gets an answer of the API's, and
// nothing is billed that wasn't answered with 200.
func FuzzRequests(f *testing.F) {
	good := job(tag("EU", 1))
	for _, body := range []string{
		good, "[" + good + "]", `{"task":"x","agents":[{"model_name":"gpt-5"}]}`, `[{"task":1}]`, `{"name":"` + strings.Repeat("é", 101) + `"}`, `{"tasks":[]}`, `[]`, `null`, `{"task":"x","max_loops":"auto"}`,
		`{"task":"x","agents":null,"messages":{"a":[1,2]}}`, strings.Repeat("[", 20_000), `{"task":"x","agents":[{"max_tokens":9223372036854775807,"max_loops":-1}]}`, "\xff", `{"task":"x","max_loops":9223372036854775807,"agents":[{},{}]}`,
	} {
		f.Add([]byte(body), false)
		f.Add([]byte(body), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, many bool) {
		sim, err := simulator.Open(simulator.Options{Latency: simulator.Latency{Kind: "none"}})
		if err != nil {
			t.Fatal(err)
		}
		defer sim.Close()
		path := swarm
		if many {
			path = batchPath
		}
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(body)))
		r.Header.Set("x-api-key", simulator.DefaultKey)
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		switch w.Code {
		case 200, 400, 402, 403, 413, 422, 500:
		default:
			t.Errorf("%.200q is answered with %d", body, w.Code)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%.200q is answered with %.200q", body, w.Body)
		}
		totals := sim.Books().Totals()
		if totals.Arrivals != 1 || totals.Billed < 0 || w.Code != 200 && totals.Executions > 0 || !many && totals.Executions > 1 || totals.Executions != totals.LogRows {
			t.Errorf("%.200q is answered with %d and booked as %+v", body, w.Code, totals)
		}
	})
}

// FuzzScript: a fault script that is taken can be armed, and means the same
// when it is shown and read again.
func FuzzScript(f *testing.F) {
	for _, s := range []string{
		`[{"match":"EU","kind":"hang","attempts":"first 2","probability":0.05}]`, "- {match: \"/a(b|c)/\", kind: slow, delay: 90s, times: 3}", "- {match: \"*\", kind: truncate, status: 502, after_work: true}",
		"- {match: \"*\", kind: rate429, retry_after: \"1.5\"}", "- &a {match: x, kind: hang}\n- *a", "[]", "a: b", "- {match: \"/(/\", kind: hang}", "- {match: x, kind: status, status: 200, detail: \"\\0\"}", "- {match: x, kind: huge, probability: .5, seed: 18446744073709551615}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		rules, err := simulator.ParseFaults(script)
		if err != nil {
			return
		}
		sim, err := simulator.Open(simulator.Options{Faults: rules})
		if err != nil {
			t.Fatalf("%.200q is read and can't be armed: %v", script, err)
		}
		defer sim.Close()
		shown, err := json.Marshal(sim.Rules())
		if err != nil {
			t.Fatal(err)
		}
		again, err := simulator.ParseFaults(shown)
		if err != nil || len(again) != len(rules) || len(rules) > 0 && !reflect.DeepEqual(again, rules) {
			t.Errorf("%.300s is read as %+v, want %+v: %v", shown, again, rules, err)
		}
	})
}

// FuzzSettings: switches, latencies, limits and windows that are taken make a
// simulator that opens.
func FuzzSettings(f *testing.F) {
	for _, s := range []string{
		`{"batch_shape":"C","log_lag":"90s","log_lag_spread":"30s","log_drop":0.01,"multiplier":"0.5"}`, `{"log_lag":"-1s"}`, `{"invalid_key":402}`, "none", "20ms-80ms,floor=1s", "lognormal:45s,0.5", "lognormal:45s,NaN",
		"2000/1m,10000/1h", "9223372036854775807/1ns", "20:00-06:00@America/Los_Angeles", "00:00-00:00@UTC", "-1ns", "0s-2562047h47m16.854775807s",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var o simulator.Options
		if sw, err := simulator.ParseSwitches([]byte(s)); err == nil {
			o.Switches = sw
			text, err := json.Marshal(sw)
			again, err2 := simulator.ParseSwitches(text)
			if err != nil || err2 != nil || !reflect.DeepEqual(sw, again) {
				t.Errorf("%s is read as %+v, want %+v: %v, %v", text, again, sw, err, err2)
			}
		}
		if l, err := simulator.ParseLatency(s); err == nil {
			o.Latency = l
		}
		if w, err := simulator.ParseWindow(s); err == nil {
			o.Window = w
		}
		if q, err := simulator.ParseQuotas(s); err == nil {
			o.Accounts = []simulator.Account{{Keys: []string{"k"}, Limits: &simulator.Limits{Quotas: q}}}
		}
		sim, err := simulator.Open(o)
		if err == nil {
			sim.Close()
		} else if o.Window.Zone == "" || o.Window.Open != o.Window.Close { // which it says
			t.Errorf("%.200q is taken and opens no simulator: %v", s, err)
		}
	})
}

// FuzzAdmin: the admin endpoint takes what it understands and says what it
// doesn't.
func FuzzAdmin(f *testing.F) {
	for _, s := range []string{
		`[{"match":"EU","kind":"full_price"}]`, `{"billing":"none"}`, `{"advance":"1h","scale":60,"offset":"-3h"}`, `{"set":"2026-11-22T20:55:00-08:00"}`, `{"scale":1e300}`, `{"credit":"5.00","tier":"free"}`,
		`{"credit":-1}`, `{}{}`, `null`, `{"advance":"9223372036854775807ns"}`, `{"set":"9999-12-31T23:59:59Z","advance":"2562047h"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sim, err := simulator.Open(simulator.Options{OpenAdmin: true})
		if err != nil {
			t.Fatal(err)
		}
		defer sim.Close()
		for _, what := range []string{"faults", "switches", "clock", "accounts", "reset", "books"} {
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				w := httptest.NewRecorder()
				sim.ServeHTTP(w, httptest.NewRequest(method, "/__admin/"+what, strings.NewReader(string(body))))
				if w.Code != 200 && (method == http.MethodGet || w.Code != 400 && w.Code != 404) || !json.Valid(w.Body.Bytes()) {
					t.Errorf("%s %s of %.200q: %d %.200q", method, what, body, w.Code, w.Body)
				}
			}
		}
	})
}
