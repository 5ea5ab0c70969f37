package web

import (
	"net/http"
	"time"

	"github.com/offpeak/offpeak/starter/nightly"
)

type schedulesView struct {
	Schedules []scheduleRow
	Local     *time.Location
}

type scheduleRow struct {
	nightly.Schedule
	Change string // of the clocks
}

// schedules lists what starts by itself.
func (s *site) schedules(r *http.Request) (view, error) {
	all, err := s.Client.Schedules(r.Context())
	if err != nil {
		return view{}, err
	}
	v := schedulesView{}
	for _, sc := range all {
		row := scheduleRow{Schedule: sc}
		if c := sc.Change; c != nil {
			row.Change = "the clocks go forward in the night of " + string(c.Night)
			if c.Back {
				row.Change = "the clocks go back in the night of " + string(c.Night)
			}
			if d, err := time.ParseDuration(c.Length); err == nil {
				row.Change += ", which lasts " + lasting(d)
			}
		}
		v.Schedules = append(v.Schedules, row)
	}
	return view{Page: "schedules", Title: "Schedules", Data: v}, nil
}
