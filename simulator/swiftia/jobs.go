package swiftia

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
)

// The states of a job.
const (
	statusProcessing = "PROCESSING"
	statusCompleted  = "COMPLETED"
	statusFailed     = "FAILED"
)

// longestShort is the longest of options.predefinedShorts, in seconds.
const longestShort = 300

// order is the body of POST /api/jobs. Fields that aren't known are ignored.
type order struct {
	Function string `json:"functionName"`
	Video    string `json:"youtubeVideoId"`
	Options  struct {
		Video  string  `json:"youtubeVideoId"`
		Shorts []short `json:"predefinedShorts"`
	} `json:"options"`
	Webhook string `json:"webhook"`
}

type short struct {
	Title string  `json:"title"`
	Start float64 `json:"start"` // seconds
	End   float64 `json:"end"`
}

// job is one that was bought. What it is at an instant follows from the clock.
type job struct {
	id, org, video, webhook string
	number                  int
	shorts                  []short
	begun, ends             time.Time
	fails                   bool
	cost                    money.USD // once done
	bill                    bill
}

func (o *order) video() string { return cmp.Or(o.Video, o.Options.Video) }

// videoOf is what a job is about: its video. A body that can't be read is
// about nothing.
func videoOf(x *stage.Exchange) string {
	var o order
	if json.Unmarshal(x.Body, &o) != nil {
		return ""
	}
	return o.video()
}

// check says what is wrong with an order, or nothing.
func (o *order) check() string {
	switch {
	case o.Function != "VideoShorts":
		return fmt.Sprintf("functionName %q is unknown", o.Function)
	case o.video() == "":
		return "youtubeVideoId is required"
	}
	for i, s := range o.Options.Shorts {
		if s.Start < 0 || s.End <= s.Start || s.End-s.Start > longestShort {
			return fmt.Sprintf("predefinedShorts[%d]: end must be after start by at most %d seconds", i, longestShort)
		}
	}
	if u, err := url.Parse(o.Webhook); o.Webhook != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return "webhook must be a URL"
	}
	return ""
}

// submit is POST /api/jobs: every one is another job.
func (s *Server) submit(x *stage.Exchange) {
	if forbidden(x) {
		return
	}
	var o order
	if err := json.Unmarshal(x.Body, &o); err != nil {
		x.Fail(http.StatusBadRequest, codeInvalid, "The body is not valid JSON: "+err.Error())
		return
	}
	if wrong := o.check(); wrong != "" {
		x.Fail(http.StatusBadRequest, codeInvalid, wrong)
		return
	}
	org := s.caller(x)
	takes := s.opt.Latency.Of(simulator.Digest(s.Seed(), o.video())) + time.Duration(x.Delay(KindLate))
	j := &job{
		org: org.Name, video: o.video(), webhook: o.Webhook, shorts: o.Options.Shorts,
		begun: x.Now(), ends: x.Now().Add(takes), fails: x.Has(KindJobFailed), bill: price(org.Plan, s.source(o.video())),
	}
	if j.cost = j.bill.total; j.fails && x.Is("failed_cost", "free") {
		j.cost = 0
	}
	s.mu.Lock()
	j.number = len(s.jobs) + 1
	j.id = fmt.Sprintf("job_%016x", simulator.Digest(s.Seed(), "job", fmt.Sprint(j.number)))
	s.jobs[j.id] = j
	s.mu.Unlock()
	x.Bought(stage.Purchase{ID: j.id, Kind: "job", Account: j.org, Subject: j.video, At: x.Now(), Cost: j.cost})
	if j.webhook != "" && !x.Has(KindNoWebhook) {
		s.callBack(j, takes, x.Has(KindDupWebhook))
	}
	answer := map[string]string{}
	if !x.Is("job_key", "id") {
		answer["jobId"] = j.id
	}
	if !x.Is("job_key", "jobId") {
		answer["id"] = j.id
	}
	x.JSON(created(x), answer)
}

func created(x *stage.Exchange) int {
	if x.Is("created", "201") {
		return http.StatusCreated
	}
	return http.StatusOK
}

// ofCaller is a job of the caller's organisation.
func (s *Server) ofCaller(x *stage.Exchange, id string) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil && j.org == x.Account() {
		return j
	}
	return nil
}

// jobOf is what a look at a job is about: its video, and its id.
func (s *Server) jobOf(x *stage.Exchange) string {
	if j := s.ofCaller(x, x.Var("id")); j != nil {
		return j.video + " " + j.id
	}
	return x.Var("id")
}

func (s *Server) job(x *stage.Exchange) {
	j := s.ofCaller(x, x.Var("id"))
	if j == nil {
		x.Fail(http.StatusNotFound, codeNotFound, "Job not found")
		return
	}
	x.JSON(http.StatusOK, j.view(s.Clock().Now()))
}

// view is a job as GET /api/jobs/{id} shows it at an instant.
func (j *job) view(now time.Time) map[string]any {
	v := map[string]any{
		"id": j.id, "title": "Video " + j.video, "status": statusProcessing, "cost": number(0),
		"source": "https://www.youtube.com/watch?v=" + j.video, "progress": 0,
	}
	if now.Before(j.ends) {
		if done, whole := now.Sub(j.begun), j.ends.Sub(j.begun); done > 0 {
			v["progress"] = min(99, int64(done/(whole/100+1)))
		}
		return v
	}
	v["cost"] = number(j.cost)
	v["costBreakDown"] = map[string]json.RawMessage{"processing": number(j.bill.processing), "youtubeFetch": number(j.bill.fetch), "minimum": number(minimum)}
	if j.fails {
		v["status"], v["progress"] = statusFailed, 60
		return v
	}
	v["status"], v["progress"] = statusCompleted, 100
	v["data"] = map[string]any{"shorts": j.made()}
	return v
}

// made are the shorts of a completed job: those that were asked for, or three.
func (j *job) made() []map[string]any {
	shorts := j.shorts
	for i := 0; len(j.shorts) == 0 && i < 3; i++ {
		shorts = append(shorts, short{Title: fmt.Sprintf("Highlight %d", i+1), Start: float64(60 * i), End: float64(60*i + 45)})
	}
	out := []map[string]any{}
	for i, s := range shorts {
		out = append(out, map[string]any{
			"id": fmt.Sprintf("%s_s%d", j.id, i+1), "content": s.Title, "text": "Spoken words of " + j.video,
			"startTime": s.Start, "endTime": s.End,
		})
	}
	return out
}

// list is GET /api/jobs, which one page calls and none describes.
func (s *Server) list(x *stage.Exchange) {
	if x.Is("list_jobs", "none") {
		x.Fail(http.StatusNotFound, codeNotFound, "")
		return
	}
	s.mu.Lock()
	var mine []*job
	for _, j := range s.jobs {
		if j.org == x.Account() {
			mine = append(mine, j)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(mine, func(a, b *job) int { return b.number - a.number })
	out := []map[string]any{}
	for _, j := range mine {
		out = append(out, j.view(s.Clock().Now()))
	}
	x.JSON(http.StatusOK, out)
}
