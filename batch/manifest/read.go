package manifest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Bounds of a policy's fields.
const (
	MinRequestTimeout = time.Second
	MaxRequestTimeout = time.Hour
	MaxLogLag         = 24 * time.Hour

	// The API works on ten of a batch's runs at once, so that a larger request
	// takes several times as long, and more hangs on one connection (Swarms docs,
	// batch-swarm-completions; the docs' own scripts send up to 125).
	MinBatchSize     = 2
	MaxBatchSize     = 100
	DefaultBatchSize = 10
)

// What a manifest says when it doesn't say.
var (
	defaultBudget = batch.Budget{PerJob: 5 * money.Dollar, Batch: 50 * money.Dollar}
	defaultPolicy = batch.Policy{
		OnUnknown: batch.OnUnknownVerify, Compliance: batch.ComplianceNone, Mode: batch.ModeAuto, FanOut: batch.FanOutAuto, BatchSize: DefaultBatchSize,
		RequestTimeout: 600 * time.Second, LogLag: 2 * time.Minute, CarryOver: true,
	}
)

// providers are the values that a manifest's provider may have; custom goes
// with dialect, the name of a declaration that the workers were given.
var providers = []string{batch.Swarms, "swiftia", "allswap", custom}

const custom = "custom"

var (
	manifestFields = []string{"name", "provider", "dialect", "defaults", "window", "budget", "policy", "jobs", "jobs_from"}
	budgetFields   = []string{"per_job", "batch", "day"}
	policyFields   = []string{"on_unknown", "compliance", "mode", "fan_out", "batch_size", "request_timeout", "log_lag", "carry_over"}
)

// Read reads a manifest in YAML or JSON (text that begins with '{' is JSON),
// applies defaults and checks everything that can be checked without asking
// anyone. The error is Problems: all of them, in order of position. source
// names the input in them.
//
// Only name and one of jobs and jobs_from are required. The file that
// jobs_from names is not opened: see Stream.
func Read(source string, data []byte) (batch.Manifest, error) {
	m, _, err := read(source, data)
	return m, err
}

// JSON is the same manifest as one compact JSON value for a Temporal payload:
// number literals as they were written, keys in the order written, comments
// and aliases gone. It Reads to an equal manifest; what can't be read isn't
// converted, and the error is that of Read.
func JSON(source string, data []byte) (json.RawMessage, error) {
	_, root, err := read(source, data)
	if err != nil {
		return nil, err
	}
	return root.encode(make([]byte, 0, root.size), false), nil
}

func read(source string, data []byte) (batch.Manifest, *node, error) {
	f := &finder{source: source}
	root := document(f, data)
	if root == nil {
		return batch.Manifest{}, nil, f.err()
	}
	r := &reader{finder: f}
	m := r.manifest(root)
	if err := f.err(); err != nil {
		return batch.Manifest{}, nil, err
	}
	return m, root, nil
}

func (r *reader) manifest(root *node) batch.Manifest {
	m := batch.Manifest{Provider: providers[0], Window: tariff.SwarmsWindow(), Budget: defaultBudget, Policy: defaultPolicy}
	if root.kind != object {
		r.want(root, nil, "an object")
		return m
	}
	for _, f := range root.fields {
		if !slices.Contains(manifestFields, f.key) {
			r.add(f.line, f.column, (*path)(nil).field(f.key), "", "is not a field of a manifest", strayHint(f.key))
		}
	}
	fits(r.finder, root)
	var top *path
	if n := root.get("name"); n == nil {
		r.at(root, top.field("name"), "", "is missing", "name the batch, such as market-digest")
	} else if s, ok := r.text(n, top.field("name")); ok {
		m.Name = batch.Name(s)
		if m.Name.Valid() != nil {
			r.at(n, top.field("name"), s, fmt.Sprintf("%q is not a batch name", clip(s)),
				fmt.Sprintf("1 to %d of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit", batch.MaxName))
		}
	}
	if n := root.get("provider"); n != nil {
		m.Provider, _ = r.oneOf(n, top.field("provider"), providers...)
	}
	r.dialect(root, &m)
	if n := root.get("window"); n != nil {
		m.Window = r.window(n, top.field("window"))
	}
	if n := root.get("budget"); n != nil {
		r.budget(n, top.field("budget"), &m.Budget)
	}
	if n := root.get("policy"); n != nil {
		r.policy(n, top.field("policy"), &m.Policy)
	}
	r.regulated = m.Policy.Compliance == batch.ComplianceRegulated && !r.metered
	r.work(root, &m)
	return m
}

// strayHint knows the fields of a job and keys: both turn up at the top.
func strayHint(key string) string {
	low := strings.ToLower(strings.ReplaceAll(key, "-", "_"))
	switch _, request := swarmFields[key]; {
	case request || slices.Contains(jobFields, key):
		return "it belongs to a job, or under defaults"
	case strings.Contains(low, "api_key") || strings.Contains(low, "apikey"):
		return "a manifest holds no keys: set SWARMS_API_KEY for the worker"
	}
	return suggest(key, manifestFields)
}

func (r *reader) budget(n *node, p *path, b *batch.Budget) {
	if !r.object(n, p, "a budget", budgetFields) {
		return
	}
	if c := n.get("per_job"); c != nil {
		b.PerJob, _ = r.dollars(c, p.field("per_job"))
	}
	if c := n.get("batch"); c != nil {
		b.Batch, _ = r.dollars(c, p.field("batch"))
	}
	if c := n.get("day"); c != nil {
		b.Day, _ = r.dollars(c, p.field("day"))
	}
}

func (r *reader) policy(n *node, p *path, to *batch.Policy) {
	if !r.object(n, p, "a policy", policyFields) {
		return
	}
	if c := n.get("on_unknown"); c != nil {
		to.OnUnknown, _ = r.oneOf(c, p.field("on_unknown"), batch.OnUnknownVerify, batch.OnUnknownHold, batch.OnUnknownResend)
	}
	if c := n.get("compliance"); c != nil {
		to.Compliance, _ = r.oneOf(c, p.field("compliance"), batch.ComplianceNone, batch.ComplianceRegulated)
		if r.metered && to.Compliance == batch.ComplianceRegulated {
			r.at(c, p.field("compliance"), to.Compliance, "is about models, which only provider swarms has", "remove it")
		}
	}
	if c := n.get("mode"); c != nil {
		to.Mode, _ = r.oneOf(c, p.field("mode"), batch.ModeAuto, batch.ModeSingle, batch.ModeBatch)
	}
	if c := n.get("fan_out"); c != nil {
		to.FanOut, _ = r.oneOf(c, p.field("fan_out"), batch.FanOutAuto, batch.FanOutJobs, batch.FanOutLanes)
	}
	if c := n.get("batch_size"); c != nil {
		size, _ := r.integer(c, p.field("batch_size"), MinBatchSize, MaxBatchSize)
		to.BatchSize = int(size)
	}
	if c := n.get("request_timeout"); c != nil {
		to.RequestTimeout, _ = r.duration(c, p.field("request_timeout"), MinRequestTimeout, MaxRequestTimeout)
	}
	if c := n.get("log_lag"); c != nil {
		to.LogLag, _ = r.duration(c, p.field("log_lag"), 0, MaxLogLag)
	}
	if c := n.get("carry_over"); c != nil {
		to.CarryOver = r.truth(c, p.field("carry_over"))
	}
}

// work reads defaults, jobs and jobs_from.
func (r *reader) work(root *node, m *batch.Manifest) {
	var top *path
	d := &defaults{}
	if n := root.get("defaults"); n != nil {
		if d = r.defaults(n, top.field("defaults")); n.kind == object && len(n.fields) > 0 {
			m.Defaults = n.encode(make([]byte, 0, n.size), true)
		}
	}
	from, jobs := root.get("jobs_from"), root.get("jobs")
	if from != nil {
		m.JobsFrom = r.jobsFrom(from, top.field("jobs_from"))
	}
	switch {
	case jobs != nil:
		m.Jobs = r.jobs(jobs, top.field("jobs"), d)
	case from == nil:
		r.at(root, nil, "", "has neither jobs nor jobs_from", "list the jobs under jobs, or name a file of them in jobs_from")
	}
}

func (r *reader) jobsFrom(n *node, p *path) string {
	s, ok := r.word(n, p)
	if !ok {
		return ""
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		r.at(n, p, "", "has a control character", "write a path or a URL")
		return ""
	}
	if strings.Contains(s, "://") {
		u, err := url.Parse(s)
		switch { // the URL isn't repeated: it may hold a secret
		case err != nil:
			r.at(n, p, "", "is not a URL", "write file:///... or a path")
			return ""
		case u.User != nil:
			r.at(n, p, "", "has a user or a password in its URL", "a manifest holds no secrets: give them to the worker")
			return ""
		}
	}
	return s
}
