package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

func write(t *testing.T, err error) (*http.Response, problem.Problem, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	problem.Write(rec, httptest.NewRequest(http.MethodPost, "/v1/batches?secret=1", nil), err)
	var p problem.Problem
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v: %s", err, rec.Body)
	}
	return rec.Result(), p, rec.Body.String()
}

// Each kind that a fault can have has a status, a title and a meaning.
func TestEveryKindHasAStatus(t *testing.T) {
	listed := map[batch.Kind]problem.Entry{}
	for _, e := range problem.All() {
		listed[e.Kind] = e
		if e.Status < 400 || e.Title == "" || e.Means == "" || problem.Status(e.Kind) != e.Status {
			t.Errorf("%+v", e)
		}
	}
	n := 0
	for _, path := range []string{"../../../batch/fault.go", "kinds.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			lit, ok := spec.Values[0].(*ast.BasicLit)
			if !ok || !strings.Contains(fmt.Sprint(spec.Type), "Kind") || spec.Type == nil {
				return true
			}
			n++
			if k := batch.Kind(strings.Trim(lit.Value, `"`)); listed[k].Kind != k {
				t.Errorf("kind %s of %s has no status", k, path)
			}
			return true
		})
	}
	if n != len(listed) || n < 30 {
		t.Errorf("%d kinds in the sources, %d in the table", n, len(listed))
	}
}

func TestWrite(t *testing.T) {
	res, p, _ := write(t, &batch.Fault{Kind: problem.TooManyRequests, Op: "start night", Thing: "a/2026-11-22", Detail: "slow down", Hint: "wait", After: 1500 * time.Millisecond})
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Content-Type") != problem.ContentType || res.Header.Get("Retry-After") != "2" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	if p.Kind != problem.TooManyRequests || p.Status != http.StatusTooManyRequests || p.Type != "/docs#TooManyRequests" || p.Instance != "/v1/batches" || p.Op != "start night" || p.Thing != "a/2026-11-22" || p.Detail != "slow down" || p.Hint != "wait" {
		t.Errorf("%+v", p)
	}

	_, err := manifest.Read("body", []byte(`{"name":"A b","budgt":1,"jobs":[]}`))
	res, p, _ = write(t, fmt.Errorf("outer: %w", err))
	if res.StatusCode != http.StatusUnprocessableEntity || p.Kind != batch.BadInput || len(p.Errors) < 3 {
		t.Fatalf("%d %+v", res.StatusCode, p)
	}
	if e := p.Errors[0]; e.Field != "name" || e.Line != 1 || e.Column < 2 || e.Source != "body" || e.Detail == "" {
		t.Errorf("%+v", e)
	}
	again := problem.Of(p)
	if again.Status != 422 || len(again.Errors) != len(p.Errors) {
		t.Errorf("a problem changed on its way: %+v", again)
	}
}

// What concerns whoever runs the server stays there.
func TestNothingPrivateLeaves(t *testing.T) {
	secret := errors.New("dial tcp 10.1.2.3:5432: postgres://user:hunter2@db.internal/offpeak")
	for _, err := range []error{
		secret,
		&batch.Fault{Kind: batch.OutOfReach, Op: "start night", Thing: "postgres://db.internal", Detail: "Temporal at 10.1.2.3 can't be reached", Err: secret},
		&batch.Fault{Kind: batch.Internal, Op: "read jobs", Thing: "/srv/10.1.2.3/offpeak.db", Detail: "hunter2"},
		&batch.Fault{Kind: "Unheard", Op: "x", Err: nil},
	} {
		res, p, body := write(t, err)
		for _, word := range []string{"hunter2", "10.1.2.3", "internal/", "postgres:"} {
			if strings.Contains(body, word) {
				t.Errorf("%v: %q left: %s", err, word, body)
			}
		}
		if res.StatusCode < 500 || p.Kind == "" {
			t.Errorf("%v: %d %+v", err, res.StatusCode, p)
		}
	}
	// That nobody works is worth knowing, and no secret.
	if _, p, _ := write(t, &batch.Fault{Kind: batch.OutOfReach, Op: "pause", Thing: "a/2026-11-22", Detail: "no worker is polling"}); p.Detail != "no worker is polling" {
		t.Errorf("%+v", p)
	}
}
