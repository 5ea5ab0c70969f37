package swiftia

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
)

// render is a short that is made into a file: queued, under way, done.
type render struct {
	id, org, of        string
	begun, runs, ends  time.Time // waits in the queue until runs
	fails, failsByCode bool
}

// orderRender is the body of POST /api/render. Which of the three ids a client
// sends, and what options are called, differs between pages.
type orderRender struct {
	ID      string `json:"id"`
	JobID   string `json:"jobId"`
	ShortID string `json:"shortId"`
	Target  string `json:"target"`
	Preset  string `json:"preset"`
}

func (o *orderRender) of() string {
	for _, id := range []string{o.ShortID, o.JobID, o.ID} {
		if id != "" {
			return id
		}
	}
	return ""
}

func (s *Server) renderFor(x *stage.Exchange) string {
	var o orderRender
	if json.Unmarshal(x.Body, &o) != nil {
		return ""
	}
	return o.of()
}

// startRender is POST /api/render: of a job that is done, or of a short of it.
func (s *Server) startRender(x *stage.Exchange) {
	if forbidden(x) {
		return
	}
	var o orderRender
	if err := json.Unmarshal(x.Body, &o); err != nil || o.of() == "" {
		x.Fail(http.StatusBadRequest, codeInvalid, "id, jobId or shortId is required")
		return
	}
	id, number, isShort := strings.Cut(strings.TrimPrefix(o.of(), "job_"), "_s")
	j := s.ofCaller(x, "job_"+id)
	if j == nil {
		x.Fail(http.StatusNotFound, codeNotFound, "Job not found")
		return
	}
	if x.Now().Before(j.ends) || j.fails {
		x.Fail(http.StatusBadRequest, codeInvalid, "The job is not completed")
		return
	}
	if n := 0; isShort {
		if _, err := fmt.Sscanf(number, "%d", &n); err != nil || n < 1 || n > len(j.made()) {
			x.Fail(http.StatusNotFound, codeNotFound, "Short not found")
			return
		}
	}
	takes := s.opt.Latency.Of(simulator.Digest(s.Seed(), "render", o.of()))
	r := &render{
		org: j.org, of: o.of(), begun: x.Now(), runs: x.Now().Add(takes / 4), ends: x.Now().Add(takes),
		fails: x.Has(KindRenderError), failsByCode: x.Is("render_error", "code"),
	}
	s.mu.Lock()
	r.id = fmt.Sprintf("render_%016x", simulator.Digest(s.Seed(), "render", fmt.Sprint(len(s.renders)+1)))
	s.renders[r.id] = r
	s.mu.Unlock()
	x.Bought(stage.Purchase{ID: r.id, Kind: "render", Account: r.org, Subject: r.of, At: x.Now()})
	x.JSON(created(x), map[string]string{"renderId": r.id})
}

func (s *Server) renderOf(x *stage.Exchange) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.renders[x.Var("id")]; r != nil {
		return r.of + " " + r.id
	}
	return x.Var("id")
}

func (s *Server) render(x *stage.Exchange) {
	s.mu.Lock()
	r := s.renders[x.Var("id")]
	s.mu.Unlock()
	now := s.Clock().Now()
	switch {
	case r == nil || r.org != x.Account():
		x.Fail(http.StatusNotFound, codeNotFound, "Render not found")
	case now.Before(r.runs):
		x.JSON(http.StatusOK, map[string]any{"type": "queued", "status": "QUEUED", "queuePosition": 1, "progress": 0})
	case now.Before(r.ends):
		x.JSON(http.StatusOK, map[string]any{"type": "progress", "progress": float64(now.Sub(r.runs)) / float64(r.ends.Sub(r.runs))})
	case r.fails && r.failsByCode:
		x.Fail(codes[codeRendering], codeRendering, "")
	case r.fails:
		x.JSON(http.StatusOK, map[string]any{"type": "error", "message": texts[codeRendering]})
	default:
		size := 1_000_000 + simulator.Digest(s.Seed(), "size", r.of)%9_000_000
		x.JSON(http.StatusOK, map[string]any{"type": "done", "url": "https://cdn.swiftia.example/" + r.id + ".mp4", "size": size})
	}
}
