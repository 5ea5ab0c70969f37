package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// TestDocument has a public validator judge the document itself.
func TestDocument(t *testing.T) {
	doc, err := libopenapi.NewDocument(world.judge.document)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, errs := v.ValidateDocument(); !ok {
		for _, e := range errs {
			t.Errorf("%v %v", e, reasons(e.SchemaValidationErrors))
		}
	}
}

// TestDocsPage: every operation and every kind of error is on the page, which
// needs nobody else.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	a := do(t, call{path: "/docs", key: "none"})
	if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'unsafe-inline'") {
		t.Fatalf("%d %v", a.status, a.header)
	}
	for path, methods := range world.judge.parts.Paths {
		for _, op := range methods {
			if !strings.Contains(a.body, `id="`+op.OperationID+`"`) || !strings.Contains(a.body, "<code>"+path+"</code>") || op.Summary == "" || op.Description == "" || len(op.Tags) != 1 {
				t.Errorf("%s of %s isn't described", op.OperationID, path)
			}
		}
	}
	for _, e := range problem.All() {
		if !strings.Contains(a.body, `<tr id="`+string(e.Kind)+`">`) {
			t.Errorf("kind %s isn't described", e.Kind)
		}
	}
	for _, other := range []string{"<script", "<link", "src=", "@import", "url("} {
		if strings.Contains(a.body, other) {
			t.Errorf("the page has %s", other)
		}
	}
	for _, kind := range []string{"json", "yaml"} {
		if a := do(t, call{path: "/openapi." + kind, key: "none"}); a.status != http.StatusOK || a.header.Get("Content-Type") != "application/openapi+"+kind || !strings.Contains(a.body, "3.1.0") {
			t.Errorf("%s: %d %v", kind, a.status, a.header)
		}
	}
}
