package glyphmill

import (
	"net/http"

	"github.com/offpeak/offpeak/simulator/stage"
)

// The faults that only this API has.
const (
	KindBroken     = "broken"      // the reading breaks, and is paid back
	KindLate       = "late"        // it takes delay longer
	KindLateLookup = "late_lookup" // GET by reference finds it delay later only, against the documentation
)

// Switches are what a client should get along with, either way.
var Switches = []stage.Switch{
	{Name: "duplicates", Words: []string{"conflict", "same", "another"}, Means: "a reference that is taken: 409; 200 with its reading; read and billed again"},
	{Name: "body_202", Words: []string{"reading", "empty"}, Means: "what is with Location when a reading is accepted"},
	{Name: "retry_after", Words: []string{"http_date", "seconds", "absent"}, Means: "how a refusal says when there is room"},
	{Name: "day_headers", Words: []string{"all", "none"}, Means: "Glyphmill-Day-* on every answer to a known key; never"},
	{Name: "refused_count", Words: []string{"off", "on"}, Means: "a refused request takes room in the minute itself"},
}

// play is the API as the stage plays it.
func (s *Server) play() *stage.Play {
	return &stage.Play{
		Name:     "glyphmill",
		Switches: Switches,
		Routes: []stage.Route{
			{Method: http.MethodPost, Path: "/2/readings", Paid: true, Subject: referenceOf, Do: s.accept},
			{Method: http.MethodGet, Path: "/2/readings", Subject: func(x *stage.Exchange) string { return x.R.URL.Query().Get("reference") }, Do: s.list},
			{Method: http.MethodGet, Path: "/2/readings/{id}", Subject: s.subjectOf, Do: s.show},
			{Method: http.MethodGet, Path: "/2/readings/{id}/text", Subject: s.subjectOf, Do: s.text},
			{Method: http.MethodGet, Path: "/2/balance", Do: s.balance},
		},
		Kinds: map[string]stage.Kind{KindBroken: {}, KindLate: {Delay: true}, KindLateLookup: {Delay: true}},
		Codes: codes,
		Enter: s.enter,
		Fail:  fail,
		Turn:  turn,
		Reset: s.forget,
	}
}

// Describe is the API without a server: its routes, switches, faults and codes.
func Describe() *stage.Play { return (&Server{}).play() }
