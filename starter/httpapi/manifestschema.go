package httpapi

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/offpeak/offpeak/batch"
)

// manifestSchema describes a manifest for people and clients. It is looser than
// batch/manifest, which judges: amounts may be numbers or texts, and a job's
// request passes through.
type manifestSchema struct{}

// Schema is one of the two forms of a body.
func (manifestSchema) Schema(huma.Registry) *huma.Schema {
	text := func(what string, examples ...any) *huma.Schema {
		return &huma.Schema{Type: "string", Description: what, Examples: examples}
	}
	closed := func(what string, fields map[string]*huma.Schema, required ...string) *huma.Schema {
		return &huma.Schema{Type: "object", Description: what, Properties: fields, Required: required, AdditionalProperties: false}
	}
	amount := func(what string) *huma.Schema {
		return &huma.Schema{Description: what + ", in dollars: a text, or a number with at most six decimals", OneOf: []*huma.Schema{{Type: "string"}, {Type: "number"}}}
	}
	hours := closed("When it is cheap, and when to work", map[string]*huma.Schema{
		"timezone": text("IANA name", "America/Los_Angeles"), "open": text("When the cheap hours begin", "20:00"), "close": text("and end", "06:00"),
		"start_at": text("When the night starts", "21:00"), "finish_by": text("and has ended", "05:00"), "buffer": text("Nothing starts or ends within it of an edge", "15m"),
		"weekdays": {Type: "array", Items: text("mon, tue, ...")},
	})
	most := batch.MaxInlineJobs
	whole := closed("A manifest, as docs/manifest.md has it", map[string]*huma.Schema{
		"name":     {Type: "string", Description: "Names the batch", Pattern: `^[a-z0-9][a-z0-9._-]{0,62}$`, Examples: []any{"market-digest"}},
		"provider": text("The API: swarms, swiftia, allswap, or custom with dialect", "swarms"),
		"dialect":  text("With provider custom: the name of a declaration that the workers have", "glyphmill"),
		"defaults": {Type: "object", Description: "Merged under each job's request", AdditionalProperties: true},
		"window":   hours,
		"budget":   closed("Caps; checked before anything is sent", map[string]*huma.Schema{"per_job": amount("Of one job"), "batch": amount("Of the batch"), "day": amount("Of the key on one night")}),
		"policy":   {Type: "object", Description: "How the night is run", AdditionalProperties: true},
		"jobs": {
			Type: "array", Description: "The jobs; more belong in jobs_from", MaxItems: &most,
			Items: &huma.Schema{Type: "object", Description: "A job: the provider's request, and name, expect, needed_by, priority", AdditionalProperties: true},
		},
		"jobs_from": text("URL of a file with one job a line: one that POST /v1/uploads answered, or one below an allowed root", "s3://bucket/jobs.jsonl?region=eu-central-1"),
	}, "name")
	named := closed("A manifest that the worker reads", map[string]*huma.Schema{
		"manifest": text("Its URL, below an allowed root", "file:///srv/nights/digest.yaml"),
		"name":     text("Its name: needed only where this server can't read it", "market-digest"),
		"window":   hours,
	}, "manifest")
	return &huma.Schema{OneOf: []*huma.Schema{whole, named}}
}

const exampleManifest = `{"name":"market-digest","provider":"swarms",
 "defaults":{"swarm_type":"SequentialWorkflow","agents":[{"agent_name":"Scanner","model_name":"gpt-4o-mini","max_tokens":1024}]},
 "budget":{"per_job":"5.00","batch":"50.00"},
 "jobs":[{"name":"EU Market Digest","task":"Summarize today's EU SaaS funding announcements.","expect":{"input_tokens":6000,"output_tokens":3000}}]}`

const exampleYAML = `name: market-digest
provider: swarms
jobs_from: s3://bucket/jobs.jsonl?region=eu-central-1
`

func (a *API) manifestBody(required bool) *huma.RequestBody {
	return &huma.RequestBody{Required: required, Description: "A manifest, or the URL of one", Content: map[string]*huma.MediaType{
		jsonType: {Schema: a.schemaOf(reflect.TypeFor[manifestSchema]()), Example: json.RawMessage(exampleManifest)},
		yamlType: {Schema: &huma.Schema{Type: "string", Description: "A manifest in YAML"}, Example: exampleYAML},
	}}
}

// Schema is a manifest, or the URL of one.
func (scheduledInput) Schema(huma.Registry) *huma.Schema {
	whole := manifestSchema{}.Schema(nil).OneOf[0]
	return &huma.Schema{OneOf: []*huma.Schema{whole, {Type: "string", Description: "The URL of a manifest, below an allowed root"}}}
}

// UnmarshalJSON keeps it as it is.
func (s *scheduledInput) UnmarshalJSON(b []byte) error {
	*s = append((*s)[:0], b...)
	return nil
}
