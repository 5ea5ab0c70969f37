package dialect

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/offpeak/offpeak/provider/wire"
)

var (
	nameForm    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	wordForm    = regexp.MustCompile(`^[a-zA-Z][A-Za-z0-9_-]{0,63}$`)
	envForm     = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,63}$`)
	pointerForm = regexp.MustCompile(`^(/([^~]|~0|~1)*)*$`)
	methods     = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	types       = []string{"text", "digits", "integer", "number", "boolean", "list", "object", "any"}
	actions     = []Action{Reject, Limited, Retry, Stop, Hold, Redo, Spent, Unknown}
)

// reserved are names that belong to others: the worker's own variables, which a
// declaration must not send away.
var reserved = []string{"OFFPEAK_", "SWARMS_", "TEMPORAL_", "AWS_", "PG"}

// check says what is wrong with the whole, once every part could be read.
func (r *reader) check(d *Dialect) {
	r.head(d)
	r.variables(d)
	r.limits(d)
	r.must(pointers(d.Errors.Code), "errors.code")
	r.must(pointers(d.Errors.Message), "errors.message")
	r.must(pointers(d.Errors.Ticket), "errors.ticket")
	r.steps(d)
	r.answers(d)
	r.lookup(d)
	r.price(d)
	for name, f := range d.Job.Fields {
		path := "job.fields." + name
		r.must(wordForm.MatchString(name), path)
		r.oneOf(f.Type, path+".type", types...)
	}
	if b := d.Backoff; b.Jitter != "" {
		r.oneOf(b.Jitter, "backoff.jitter", Full, Added)
	}
	if d.Backoff.Most < 0 || d.Backoff.Most > 20 || d.Backoff.Add < 0 || d.Backoff.Add > 100 {
		r.at("backoff", "most is from 0 to 20, add from 0 to 100 percent")
	}
}

// must adds a problem where a form isn't kept.
func (r *reader) must(ok bool, path string) {
	if !ok {
		r.at(path, "isn't in its form: names are letters, digits, '_' and '-'; pointers begin with /; see docs/adding-a-provider.md")
	}
}

func (r *reader) oneOf(v, path string, allowed ...string) {
	if !slices.Contains(allowed, v) {
		r.at(path, "%q is none of %s", v, strings.Join(allowed, ", "))
	}
}

func (r *reader) head(d *Dialect) {
	if d.Format != 1 {
		r.at("dialect", "%d is no version of this document: write 1", d.Format)
	}
	if !nameForm.MatchString(d.Name) || d.Name == "swarms" || d.Name == "custom" {
		r.at("name", "%q is no name for an API: a-z, 0-9 and '-', beginning with a letter; not swarms, not custom", d.Name)
	}
	if _, err := wire.ParseBase(d.BaseURL, "a secret"); err != nil {
		r.at("base_url", "%v", err)
	}
	if d.BaseFrom != "" {
		r.env(d.BaseFrom, "base_from")
	}
	if d.AtOnce < 0 || d.AtOnce > MaxAtOnce {
		r.at("at_once", "%d is not from 1 to %d", d.AtOnce, MaxAtOnce)
	}
}

func (r *reader) env(name, path string) {
	if !envForm.MatchString(name) {
		r.at(path, "%q is no name of a variable: capitals, digits and '_'", name)
	}
	for _, p := range reserved {
		if strings.HasPrefix(name, p) {
			r.at(path, "%s belongs to the worker itself: a declaration must not send it anywhere; name one of its own", name)
		}
	}
}

func (r *reader) variables(d *Dialect) {
	if len(d.Secrets) == 0 {
		r.at("secrets", "there is none: who pays must be told by something")
	}
	for name, v := range d.Secrets {
		r.must(wordForm.MatchString(name), "secrets."+name)
		r.env(v.From, "secrets."+name+".from")
		if v.Default != "" {
			r.at("secrets."+name+".default", "a secret has no default")
		}
	}
	for name, v := range d.Settings {
		r.must(wordForm.MatchString(name), "settings."+name)
		r.env(v.From, "settings."+name+".from")
	}
	sends := false
	for name, t := range d.Headers {
		r.header(d, name, t, "headers."+name)
		for _, ref := range t.refs() {
			sends = sends || strings.HasPrefix(ref, "secret.")
		}
	}
	if !sends && len(d.Secrets) > 0 {
		r.at("headers", "none of them holds a secret: name one as {secret.%s}", slices.Sorted(maps.Keys(d.Secrets))[0])
	}
	r.refs(d, d.Scope.refs(), -1, "scope", "setting")
}

// header checks one header. Idempotency-Key is refused: net/http itself sends a
// POST that carries it a second time when a kept connection dies.
func (r *reader) header(d *Dialect, name string, t Text, path string) {
	switch http.CanonicalHeaderKey(name) {
	case "Idempotency-Key", "X-Idempotency-Key":
		r.at(path, "Go's HTTP client sends a request that carries it twice by itself; use a reference in the body or the path")
	case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Accept-Encoding":
		r.at(path, "is the transport's own")
	}
	r.must(wordForm.MatchString(name), path)
	r.refs(d, t.refs(), len(d.Steps), path, "secret", "setting", "id")
}

func (r *reader) limits(d *Dialect) {
	seen := map[string]bool{}
	for i, l := range d.Limits {
		path := fmt.Sprintf("limits[%d]", i)
		r.must(wordForm.MatchString(l.Name), path+".name")
		if seen[l.Name] {
			r.at(path+".name", "%s is given twice", l.Name)
		}
		seen[l.Name] = true
		if l.Span <= 0 || l.Span > 366*24*time.Hour {
			r.at(path+".span", "must be above zero, and a year at most")
		}
		if l.Limit < 0 {
			r.at(path+".limit", "can't be below zero")
		}
		if _, s := d.Step(l.Step); l.Step != "" && s == nil {
			r.at(path+".step", "there is no step %s", l.Step)
		}
		if _, ok := d.Settings[l.From]; l.From != "" && !ok {
			r.at(path+".from", "there is no setting %s", l.From)
		}
		if l.Limit == 0 && l.From == "" && (d.Told == nil || d.Told.Window != l.Name) {
			r.at(path+".limit", "nobody says how many: give limit, from, or name the window in told")
		}
	}
	if t := d.Told; t != nil {
		if !seen[t.Window] {
			r.at("told.window", "%q is none of the limits", t.Window)
		}
		if t.Limit == "" || t.Remaining == "" {
			r.at("told", "needs the headers limit and remaining")
		}
		if t.Reset != "" {
			r.oneOf(t.ResetIs, "told.reset_is", Seconds, Milliseconds, ISO, InSeconds)
		}
	}
	if d.Wait.Rule != "" {
		r.oneOf(d.Wait.Rule, "wait.rule", Verbatim, Later)
	}
	r.must(pointers([]string{d.Wait.Body}), "wait.body")
	if d.Wait.Else == 0 {
		r.at("wait.else", "is missing: how long a refusal is waited for that doesn't say")
	}
}

func pointers(list []string) bool {
	return !slices.ContainsFunc(list, func(p string) bool { return !pointerForm.MatchString(p) })
}

func (r *reader) steps(d *Dialect) {
	if len(d.Steps) == 0 {
		r.at("steps", "there is none")
		return
	}
	paid, seen := 0, map[string]bool{"job": true, "secret": true, "setting": true, "id": true, "name": true}
	for i, s := range d.Steps {
		path := fmt.Sprintf("steps[%d]", i)
		if !wordForm.MatchString(s.Name) || seen[s.Name] {
			r.at(path+".name", "%q is no name of its own: one word, not job, secret, setting, id or name, and no other step's", s.Name)
		}
		seen[s.Name] = true
		if s.Paid {
			paid++
		}
		r.request(d, i, path, s.Method, s.Path, s.Query)
		for name, t := range s.Headers {
			r.header(d, name, t, path+".headers."+name)
		}
		if s.Body != nil {
			r.refs(d, s.Body.refs(), i, path+".body", "job", "id", "name", "setting")
			if s.Method == http.MethodGet {
				r.at(path+".body", "a GET has none")
			}
		}
		r.keep(s.Keep, path+".keep")
		switch u := s.Until; {
		case u == nil:
		case paid == 0 || s.Paid:
			r.at(path+".until", "only a step after the paid one is made until something")
		case u.At == "" || len(u.Done) == 0 || len(u.Going) == 0:
			r.at(path+".until", "needs at, done and going: a word that is neither, nor failed, is an error")
		default:
			r.must(pointers([]string{u.At}) && pointers(u.Message) && pointers(u.Progress), path+".until")
		}
		if s.Once != "" {
			if n, made := d.Step(s.Once); !s.Paid || made == nil || n >= i {
				r.at(path+".once", "names an earlier step, and belongs to the paid one")
			}
		}
	}
	if paid != 1 {
		r.at("steps", "%d are paid: exactly one step of a job moves money", paid)
		return
	}
	if last := d.Paid(); len(d.Steps) > last+2 {
		r.at(fmt.Sprintf("steps[%d]", last+2), "at most one step comes after the paid one: the one that asks for the answer")
	} else if len(d.Steps) == last+2 && len(d.Steps[last].Keep) == 0 {
		r.at(fmt.Sprintf("steps[%d].keep", last), "the step that asks for the answer needs something to ask with")
	}
}

func (r *reader) request(d *Dialect, i int, path, method string, target Text, query map[string]Text) {
	r.oneOf(method, path+".method", methods...)
	if !strings.HasPrefix(string(target), "/") || strings.ContainsAny(string(target), "?#") {
		r.at(path+".path", "%q must begin with / and have no query: that is a field of its own", target)
	}
	r.refs(d, target.refs(), i, path+".path", "job", "id", "setting")
	for name, t := range query {
		r.refs(d, t.refs(), i, path+".query."+name, "job", "id", "setting")
	}
}

func (r *reader) keep(keep map[string][]string, path string) {
	for name, from := range keep {
		r.must(wordForm.MatchString(name), path+"."+name)
		for _, p := range from {
			if h, ok := strings.CutPrefix(p, "header:"); ok {
				r.must(wordForm.MatchString(strings.TrimSuffix(h, "#last")), path+"."+name)
			} else {
				r.must(p != "" && pointers([]string{p}), path+"."+name)
			}
		}
	}
}

// refs checks references: of the kinds that may stand here, and of what steps
// before the i-th keep.
func (r *reader) refs(d *Dialect, refs []string, i int, path string, kinds ...string) {
	for _, ref := range refs {
		kind, name, _ := strings.Cut(ref, ".")
		ok := slices.Contains(kinds, kind)
		switch kind {
		case "secret":
			_, known := d.Secrets[name]
			ok = ok && known
		case "setting":
			_, known := d.Settings[name]
			ok = ok && known
		case "job":
			_, known := d.Job.Fields[name]
			ok = ok && (name == "" || known)
		case "id", "name":
			ok = ok && name == ""
		default:
			n, s := d.Step(kind)
			ok = s != nil && n < i && s.Keep[name] != nil
		}
		if !ok {
			r.at(path, "{%s} is nothing that can stand here: a secret belongs into headers, a job's field is declared in job.fields, and what a step keeps is there for later ones", ref)
		}
	}
}

func (r *reader) answers(d *Dialect) {
	for i, a := range d.Answers {
		path := fmt.Sprintf("answers[%d]", i)
		if !slices.Contains(actions, a.Do) {
			r.at(path+".do", "%q is none of %v", a.Do, actions)
		}
		if len(a.Codes)+len(a.Status) == 0 {
			r.at(path, "needs codes or status")
		}
		if _, s := d.Step(a.Step); a.Step != "" && s == nil {
			r.at(path+".step", "there is no step %s", a.Step)
		}
		if n, from := d.Step(a.From); a.Do == Redo && (from == nil || n >= d.Paid()) {
			r.at(path+".from", "redo begins with a step before the paid one")
		}
		if paid := d.Paid(); a.Do == Spent && (paid < 0 || d.Steps[paid].Once == "") {
			r.at(path+".do", "spent is about what a paid step carries once: declare that step's once")
		}
		if a.Most < 0 || a.Most > 10 {
			r.at(path+".most", "is from 1 to 10")
		}
	}
}

func (r *reader) lookup(d *Dialect) {
	l := d.Lookup
	if l == nil {
		return
	}
	r.request(d, 0, "lookup", l.Method, l.Path, l.Query)
	r.oneOf(l.Method, "lookup.method", http.MethodGet)
	if len(l.Absent) == 0 && l.Empty == "" {
		r.at("lookup", "needs absent (statuses) or empty (a pointer to a list): how it says that there is none")
	}
	r.must(pointers([]string{l.Empty}), "lookup.empty")
	r.keep(l.Keep, "lookup.keep")
	paid := d.Paid()
	if paid < 0 {
		return
	}
	for name := range d.Steps[paid].Keep {
		if len(l.Keep[name]) == 0 {
			r.at("lookup.keep", "%s is missing, which the paid step keeps", name)
		}
	}
}

func (r *reader) price(d *Dialect) {
	p := d.Price
	r.must(pointers(p.At) && pointers(p.ID), "price")
	if len(p.At) > 0 {
		r.oneOf(p.Unit, "price.unit", Dollars, Cents)
		if p.Fixed != nil {
			r.at("price.fixed", "it is read from the answer, or fixed: one of the two")
		}
	}
}

// fill puts the defaults in.
func (d *Dialect) fill() {
	set := func(v *time.Duration, def time.Duration) {
		if *v == 0 {
			*v = def
		}
	}
	if d.AtOnce == 0 {
		d.AtOnce = 16
	}
	set(&d.Wait.Most, 24*time.Hour)
	set(&d.Backoff.Base, 1500*time.Millisecond)
	set(&d.Backoff.Cap, 30*time.Second)
	if d.Backoff.Most == 0 {
		d.Backoff.Most = 4
	}
	if d.Backoff.Jitter == "" {
		d.Backoff.Jitter = Full
	}
	if d.Wait.Rule == "" {
		d.Wait.Rule = Verbatim
	}
	for i := range d.Answers {
		if a := &d.Answers[i]; a.Do == Redo && a.Most == 0 {
			a.Most = 1
		} else if a.Do == Hold {
			set(&a.For, 5*time.Minute)
		}
	}
	for i := range d.Steps {
		if u := d.Steps[i].Until; u != nil {
			set(&u.First, 5*time.Second)
			set(&u.Every, u.First)
			set(&u.Cap, max(time.Minute, u.Every))
			set(&u.Within, 24*time.Hour)
		}
	}
}
