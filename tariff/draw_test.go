package tariff_test

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/tariff"
)

// Ten years of instants, and zones whose clocks do odd things: half an hour in
// Lord Howe, at midnight in Havana and Beirut, two hours in Troll, around
// Ramadan in Casablanca, odd offsets in Kathmandu and Chatham.
var (
	decadeFrom = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	decadeTo   = time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)
	zones      = []string{
		pacific, "Australia/Lord_Howe", "America/Sao_Paulo", "Europe/London", "Asia/Kathmandu", "America/Havana", "Asia/Beirut",
		"Antarctica/Troll", "Africa/Casablanca", "Pacific/Chatham", "America/St_Johns", "America/Santiago", "Pacific/Kiritimati", "UTC",
	}
)

func drawInstant(t *rapid.T, name string) time.Time {
	ns := rapid.Int64Range(0, int64(decadeTo.Sub(decadeFrom))-1).Draw(t, name)
	if rapid.Bool().Draw(t, name+" on the minute") { // where the edges are
		ns -= ns % int64(time.Minute)
	}
	return decadeFrom.Add(time.Duration(ns))
}

// drawWindow draws a valid window: any hours, some with margins and a buffer
// of their own, some on some weekdays only.
func drawWindow(t *rapid.T) tariff.Window {
	for {
		w := tariff.Window{
			Zone: rapid.SampledFrom(zones).Draw(t, "zone"),
			Open: drawClock(t, "open"), Close: drawClock(t, "close"),
			StartAt: tariff.Unset, FinishBy: tariff.Unset, Buffer: tariff.UnsetBuffer,
		}
		if rapid.Bool().Draw(t, "margins") {
			w.StartAt, w.FinishBy = drawClock(t, "start at"), drawClock(t, "finish by")
		}
		if rapid.Bool().Draw(t, "buffered") {
			w.Buffer = time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "buffer"))
		}
		for d := time.Sunday; d <= time.Saturday; d++ {
			if rapid.IntRange(0, 3).Draw(t, d.String()) == 0 {
				w.Weekdays = append(w.Weekdays, d)
			}
		}
		if w.Check() == nil {
			return w
		}
	}
}

func drawClock(t *rapid.T, name string) tariff.Clock {
	step := rapid.SampledFrom([]int{1, 60, 1800, 3600}).Draw(t, name+" step")
	return tariff.Clock(rapid.IntRange(0, 86_400/step-1).Draw(t, name) * step)
}

// byTheClock is the provider's rule in other words, and the night that at
// belongs to: what a person with a calendar and a clock in the zone would say.
func byTheClock(w tariff.Window, loc *time.Location, at time.Time) (tariff.Night, bool) {
	local := at.In(loc)
	h, m, s := local.Clock()
	now := tariff.Clock(h*3600 + m*60 + s)
	y, mo, d := local.Date()
	date := time.Date(y, mo, d, 0, 0, 0, 0, time.UTC)
	var cheap bool
	switch {
	case w.Open < w.Close:
		cheap = now >= w.Open && now < w.Close
	case now >= w.Open:
		cheap = true
	case now < w.Close: // the night began on the day before
		cheap, date = true, date.AddDate(0, 0, -1)
	}
	if len(w.Weekdays) > 0 && !slices.Contains(w.Weekdays, date.Weekday()) {
		cheap = false
	}
	return tariff.Night(date.Format("2006-01-02")), cheap
}

func mustLoad(t interface{ Fatal(...any) }, zone string) *time.Location {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}
