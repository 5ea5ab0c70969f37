package manifest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Jobs of providers other than Swarms: the request is an object of its own,
// which passes through; what it must hold is the dialect's to say, at planning.
var (
	meteredJobFields     = []string{"name", "request", "ceiling", "estimate", "needed_by", "priority"}
	meteredDefaultFields = []string{"request", "ceiling", "estimate", "priority"}

	dialectName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
)

// meteredTimeout is how long one of their requests may take: they answer at
// once, and work that takes longer is asked for.
const meteredTimeout = time.Minute

// dialect sees whether the provider is another one than Swarms, and sets what
// is different then: no cheap hours, and no log that could lag.
func (r *reader) dialect(root *node, m *batch.Manifest) {
	var top *path
	n := root.get("dialect")
	switch {
	case m.Provider == custom && n == nil:
		r.at(root, top.field("dialect"), "", "is missing", "name the declaration that the workers were given in OFFPEAK_DIALECTS")
	case m.Provider == custom:
		name, ok := r.text(n, top.field("dialect"))
		if ok && !dialectName.MatchString(name) {
			r.at(n, top.field("dialect"), name, fmt.Sprintf("%q is not a dialect's name", clip(name)),
				"the file is the workers' (OFFPEAK_DIALECTS): say the name that stands in it")
		}
		if ok {
			m.Provider = name
		}
	case n != nil:
		r.at(n, top.field("dialect"), "", "goes with provider: custom only", "remove it")
	}
	if !m.Metered() {
		return
	}
	r.metered = true
	m.Window = r.ownWindow().Fill()
	m.Policy.RequestTimeout, m.Policy.LogLag, m.Policy.Mode = meteredTimeout, 0, batch.ModeSingle
}

func (r *reader) amount(n *node, p *path) money.USD {
	v, _ := r.dollars(n, p)
	return v
}

func (r *reader) meteredDefaults(n *node, p *path, d *defaults) {
	if !r.object(n, p, "the defaults", meteredDefaultFields) {
		return
	}
	for _, f := range n.fields {
		at := p.field(f.key)
		switch f.key {
		case "priority":
			d.priority = r.priority(f.value, at)
		case "ceiling":
			d.ceiling = r.amount(f.value, at)
		case "estimate":
			d.estimate = r.amount(f.value, at)
		case "request":
			if !r.object(f.value, at, "a request", nil) {
				continue
			}
			for _, q := range f.value.fields {
				d.request[q.key] = q.value
				d.encoded[q.key] = q.value.encode(make([]byte, 0, q.value.size), true)
			}
		}
	}
}

func (r *reader) meteredJob(n *node, p *path, d *defaults) (batch.Job, bool) {
	j := batch.Job{Priority: d.priority, Ceiling: d.ceiling, Estimate: d.estimate}
	before := r.count
	if !r.object(n, p, "a job", meteredJobFields) {
		return j, false
	}
	for _, f := range n.fields {
		at := p.field(f.key)
		switch {
		case r.anyJobs(&j, f.key, f.value, at):
		case f.key == "ceiling":
			j.Ceiling = r.amount(f.value, at)
		case f.key == "estimate":
			j.Estimate = r.amount(f.value, at)
		}
	}
	r.named(n, p)
	own := n.get("request")
	switch {
	case own != nil:
		r.object(own, p.field("request"), "a request", nil)
	case len(d.request) == 0:
		r.at(n, p.field("request"), "", "is missing", "it is what the provider is sent")
	}
	if j.Estimate > j.Ceiling && j.Ceiling > 0 {
		r.at(n, p.field("estimate"), "", fmt.Sprintf("%s is above the ceiling of %s", j.Estimate.Dollars(), j.Ceiling.Dollars()), "the ceiling is the most that it can cost")
	}
	if r.count > before {
		return j, false
	}
	fits := r.whole(&j, encodeRequest(own, d), n, p, "shorten it")
	return j, fits
}

// encodeRequest is the request over its defaults: compact, keys sorted at every
// level.
func encodeRequest(own *node, d *defaults) []byte {
	parts := maps.Clone(d.encoded)
	if parts == nil {
		parts = map[string][]byte{}
	}
	if own != nil {
		for _, f := range own.fields {
			parts[f.key] = f.value.encode(make([]byte, 0, f.value.size), true)
		}
	}
	b := []byte{'{'}
	for i, key := range slices.Sorted(maps.Keys(parts)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(quote(b, key), ':'), parts[key]...)
	}
	return append(b, '}')
}
