package stage

import "strings"

// Play is one API.
type Play struct {
	Name     string // as --dialect says it
	Routes   []Route
	Switches []Switch
	Kinds    map[string]Kind // faults that only this API has
	Codes    map[string]int  // its error codes and their statuses, for faults of kind status
	// Path is the path of the routes that a request's path stands for. Nil: itself.
	Path func(path string, at Positions) string

	// Enter authenticates and limits. It says whether the request goes on;
	// if not, it has answered.
	Enter func(x *Exchange) bool
	// Fail answers with the API's error envelope. Code and detail may be
	// empty: it finds what fits the status.
	Fail func(x *Exchange, status int, code, detail string)
	// Turn answers one request with 429, as a fault; retryAfter may be empty.
	Turn func(x *Exchange, retryAfter string)
	// Admin has what else /__admin/ offers, by name.
	Admin map[string]func(set bool, body []byte) (any, error)
	// Reset forgets all that was bought and counted.
	Reset func()
}

// Route is one method and path.
type Route struct {
	Method string
	Path   string // "/api/jobs/{id}": a segment in braces is whatever stands there
	Paid   bool   // a fault without a route means these
	Open   bool   // needs no key: Enter isn't asked
	// Subject is what the request is about, for fault scripts and the count of
	// tries: a reference of the client's, an id. Nil: the path.
	Subject func(x *Exchange) string
	// Do works and answers, once.
	Do func(x *Exchange)
}

func (r *Route) name() string { return r.Method + " " + r.Path }

// match is the route of a request, and the methods that its path takes.
func (p *Play) match(method, path string) (route *Route, vars map[string]string, allow []string) {
	for i := range p.Routes {
		v, ok := matchPath(p.Routes[i].Path, path)
		if !ok {
			continue
		}
		if p.Routes[i].Method == method {
			return &p.Routes[i], v, nil
		}
		allow = append(allow, p.Routes[i].Method)
	}
	return nil, nil, allow
}

func matchPath(pattern, path string) (map[string]string, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	var vars map[string]string
	for i, w := range want {
		if !strings.HasPrefix(w, "{") {
			if w != got[i] {
				return nil, false
			}
			continue
		}
		if got[i] == "" {
			return nil, false
		}
		if vars == nil {
			vars = map[string]string{}
		}
		vars[strings.Trim(w, "{}")] = got[i]
	}
	return vars, true
}
