package httpapi

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
	"github.com/offpeak/offpeak/tariff"
)

const (
	bearer  = "bearer"
	read    = keys.Read
	operate = keys.Operate

	ndjson   = "application/x-ndjson"
	jsonType = "application/json"
	yamlType = "application/yaml"

	tagStart    = "Start"
	tagLook     = "Look"
	tagSteer    = "Steer"
	tagPlan     = "Plan"
	tagSchedule = "Schedules"
)

// config is huma's, without its documentation pages: they load scripts from
// other hosts.
func (a *API) config() huma.Config {
	c := huma.DefaultConfig("offpeak", a.Version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.Formats = map[string]huma.Format{jsonType: huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	c.Transformers = []huma.Transformer{a.asProblem}
	c.Info.Description = `Runs batches of paid API jobs in the provider's cheap hours, buys nothing twice, and proves the discount in dollars.
Dollars are strings with six decimals, instants are RFC 3339. A batch is a manifest on one night: ` + "`market-digest/2026-11-22`" + `.`
	c.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	c.Servers = []*huma.Server{{URL: "/", Description: "this server"}}
	c.Tags = []*huma.Tag{
		{Name: tagStart, Description: "Hand a night over."},
		{Name: tagLook, Description: "See how it stands, what became of each job, and what it cost."},
		{Name: tagSteer, Description: "Hold it, let it go on, end it, give it more money, compare its books again."},
		{Name: tagPlan, Description: "Know before anything is started whether a manifest is right and what it will cost. Nothing is sent."},
		{Name: tagSchedule, Description: "Start it every night, by the calendar of the window's zone."},
	}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {
		Type: "http", Scheme: "bearer", Description: "A key with the scope read or operate; operate includes read. A server on loopback may run without keys.",
	}}
	r := c.Components.Schemas
	r.RegisterTypeAlias(reflect.TypeFor[money.USD](), reflect.TypeFor[dollars]())
	r.RegisterTypeAlias(reflect.TypeFor[money.Ratio](), reflect.TypeFor[ratio]())
	r.RegisterTypeAlias(reflect.TypeFor[tariff.Window](), reflect.TypeFor[windowSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[time.Duration](), reflect.TypeFor[nanoseconds]())
	return c
}

// What follows says how types that write their own JSON look.
type (
	dollars      struct{}
	ratio        struct{}
	nanoseconds  struct{}
	windowSchema struct{}
)

// Schema is six decimals.
func (dollars) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Description: "Dollars with six decimals", Pattern: `^-?[0-9]+\.[0-9]{6}$`, Examples: []any{"1.250000"}}
}

// Schema is a decimal.
func (ratio) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Description: "A factor", Pattern: `^-?[0-9]+(\.[0-9]+)?$`, Examples: []any{"0.5"}}
}

// Schema is a whole number.
func (nanoseconds) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "integer", Format: "int64", Description: "Nanoseconds"}
}

// Schema is a window as it is answered; hours that weren't given are left out.
func (windowSchema) Schema(huma.Registry) *huma.Schema {
	text := func(what, example string) *huma.Schema {
		return &huma.Schema{Type: "string", Description: what, Examples: []any{example}}
	}
	return &huma.Schema{
		Type: "object", Required: []string{"zone"}, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{
			"zone": text("IANA name", "America/Los_Angeles"), "open": text("When the cheap hours begin", "20:00"), "close": text("and end", "06:00"),
			"start_at": text("When the night starts", "21:00"), "finish_by": text("and has ended", "05:00"), "buffer": text("Nothing starts or ends within it of an edge", "15m0s"),
			"weekdays": {Type: "array", Items: text("A night by the day on which it opens", "mon")},
			"intervals": {Type: "array", Description: "Instead of open and close: several stretches of cheap hours", Items: &huma.Schema{
				Type: "object", Required: []string{"open", "close"}, AdditionalProperties: false,
				Properties: map[string]*huma.Schema{
					"open": text("When they begin", "12:00"), "close": text("and end", "14:00"),
					"weekdays": {Type: "array", Items: text("A day on which they begin", "mon")},
				},
			}},
			"always":     {Type: "boolean", Description: "It never closes, and has no hours"},
			"multiplier": text("What tokens cost inside, of their day price, where it isn't the rate card's to say", "0.5"),
		},
	}
}

func (a *API) schemaOf(t reflect.Type) *huma.Schema {
	return a.huma.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

func (a *API) problemResponse(what string) *huma.Response {
	return &huma.Response{Description: what, Content: map[string]*huma.MediaType{problem.ContentType: {Schema: a.schemaOf(reflect.TypeFor[problem.Problem]())}}}
}

// asProblem makes huma's own errors, which are about parameters, problems; and
// gives each problem the headers that belong to it.
func (a *API) asProblem(ctx huma.Context, _ string, v any) (any, error) {
	var p problem.Problem
	switch e := v.(type) {
	case problem.Problem:
		p = e
	case *huma.ErrorModel:
		p = problem.Of(bad(ctx.Operation().OperationID, "", "a parameter is wrong; errors says which", "/docs describes every parameter"))
		for _, d := range e.Errors {
			p.Errors = append(p.Errors, problem.Item{Detail: d.Message, Field: d.Location}) // not its value: it may be long, or private
		}
	default:
		return v, nil
	}
	u := ctx.URL()
	p.Instance = u.EscapedPath()
	ctx.SetHeader("Content-Type", problem.ContentType)
	ctx.SetHeader("Cache-Control", "no-store")
	if after := p.RetryAfter(); after != "" {
		ctx.SetHeader("Retry-After", after)
	}
	return p, nil
}

// Resolve keeps where the body is; huma calls it when the parameters are read.
func (p *Payload) Resolve(ctx huma.Context) []error {
	p.r, p.w = humago.Unwrap(ctx)
	p.contentType, _, _ = cutType(p.r.Header.Get("Content-Type"))
	return nil
}

func ndjsonBody() *huma.RequestBody {
	return &huma.RequestBody{Required: true, Description: "One job a line", Content: map[string]*huma.MediaType{ndjson: {
		Schema:  &huma.Schema{Type: "string", Description: "One JSON object a line: a job as in a manifest's jobs"},
		Example: `{"name":"EU Market Digest","task":"Summarize today's EU SaaS funding announcements."}` + "\n",
	}}}
}

// jsonBody describes a body by its Go type.
func jsonBody[T any](a *API, what string, required bool, example string) *huma.RequestBody {
	return &huma.RequestBody{Required: required, Description: what, Content: map[string]*huma.MediaType{jsonType: {
		Schema: a.schemaOf(reflect.TypeFor[T]()), Example: json.RawMessage(example),
	}}}
}
