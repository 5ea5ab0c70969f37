package report_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/report"
)

type usd struct{}

// Schema is six decimals.
func (usd) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Pattern: `^-?[0-9]+\.[0-9]{6}$`, Description: "dollars with six decimals"}
}

type nanoseconds struct{}

// Schema is a whole number.
func (nanoseconds) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "integer", Description: "nanoseconds"}
}

// schemaOf is the JSON schema of a type, described in the words of its own
// comments.
func schemaOf(t *testing.T, typ reflect.Type, id, title string) []byte {
	t.Helper()
	r := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	r.RegisterTypeAlias(reflect.TypeFor[money.USD](), reflect.TypeFor[usd]())
	r.RegisterTypeAlias(reflect.TypeFor[time.Duration](), reflect.TypeFor[nanoseconds]())
	top := r.Schema(typ, true, typ.Name())
	said := comments(t, ".", "../batch", "../tariff")
	for name, s := range r.Map() {
		s.AdditionalProperties = true // fields may be added under the same name
		goType := r.TypeFromRef("#/$defs/" + name)
		if d := said[goType.Name()]; d != "" {
			s.Description = d
		}
		for field, p := range s.Properties {
			for i := range goType.NumField() {
				f := goType.Field(i)
				if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == field {
					if d := said[goType.Name()+"."+f.Name]; d != "" && p.Ref == "" {
						p.Description = d
					}
				}
			}
		}
	}
	out, err := json.Marshal(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": id, "title": title, "$ref": top.Ref, "$defs": r.Map(),
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, out, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// comments are those of types and fields, by "Type" and "Type.Field".
func comments(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				d, ok := n.(*ast.GenDecl)
				if !ok || d.Tok != token.TYPE {
					return true
				}
				for _, spec := range d.Specs {
					typ := spec.(*ast.TypeSpec)
					out[typ.Name.Name] = strings.Join(strings.Fields(d.Doc.Text()), " ")
					s, ok := typ.Type.(*ast.StructType)
					if !ok {
						continue
					}
					for _, field := range s.Fields.List {
						for _, name := range field.Names {
							out[typ.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()+" "+field.Comment.Text()), " ")
						}
					}
				}
				return true
			})
		}
	}
	return out
}

// TestSchema keeps the schemas that docs/ shows as the types are, and every
// report that is written as the schema says.
func TestSchema(t *testing.T) {
	for _, c := range []struct {
		file, title string
		typ         reflect.Type
		reports     []any
	}{
		{"report-v1.schema.json", "The morning report of a night", reflect.TypeFor[report.Morning](), func() (all []any) {
			for _, night := range []func() (report.Morning, []report.Row){passed, hard, empty} {
				m, _ := night()
				all = append(all, m)
			}
			return all
		}()},
		{"month-v1.schema.json", "What the nights of a month came to", reflect.TypeFor[report.Month](), []any{
			report.NewMonth("2026-11", []report.MonthNight{{Night: "2026-11-02"}}, 5, 1, 0, 0, money.One/2), report.NewMonth("2026-12", nil, 0, 0, 0, 0, 0),
		}},
	} {
		path := filepath.Join("..", "docs", "schemas", c.file)
		text := schemaOf(t, c.typ, "offpeak/"+strings.TrimSuffix(c.file, ".schema.json"), c.title)
		golden(t, path, text)
		on, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(on))
		if err != nil {
			t.Fatal(err)
		}
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		if err := compiler.AddResource("schema.json", doc); err != nil {
			t.Fatal(err)
		}
		schema, err := compiler.Compile("schema.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range c.reports {
			written, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(written))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s: %v", c.file, err)
			}
			value.(map[string]any)["schema"] = 7.0
			if schema.Validate(value) == nil {
				t.Errorf("%s lets a wrong report pass", c.file)
			}
		}
	}
}
