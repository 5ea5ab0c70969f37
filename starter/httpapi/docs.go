package httpapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

//go:embed docs.html
var docsText string

// docsPolicy: the page has styles of its own and nothing else. It asks no other
// host for anything, and no script runs.
const docsPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsPage makes the page for people of the document, once.
func (a *API) docsPage(api *huma.OpenAPI) error {
	page, err := template.New("docs").Funcs(template.FuncMap{
		"pretty": pretty, "prose": prose, "shape": shapeOf, "curl": curl, "operations": operationsOf,
		"statuses": func(m map[string]*huma.Response) []string { return slices.Sorted(maps.Keys(m)) },
		"names":    func(m map[string]*huma.Schema) []string { return slices.Sorted(maps.Keys(m)) },
		"scope":    func(op *huma.Operation) string { return op.Security[0][bearer][0] },
	}).Parse(docsText)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := page.Execute(&text, map[string]any{"API": api, "Kinds": problem.All(), "Schemas": api.Components.Schemas.Map()}); err != nil {
		return err
	}
	serve := serveBytes("text/html; charset=utf-8", text.Bytes())
	a.mux.HandleFunc("GET /docs", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", docsPolicy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		serve(w, r)
	})
	return nil
}

// described is an operation and where it is.
type described struct {
	Method, Path string
	*huma.Operation
}

// operationsOf are those of a tag, in the order of their paths.
func operationsOf(api *huma.OpenAPI, tag string) []described {
	var out []described
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			if op := pathOperation(api.Paths[path], method); op != nil && slices.Contains(op.Tags, tag) {
				out = append(out, described{method, path, op})
			}
		}
	}
	return out
}

// prose is a description as paragraphs, with what stands between backticks as
// code: all that the document's Markdown has.
func prose(text string) template.HTML {
	var b strings.Builder
	for p := range strings.SplitSeq(text, "\n\n") {
		b.WriteString("<p>")
		for i, part := range strings.Split(p, "`") {
			part = template.HTMLEscapeString(part)
			if i%2 == 1 {
				part = "<code>" + part + "</code>"
			}
			b.WriteString(part)
		}
		b.WriteString("</p>\n")
	}
	return template.HTML(b.String()) // escaped piece by piece
}

func pretty(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	var out bytes.Buffer
	if json.Indent(&out, b, "", "  ") != nil {
		return string(b)
	}
	return out.String()
}

// shapeOf is a schema in a few words: "text", "list of Job", "Job or null".
func shapeOf(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	case len(s.OneOf)+len(s.AnyOf) > 0:
		var any []string
		for _, one := range slices.Concat(s.OneOf, s.AnyOf) {
			any = append(any, shapeOf(one))
		}
		return strings.Join(any, " or ")
	}
	word := s.Type
	switch {
	case s.Type == "array":
		word = "list of " + shapeOf(s.Items)
	case s.Format == "date-time":
		word = "instant"
	case s.Type == "string":
		word = "text"
	case s.Type == "boolean":
		word = "true or false"
	case s.Type == "":
		word = "anything"
	}
	if s.Nullable {
		word += " or null"
	}
	return word
}

// curl is a line that does it, against a server at its default address.
func curl(o described) string {
	path := o.Path
	for _, p := range o.Parameters {
		if p.In == "path" {
			example := "..."
			if p.Schema != nil && len(p.Schema.Examples) > 0 {
				example, _ = p.Schema.Examples[0].(string)
			} else if text, ok := p.Example.(string); ok {
				example = text
			}
			path = strings.ReplaceAll(path, "{"+p.Name+"}", strings.ReplaceAll(example, " ", "%20"))
		}
	}
	line := "curl"
	if o.Method != http.MethodGet {
		line += " -X " + o.Method
	}
	line += ` -H "Authorization: Bearer $OFFPEAK_KEY"`
	if o.RequestBody != nil {
		switch _, upload := o.RequestBody.Content[ndjson]; {
		case upload:
			line += " -H 'Content-Type: " + ndjson + "' -T jobs.jsonl"
		case o.RequestBody.Content[yamlType] != nil:
			line += " -H 'Content-Type: " + yamlType + "' --data-binary @night.yaml"
		default:
			line += " --json '" + compact(o.RequestBody.Content[jsonType].Example) + "'"
		}
	}
	if o.OperationID == "follow-batch" {
		line += " -N"
	}
	return line + " 'http://127.0.0.1:8780" + path + "'"
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
