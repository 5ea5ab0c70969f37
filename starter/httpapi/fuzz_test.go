package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// FuzzStart: whatever comes as a manifest is answered, and never by a bug of
// ours. The door has no Temporal behind it, so that nothing is started.
func FuzzStart(f *testing.F) {
	f.Add(nightOf("fuzzed", 0, "a"), false)
	f.Add("name: a\njobs:\n  - {name: x, task: t}\n", true)
	f.Add(`{"manifest":"file:///nowhere/%00","name":"a"}`, false)
	f.Add(`{"manifest":{},"window":7}`, false)
	f.Add(`{"name":"a","jobs_from":"s3://b/../x"}`, false)
	f.Add("\xff\x00", true)
	f.Fuzz(func(t *testing.T, body string, yaml bool) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/validations", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+world.read)
		r.Header.Set("Content-Type", map[bool]string{true: "application/yaml", false: "application/json"}[yaml])
		w := httptest.NewRecorder()
		world.down.Config.Handler.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var p problem.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); w.Code >= http.StatusBadRequest && (err != nil || p.Kind == "" || p.Status != w.Code) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
