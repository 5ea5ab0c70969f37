package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
)

// judge compares what goes over the wire with the document, and remembers what
// it has seen.
type judge struct {
	document  []byte
	validator validator.Validator
	parts     document
	seen      map[string]map[string]bool // operation id -> statuses
}

// document is what the tests themselves read of it.
type document struct {
	Paths map[string]map[string]struct {
		OperationID string                      `json:"operationId"`
		Summary     string                      `json:"summary"`
		Description string                      `json:"description"`
		Tags        []string                    `json:"tags"`
		Parameters  []struct{ Name, In string } `json:"parameters"`
		RequestBody *struct {
			Content map[string]any `json:"content"`
		} `json:"requestBody"`
		Responses map[string]struct {
			Content map[string]any `json:"content"`
		} `json:"responses"`
		Security []map[string][]string `json:"security"`
	} `json:"paths"`
}

func newJudge(base string) (*judge, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, base+"/openapi.json", nil)
	if err != nil {
		return nil, err
	}
	res, err := (&http.Client{}).Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	j := &judge{seen: map[string]map[string]bool{}}
	if j.document, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(j.document, &j.parts); err != nil {
		return nil, err
	}
	doc, err := libopenapi.NewDocument(j.document)
	if err != nil {
		return nil, err
	}
	v, errs := validator.NewValidator(doc, config.WithFormatAssertions())
	if len(errs) > 0 {
		return nil, fmt.Errorf("%v", errs)
	}
	j.validator = v
	return j, nil
}

// watch is a transport that judges for one test.
func (j *judge) watch(t testing.TB) http.RoundTripper { return &watched{j, t} }

type watched struct {
	*judge
	testing.TB
}

// RoundTrip sends a request and compares both sides with the document. A
// request that is answered with an error may be wrong: that is what is tested.
func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	id := w.operation(r)
	if id == "" {
		return res, nil
	}
	mu.Lock()
	defer mu.Unlock()
	if w.seen[id] == nil {
		w.seen[id] = map[string]bool{}
	}
	w.seen[id][fmt.Sprint(res.StatusCode)] = true
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return res, nil // a stream has no end to be judged by
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	fresh := func() *http.Request {
		c := r.Clone(context.WithoutCancel(r.Context()))
		c.Body = io.NopCloser(bytes.NewReader(sent))
		return c
	}
	if res.StatusCode < http.StatusBadRequest && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-ndjson") {
		if ok, errs := w.validator.ValidateHttpRequestSync(fresh()); !ok {
			for _, e := range errs {
				w.Errorf("%s: the request isn't as documented: %v %v\n%s", id, e, reasons(e.SchemaValidationErrors), sent)
			}
		}
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/x-ndjson") { // the validator takes it for one JSON text
		for line := range bytes.Lines(text) {
			if !json.Valid(line) {
				w.Errorf("%s: a line isn't JSON: %s", id, line)
			}
		}
		return res, nil
	}
	if ok, errs := w.validator.ValidateHttpResponse(fresh(), res); !ok {
		for _, e := range errs {
			w.Errorf("%s: the answer %d isn't as documented: %v %v\n%.2000s", id, res.StatusCode, e, reasons(e.SchemaValidationErrors), text)
		}
	}
	if documented := w.find(id).Responses; res.StatusCode != http.StatusInternalServerError {
		if _, ok := documented[fmt.Sprint(res.StatusCode)]; !ok {
			w.Errorf("%s: status %d isn't documented\n%s", id, res.StatusCode, text)
		}
	} else {
		w.Errorf("%s: %s", id, text)
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	return res, nil
}

func reasons[T interface{ Error() string }](all []T) (out []string) {
	for _, e := range all {
		out = append(out, e.Error())
	}
	return out
}

// operation is the id of the one that a request is for, "" when there is none.
func (j *judge) operation(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	best, most := "", -1
	for path, methods := range j.parts.Paths {
		op, ok := methods[strings.ToLower(r.Method)]
		want := strings.Split(strings.Trim(path, "/"), "/")
		if !ok || len(want) != len(parts) {
			continue
		}
		literal := 0
		for i := range want {
			if strings.HasPrefix(want[i], "{") {
				continue
			}
			if want[i] != parts[i] {
				literal = -1
				break
			}
			literal++
		}
		if literal > most {
			best, most = op.OperationID, literal
		}
	}
	return best
}

type described = struct {
	method, path string
	Responses    map[string]struct {
		Content map[string]any `json:"content"`
	}
}

func (j *judge) find(id string) described {
	for path, methods := range j.parts.Paths {
		for method, op := range methods {
			if op.OperationID == id {
				return described{strings.ToUpper(method), path, op.Responses}
			}
		}
	}
	return described{}
}

// unseen are the operations and statuses that the document has and no test met.
// What any operation may answer is under default.
func (j *judge) unseen() (out []string) {
	for _, methods := range j.parts.Paths {
		for _, op := range methods {
			for status := range op.Responses {
				if status != "default" && !j.seen[op.OperationID][status] {
					out = append(out, op.OperationID+" "+status)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}
