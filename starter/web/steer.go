package web

import (
	"net/http"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// maxForm bounds what a form may hold.
const maxForm = 1 << 16

// steer carries out what a person pressed: pause, resume, cancel, a higher cap.
func (s *site) steer(r *http.Request) (view, error) {
	id, err := id(r)
	if err != nil {
		return view{}, err
	}
	back := view{To: "/nights/" + string(id)}
	r.Body = http.MaxBytesReader(nil, r.Body, maxForm)
	why := strings.TrimSpace(r.PostFormValue("why"))
	n, err := s.Client.Find(r.Context(), id)
	if err != nil {
		return view{}, err
	}
	switch verb := r.PathValue("verb"); verb {
	case "pause":
		_, err = n.Pause(r.Context(), s.by(r), why)
	case "resume":
		_, err = n.Resume(r.Context(), s.by(r), why)
	case "cancel":
		_, err = n.Cancel(r.Context(), s.by(r), why)
	case "budget":
		text := strings.TrimPrefix(strings.TrimSpace(r.PostFormValue("cap")), "$")
		to, bad := money.Parse(text)
		if bad != nil {
			return view{}, &batch.Fault{Kind: batch.BadInput, Op: "raise the cap of", Thing: string(id), Detail: plain(text) + " is not an amount of dollars", Hint: "write it as 75.00"}
		}
		_, err = n.RaiseBudget(r.Context(), to, s.by(r), why)
	default:
		return view{}, &batch.Fault{Kind: batch.NotFound, Op: "steer", Thing: string(id), Detail: plain(verb) + " is no order", Hint: "pause, resume, cancel or budget"}
	}
	s.views.forget(string(id)) // who pressed wants to see what came of it
	return back, err
}

// steerSchedule does the same for a schedule.
func (s *site) steerSchedule(r *http.Request) (view, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, maxForm)
	id, ctx := r.PathValue("id"), r.Context()
	var err error
	switch verb := r.PathValue("verb"); verb {
	case "pause":
		_, err = s.Client.PauseSchedule(ctx, id, s.by(r), strings.TrimSpace(r.PostFormValue("why")))
	case "resume":
		_, err = s.Client.ResumeSchedule(ctx, id, s.by(r), "")
	case "trigger":
		err = s.Client.TriggerSchedule(ctx, id)
	default:
		return view{}, &batch.Fault{Kind: batch.NotFound, Op: "steer schedule", Thing: id, Detail: plain(verb) + " is no order", Hint: "pause, resume or trigger"}
	}
	return view{To: "/schedules"}, err
}
