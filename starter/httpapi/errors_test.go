package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// fill makes a path of a pattern, for something that isn't there.
func fill(path string) string {
	return strings.NewReplacer("{name}", "nobody", "{night}", "2020-01-02", "{job}", "none", "{id}", "none").Replace(path)
}

// bodyFor is a body that fits an operation, of the type that it reads.
func bodyFor(id string) (body, contentType string) {
	switch id {
	case "upload-jobs":
		return `{"name":"a","task":"t"}`, "application/x-ndjson"
	case "told-batch":
		return `{"seq":0}`, "application/json"
	case "budget-batch":
		return `{"cap":"80.00"}`, "application/json"
	case "backfill-schedule":
		return `{"from":"2020-01-01T00:00:00Z","to":"2020-01-02T00:00:00Z"}`, "application/json"
	case "create-schedule":
		return `{"reconcile":true,"id":"down"}`, "application/json"
	case "start-batch", "validate-manifest", "estimate-manifest":
		return nightOf("down", 0, "a"), "application/json"
	}
	return `{}`, "application/json"
}

// TestRefusals has each operation meet what every operation must refuse:
// whoever adds one can't forget it here.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for path, methods := range world.judge.parts.Paths {
		for method, op := range methods {
			t.Run(op.OperationID, func(t *testing.T) {
				t.Parallel()
				method := strings.ToUpper(method)
				base := call{method: method, path: fill(path)}
				refused := func(what string, status int, kind batch.Kind, c call) {
					t.Helper()
					p := want[problem.Problem](t, status, c)
					if p.Kind != kind || p.Status != status || p.Instance == "" || p.Title == "" || p.Type != "/docs#"+string(kind) {
						t.Errorf("%s %s: %+v", op.OperationID, what, p)
					}
				}
				c := base
				c.key = "none"
				refused("without a key", http.StatusUnauthorized, problem.Unauthenticated, c)
				c.key = "offpeak_wrong"
				refused("with a wrong key", http.StatusUnauthorized, problem.Unauthenticated, c)
				if op.Security[0]["bearer"][0] == "operate" {
					c.key = world.read
					refused("with a read key", http.StatusForbidden, problem.Forbidden, c)
				}
				c = base
				c.path += "?surprise=1"
				refused("with an unknown parameter", http.StatusUnprocessableEntity, batch.BadInput, c)
				if method != http.MethodDelete {
					c = base
					c.header = map[string]string{"Accept": "image/png"}
					refused("for a picture", http.StatusNotAcceptable, problem.NotAcceptable, c)
				}
				body, kind := "", ""
				if op.RequestBody != nil {
					body, kind = bodyFor(op.OperationID)
					c = base
					c.body, c.contentType = body, "text/plain"
					refused("as text", http.StatusUnsupportedMediaType, problem.UnsupportedMedia, c)
					c.contentType = kind
					c.body = strings.Repeat(" ", 3<<20)
					refused("with a huge body", http.StatusRequestEntityTooLarge, problem.TooLarge, c)
					c.body = `{"surprise":1}`
					refused("with an unknown field", http.StatusUnprocessableEntity, batch.BadInput, c)
					c.body = `{`
					refused("with half a body", http.StatusUnprocessableEntity, batch.BadInput, c)
				}
				if _, can := op.Responses["404"]; can && strings.Contains(path, "{") {
					c = base
					c.body, c.contentType = body, kind
					refused("for nothing", http.StatusNotFound, batch.NotFound, c)
				}
				if strings.Contains(path, "{night}") {
					c = base
					c.path = strings.Replace(c.path, "2020-01-02", "tonight", 1)
					c.body, c.contentType = body, kind
					refused("for no night", http.StatusUnprocessableEntity, batch.BadInput, c)
				}
				if slices.Contains([]string{"validate-manifest", "estimate-manifest"}, op.OperationID) {
					return // they need nobody: their 503 is a provider's patience
				}
				c = base
				c.body, c.contentType, c.server = body, kind, world.down
				a := do(t, c)
				if p := read[problem.Problem](t, a); a.status != http.StatusServiceUnavailable || p.Kind != batch.OutOfReach || a.header.Get("Retry-After") == "" {
					t.Errorf("%s with everything down: %d %s", op.OperationID, a.status, a.body)
				}
				for _, private := range []string{"127.0.0.1", "hunter2", "nobody@", "postgres:", "/dev/null"} {
					if strings.Contains(a.body, private) {
						t.Errorf("%s tells %q: %s", op.OperationID, private, a.body)
					}
				}
			})
		}
	}
}

// TestUnknown: what isn't there is a problem too.
func TestUnknown(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/v1", "/v1/nothing", "/v1/batches/a/b/c/d/e", "/v2/batches"} {
		if p := want[problem.Problem](t, http.StatusNotFound, call{path: path}); p.Kind != batch.NotFound || p.Instance != path {
			t.Errorf("%+v", p)
		}
	}
	a := do(t, call{method: http.MethodPut, path: "/v1/batches"})
	if p := read[problem.Problem](t, a); a.status != http.StatusMethodNotAllowed || p.Kind != problem.MethodNotAllowed || !strings.Contains(a.header.Get("Allow"), "POST") || !strings.Contains(a.header.Get("Allow"), "GET") {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
}
