package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// maxOrder bounds the bodies of orders and schedules' ids; manifests have their
// own limit.
const maxOrder = 64 << 10

// decode reads a JSON body strictly: what is no JSON is said with line and
// column, and everything that doesn't fit T's description at once, each with
// its field. An empty body is the zero T where that is allowed.
func decode[T any](a *API, op string, body []byte) (T, error) {
	var out T
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	var parsed any
	if err := json.Unmarshal(body, &parsed); err != nil {
		return out, syntax(op, body, err)
	}
	registry := a.huma.OpenAPI().Components.Schemas
	var found huma.ValidateResult
	path := huma.NewPathBuffer([]byte{}, 0)
	path.Push("body")
	huma.Validate(registry, registry.Schema(reflect.TypeFor[T](), false, ""), path, huma.ModeWriteToServer, parsed, &found)
	if len(found.Errors) > 0 {
		p := problem.Of(bad(op, "body", "it doesn't have the form that is described; errors says where", "/docs describes it"))
		for _, err := range found.Errors {
			item := problem.Item{Detail: err.Error(), Source: "body"}
			var d *huma.ErrorDetail
			if errors.As(err, &d) {
				item.Detail, item.Field = d.Message, d.Location
			}
			p.Errors = append(p.Errors, item)
		}
		return out, p
	}
	if err := json.Unmarshal(body, &out); err != nil {
		p := problem.Of(bad(op, "body", "a value can't be read", "dollars are texts such as \"25.00\", instants such as 2026-11-23T05:00:00-08:00"))
		p.Errors = []problem.Item{{Detail: err.Error(), Source: "body"}}
		return out, p
	}
	return out, nil
}

// syntax is where a body stops being JSON.
func syntax(op string, body []byte, err error) error {
	p := problem.Of(bad(op, "body", "it is no JSON", "send one JSON object"))
	item := problem.Item{Detail: err.Error(), Source: "body"}
	var at *json.SyntaxError
	if errors.As(err, &at) {
		before := body[:min(max(int(at.Offset)-1, 0), len(body))]
		item.Line = bytes.Count(before, []byte("\n")) + 1
		item.Column = len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:]))) + 1
	}
	p.Errors = []problem.Item{item}
	return p
}

func cutType(header string) (string, map[string]string, error) { return mime.ParseMediaType(header) }

func quoted(s string) string { return strconv.Quote(clip(s)) }

func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
