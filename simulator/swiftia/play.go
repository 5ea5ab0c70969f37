package swiftia

import (
	"net/http"
	"strings"

	"github.com/offpeak/offpeak/simulator/stage"
)

// The faults that only this API has.
const (
	KindFullStorage = "full_storage" // 403 with storageInfo instead of a code
	KindPhone       = "phone"        // 403 that asks for a phone number
	KindJobFailed   = "job_failed"   // the job ends FAILED
	KindLate        = "late"         // the job takes delay longer
	KindNoWebhook   = "no_webhook"   // it never calls back
	KindDupWebhook  = "dup_webhook"  // it calls back twice
	KindRenderError = "render_error" // the render ends in an error
)

var limitsSwitch = []string{"organisation", "two_per_second", "plan"}

// Switches are what the public pages leave open or say differently.
var Switches = []stage.Switch{
	{Name: "limits", Words: limitsSwitch, Means: "1 in 2 s; 2 in 1 s as on an older page; by plan as in pre-production"},
	{Name: "rate_headers", Words: []string{"refused", "all", "none"}, Means: "on 429 only; on every answer that a limit concerns; never"},
	{Name: "retry_after", Words: []string{"documented", "truthful", "absent"}, Means: "always 1, header and body; the whole seconds that are left; none"},
	{Name: "refused_count", Words: []string{"off", "on"}, Means: "a refused request takes room in the window itself"},
	{Name: "job_key", Words: []string{"jobId", "id", "both"}, Means: "what the answer to POST /api/jobs calls the job; id is newer"},
	{Name: "created", Words: []string{"200", "201"}, Means: "status of what was created"},
	{Name: "failed_cost", Words: []string{"free", "charged"}, Means: "what a FAILED job costs"},
	{Name: "render_error", Words: []string{"type", "code"}, Means: `{"type":"error"} with 200; a RENDERING_ERROR envelope`},
	{Name: "list_jobs", Words: []string{"none", "array"}, Means: "GET /api/jobs is 404; a guessed list, newest first"},
	{Name: "v1_paths", Words: []string{"off", "on"}, Means: "/v1/... is answered as /api/..., as one page's example has it"},
}

// play is the API as the stage plays it.
func (s *Server) play() *stage.Play {
	return &stage.Play{
		Name:     "swiftia",
		Switches: Switches,
		Routes: []stage.Route{
			{Method: http.MethodPost, Path: "/api/jobs", Paid: true, Subject: videoOf, Do: s.submit},
			{Method: http.MethodGet, Path: "/api/jobs", Do: s.list},
			{Method: http.MethodGet, Path: "/api/jobs/{id}", Subject: s.jobOf, Do: s.job},
			{Method: http.MethodPost, Path: "/api/render", Paid: true, Subject: s.renderFor, Do: s.startRender},
			{Method: http.MethodGet, Path: "/api/render/{id}", Subject: s.renderOf, Do: s.render},
		},
		Kinds: map[string]stage.Kind{
			KindFullStorage: {}, KindPhone: {}, KindJobFailed: {}, KindLate: {Delay: true},
			KindNoWebhook: {}, KindDupWebhook: {}, KindRenderError: {},
		},
		Codes: codes,
		Path: func(path string, at stage.Positions) string {
			if rest, ok := strings.CutPrefix(path, "/v1/"); ok && at["v1_paths"] == "on" {
				return "/api/" + rest
			}
			return path
		},
		Enter: s.enter,
		Fail:  fail,
		Turn:  turn,
		Admin: map[string]func(bool, []byte) (any, error){
			"webhooks": func(bool, []byte) (any, error) { return s.Calls(), nil },
		},
		Reset: func() {
			s.forget()
			for _, o := range s.orgs {
				s.reset(o)
			}
		},
	}
}

// Describe is the API without a server: its routes, switches, faults and codes.
func Describe() *stage.Play { return (&Server{}).play() }
