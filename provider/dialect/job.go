package dialect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CheckJob says everything that is wrong with a job's request.
func (d *Dialect) CheckJob(request json.RawMessage) (wrong []string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(request, &fields) != nil {
		return []string{"its request is no object"}
	}
	known := slices.Sorted(maps.Keys(d.Job.Fields))
	for _, name := range known {
		f := d.Job.Fields[name]
		v, ok := fields[name]
		switch {
		case !ok && f.Required:
			wrong = append(wrong, fmt.Sprintf("request.%s is missing", name))
		case !ok:
		case !f.fits(v):
			wrong = append(wrong, fmt.Sprintf("request.%s isn't %s", name, f.want()))
		case len(f.OneOf) > 0 && !slices.Contains(f.OneOf, plain(v)):
			wrong = append(wrong, fmt.Sprintf("request.%s is none of %s", name, strings.Join(f.OneOf, ", ")))
		}
	}
	if d.Job.Open || len(known) == 0 {
		return wrong
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := d.Job.Fields[name]; !ok {
			wrong = append(wrong, fmt.Sprintf("request.%s is no field of %s: known are %s", name, d.Name, strings.Join(known, ", ")))
		}
	}
	return wrong
}

func (f Field) want() string {
	return map[string]string{
		"text": "text", "digits": `a whole number as text, in quotes: "1000000"`, "integer": "a whole number", "number": "a number",
		"boolean": "true or false", "list": "a list", "object": "an object",
	}[f.Type]
}

func (f Field) fits(v json.RawMessage) bool {
	if len(v) == 0 {
		return false
	}
	number := v[0] == '-' || v[0] >= '0' && v[0] <= '9'
	switch f.Type {
	case "text":
		return v[0] == '"' && plain(v) != ""
	case "digits":
		s := plain(v)
		return v[0] == '"' && s != "" && strings.Trim(s, "0123456789") == ""
	case "integer":
		return number && !strings.ContainsAny(string(v), ".eE")
	case "number":
		return number
	case "boolean":
		return v[0] == 't' || v[0] == 'f'
	case "list":
		return v[0] == '['
	case "object":
		return v[0] == '{'
	}
	return true
}
