package dialect

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Cost is what a job is expected to cost and the most that it can: declared by
// the job or here. wrong says what the API wouldn't take.
func (d *Dialect) Cost(j batch.Job) (estimate, ceiling money.USD, wrong []string) {
	wrong = d.CheckJob(j.Request)
	fixed := d.Price.Fixed
	switch {
	case j.Ceiling > 0:
		ceiling = j.Ceiling
	case d.Price.Ceiling != nil:
		ceiling = *d.Price.Ceiling
	case fixed != nil:
		ceiling = *fixed
	default:
		wrong = append(wrong, "it has no ceiling: say in dollars what it can cost at most, in the job or under defaults")
	}
	if fixed != nil && j.Ceiling > 0 && *fixed > j.Ceiling {
		wrong = append(wrong, fmt.Sprintf("its ceiling of %s is below the price of %s", j.Ceiling.Dollars(), fixed.Dollars()))
	}
	estimate = ceiling
	if fixed != nil {
		estimate = *fixed
	}
	if j.Estimate > 0 {
		estimate = j.Estimate
	}
	return estimate, ceiling, wrong
}

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

// Output is what a job produced, of an answer as it was kept: the answer itself.
func Output(answer []byte) (json.RawMessage, error) {
	if !json.Valid(answer) {
		return nil, errors.New("it isn't JSON")
	}
	return answer, nil
}
