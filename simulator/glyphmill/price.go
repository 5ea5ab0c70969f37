package glyphmill

import (
	"slices"
	"time"

	"github.com/offpeak/offpeak/tariff"
)

// price is what pages cost that are accepted at an instant, in cents, rounded
// up, and whether the hour is a cheap one.
func (s *Server) price(pages int64, at time.Time) (cents int64, cheap bool) {
	full := pages * s.opt.Cents
	if !s.cheap(at) {
		return full, false
	}
	return (full*s.opt.Percent + 99) / 100, true
}

// cheap reads the wall clock of the zone: an hour that begins on an allowed
// day belongs to it until its end, though that may be on the next.
func (s *Server) cheap(at time.Time) bool {
	local := at.In(s.zone)
	now := tariff.Clock(local.Hour()*3600 + local.Minute()*60 + local.Second())
	today := local.Weekday()
	yesterday := (today + 6) % 7
	for _, h := range s.opt.Cheap {
		on := func(day time.Weekday) bool { return len(h.Days) == 0 || slices.Contains(h.Days, day) }
		if h.From < h.To {
			if on(today) && h.From <= now && now < h.To {
				return true
			}
			continue
		}
		if on(today) && now >= h.From || on(yesterday) && now < h.To {
			return true
		}
	}
	return false
}
