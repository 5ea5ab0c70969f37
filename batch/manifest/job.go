package manifest

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/offpeak/offpeak/batch"
)

// A job's own fields; every other one is the provider's.
var (
	jobFields    = []string{"name", "expect", "needed_by", "priority"}
	expectFields = []string{"input_tokens", "output_tokens"}
)

// Bounds of a job's own numbers.
const (
	MaxPriority = 1000          // and -1000 is the least
	MaxTokens   = 1_000_000_000 // of one job; far above any model's context
)

// maxTotal bounds what defaults and inline jobs grow to when the one is merged
// under each of the other.
const maxTotal = 64 << 20

// defaults is what is merged under each job. A job's key replaces the
// default's whole; nothing is merged inside of it.
type defaults struct {
	request  map[string]*node
	encoded  map[string][]byte // the request's values, encoded once
	expect   *batch.Expect
	priority int
}

func (r *reader) defaults(n *node, p *path) *defaults {
	d := &defaults{request: map[string]*node{}, encoded: map[string][]byte{}}
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

// jobs reads the inline list.
func (r *reader) jobs(n *node, p *path, d *defaults) []batch.Job {
	switch {
	case n.kind != list:
		r.want(n, p, "a list of jobs")
		return nil
	case len(n.items) == 0:
		r.at(n, p, "", "is an empty list", "list at least one job, or remove the key and use jobs_from")
		return nil
	case len(n.items) > batch.MaxInlineJobs:
		r.at(n, p, "", fmt.Sprintf("has %s jobs, more than %s", grouped(len(n.items)), grouped(batch.MaxInlineJobs)), manyJobs)
		return nil
	}
	out := make([]batch.Job, 0, len(n.items))
	lines := make(map[string]int, len(n.items))
	for i, c := range n.items {
		at := p.item(i)
		j, ok := r.job(c, at, d)
		if j.Name != "" {
			if first, twice := lines[j.Name]; twice {
				name := c.get("name")
				r.at(name, at.field("name"), j.Name, fmt.Sprintf("%q is given twice, first in line %d", clip(j.Name), first), uniqueHint)
			} else {
				lines[j.Name] = c.line
			}
		}
		if r.total += len(j.Request); r.total > maxTotal {
			r.at(c, at, "", fmt.Sprintf("brings the jobs, each with its defaults, above %s bytes", grouped(maxTotal)), manyJobs)
			return nil
		}
		if ok {
			out = append(out, j)
		}
	}
	return out
}

// job reads one job; false means that something was wrong with it. A name that
// could be read is there even then.
func (r *reader) job(n *node, p *path, d *defaults) (batch.Job, bool) {
	j := batch.Job{Priority: d.priority}
	if d.expect != nil {
		e := *d.expect // a job's own copy: nobody changes all by changing one
		j.Expect = &e
	}
	before := r.count
	if !r.object(n, p, "a job", nil) {
		return j, false
	}
	for _, f := range n.fields {
		at := p.field(f.key)
		switch f.key {
		case "name":
			j.Name = r.jobName(f.value, at)
		case "expect":
			j.Expect = r.expect(f.value, at)
		case "needed_by":
			j.NeededBy = r.neededBy(f.value, at)
		case "priority":
			j.Priority = r.priority(f.value, at)
		default:
			r.requestField(f.key, f.value, at)
		}
	}
	if n.get("name") == nil {
		r.at(n, p.field("name"), "", "is missing", "name each job")
	}
	r.requestWhole(merged{n, d}, n, p)
	if r.count > before {
		return j, false
	}
	if j.Request = (merged{n, d}).encode(j.Name); len(j.Request) > batch.MaxRequest {
		r.at(n, p, "", fmt.Sprintf("is a request of %s bytes, more than %s", grouped(len(j.Request)), grouped(batch.MaxRequest)),
			"shorten it, or let the provider fetch what it is about")
		j.Request = nil
		return j, false
	}
	return j, true
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

// jobName is trimmed, and printable because it ends up on screens and in
// other people's logs.
func (r *reader) jobName(n *node, p *path) string {
	s, ok := r.word(n, p)
	if !ok {
		return ""
	}
	s = strings.TrimSpace(s)
	if i := strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }); i >= 0 {
		c, _ := utf8.DecodeRuneInString(s[i:])
		r.at(n, p, "", fmt.Sprintf("has the character %U, which can't be printed", c), "use letters, digits, marks and plain spaces")
		return ""
	}
	if length := utf8.RuneCountInString(s); length > batch.MaxJobName {
		r.at(n, p, s, fmt.Sprintf("has %s characters, more than %d", grouped(length), batch.MaxJobName), "shorten it")
		return ""
	}
	return s
}

func (r *reader) expect(n *node, p *path) *batch.Expect {
	if !r.object(n, p, "expect", expectFields) {
		return nil
	}
	e := &batch.Expect{}
	for _, f := range []struct {
		key string
		to  *int64
	}{{"input_tokens", &e.InputTokens}, {"output_tokens", &e.OutputTokens}} {
		if c := n.get(f.key); c == nil {
			r.at(n, p.field(f.key), "", "is missing", "an estimate needs both input_tokens and output_tokens")
		} else {
			*f.to, _ = r.integer(c, p.field(f.key), 0, MaxTokens)
		}
	}
	return e
}

func (r *reader) priority(n *node, p *path) int {
	v, _ := r.integer(n, p, -MaxPriority, MaxPriority)
	return int(v)
}

// neededBy is an instant. A time without an offset could be anyone's, so the
// offset is required.
func (r *reader) neededBy(n *node, p *path) time.Time {
	s, ok := r.text(n, p)
	if !ok {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		r.at(n, p, s, fmt.Sprintf("%q is not an instant", clip(s)), "write it with its offset from UTC, such as 2026-11-23T05:00:00-08:00")
		return time.Time{}
	}
	return t.UTC()
}
