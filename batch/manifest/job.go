package manifest

import (
	"fmt"
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
	if r.metered {
		return r.meteredJob(n, p, d)
	}
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
		switch {
		case r.anyJobs(&j, f.key, f.value, at):
		case f.key == "expect":
			j.Expect = r.expect(f.value, at)
		default:
			r.requestField(f.key, f.value, at)
		}
	}
	r.named(n, p)
	r.requestWhole(merged{n, d}, n, p)
	if r.count > before {
		return j, false
	}
	fits := r.whole(&j, (merged{n, d}).encode(j.Name), n, p, "shorten it, or let the provider fetch what it is about")
	return j, fits
}

// anyJobs reads a field that jobs have whatever the provider; false for another.
func (r *reader) anyJobs(j *batch.Job, key string, value *node, at *path) bool {
	switch key {
	case "name":
		j.Name = r.jobName(value, at)
	case "needed_by":
		j.NeededBy = r.instant(value, at)
	case "priority":
		j.Priority = r.priority(value, at)
	default:
		return false
	}
	return true
}

func (r *reader) named(n *node, p *path) {
	if n.get("name") == nil {
		r.at(n, p.field("name"), "", "is missing", "name each job")
	}
}

// whole gives a job its request, unless that is too large.
func (r *reader) whole(j *batch.Job, request []byte, n *node, p *path, hint string) bool {
	if len(request) > batch.MaxRequest {
		r.at(n, p, "", fmt.Sprintf("is a request of %s bytes, more than %s", grouped(len(request)), grouped(batch.MaxRequest)), hint)
		return false
	}
	j.Request = request
	return true
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

// instant reads a moment. A time without an offset could be anyone's, so the
// offset is required.
func (r *reader) instant(n *node, p *path) time.Time {
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
