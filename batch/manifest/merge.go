package manifest

import (
	"slices"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// defaults is what is merged under each job. A job's key replaces the
// default's whole; nothing is merged inside of it.
type defaults struct {
	request  map[string]*node
	encoded  map[string][]byte // the request's values, encoded once
	expect   *batch.Expect
	priority int

	ceiling, estimate money.USD // of jobs whose provider isn't Swarms
}

func (r *reader) defaults(n *node, p *path) *defaults {
	d := &defaults{request: map[string]*node{}, encoded: map[string][]byte{}}
	if r.metered {
		r.meteredDefaults(n, p, d)
		return d
	}
	if !r.object(n, p, "the defaults", nil) {
		return d
	}
	for _, f := range n.fields {
		at := p.field(f.key)
		switch f.key {
		case "name", "needed_by":
			r.add(f.line, f.column, at, "", "can't be a default", "each job has its own")
		case "expect":
			d.expect = r.expect(f.value, at)
		case "priority":
			d.priority = r.priority(f.value, at)
		default:
			r.requestField(f.key, f.value, at)
			d.request[f.key] = f.value
			d.encoded[f.key] = f.value.encode(make([]byte, 0, f.value.size), true)
		}
	}
	return d
}

// merged is a job over its defaults.
type merged struct {
	job *node
	*defaults
}

// get is a request's field, the job's own first; nil when neither has it.
func (m merged) get(key string) *node {
	if c := m.job.get(key); c != nil {
		return c
	}
	return m.request[key]
}

// encode is the request: compact, keys sorted at every level, the name trimmed
// and untagged, our own fields left out.
func (m merged) encode(name string) []byte {
	parts := make(map[string][]byte, len(m.encoded)+len(m.job.fields))
	size := 2
	put := func(key string, value []byte) { parts[key] = value }
	for key, value := range m.encoded {
		put(key, value)
	}
	for _, f := range m.job.fields {
		if !slices.Contains(jobFields, f.key) {
			put(f.key, f.value.encode(make([]byte, 0, f.value.size), true))
		}
	}
	put("name", quote(nil, name))
	keys := make([]string, 0, len(parts))
	for key, value := range parts {
		keys = append(keys, key)
		size += quotedLen(key) + len(value) + 2
	}
	slices.Sort(keys)
	b := append(make([]byte, 0, size), '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(quote(b, key), ':'), parts[key]...)
	}
	return append(b, '}')
}
