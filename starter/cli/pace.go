package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// pace is how fast a night goes, by the looks of the last minute.
type pace struct{ looks []reached }

// reached is how far a night was.
type reached struct {
	at   time.Time
	over int // jobs that need nothing more
}

const (
	paceOver = time.Minute     // the stretch that a rate is taken over
	paceFrom = 5 * time.Second // before, a rate is an accident
)

// see takes one look in. A night that isn't sending, or that was begun anew,
// has no pace.
func (p *pace) see(v nightly.View, now time.Time) {
	q := v.Progress
	over := q.Jobs.Total - q.Jobs.Pending()
	if n := len(p.looks); q.State != workflows.StateSending || n > 0 && over < p.looks[n-1].over {
		p.looks = nil
	}
	if q.State != workflows.StateSending {
		return
	}
	p.looks = append(p.looks, reached{now, over})
	for len(p.looks) > 2 && now.Sub(p.looks[1].at) >= paceOver {
		p.looks = p.looks[1:]
	}
}

// rate is how many jobs ended in how long; false while too little was seen.
func (p *pace) rate() (jobs int, in time.Duration, ok bool) {
	if len(p.looks) < 2 {
		return 0, 0, false
	}
	first, last := p.looks[0], p.looks[len(p.looks)-1]
	in = last.at.Sub(first.at)
	return last.over - first.over, in, in >= paceFrom
}

// text is how fast it goes, when it will be done, and what it waits for, each
// "" when there is nothing to say.
func (p *pace) text(v nightly.View, now time.Time) (speed, waits string) {
	q := v.Progress
	if q.State != workflows.StateSending || v.NoWorker || v.Closed {
		return "", ""
	}
	var parts []string
	if q.InFlight > 0 {
		parts = append(parts, grouped(q.InFlight)+" in flight")
	}
	if jobs, in, ok := p.rate(); ok && !q.Paused.On() && q.Jobs.Pending() > 0 {
		if jobs == 0 {
			parts = append(parts, "none ended in the last "+lasting(in))
		} else {
			parts = append(parts, perMinute(jobs, in), eta(q, jobs, in, now))
		}
	}
	var held []string
	for _, w := range q.Waits {
		if w.Reason == "paused" && q.Paused.On() {
			continue // that is said already
		}
		verb := " wait: "
		if w.Jobs == 1 {
			verb = " waits: "
		}
		held = append(held, plural(w.Jobs, "job")+verb+waitText(w))
	}
	return strings.Join(parts, ", "), strings.Join(held, "; ")
}

func perMinute(jobs int, in time.Duration) string {
	n := (time.Duration(jobs)*time.Minute + in/2) / in
	if n == 0 {
		return "less than 1 a minute"
	}
	return grouped(int(n)) + " a minute"
}

// eta compares when the rest is done, at this rate, with the moment by which
// the night's last job must have ended.
func eta(q batch.Progress, jobs int, in time.Duration, now time.Time) string {
	left := q.Jobs.Pending()
	needs := in / time.Duration(jobs) * time.Duration(left)
	by := q.Span.Deadline.In(q.Span.Location())
	if by.IsZero() {
		return "done in about " + lasting(max(needs.Round(time.Minute), time.Minute))
	}
	end, fits := q.Span.Through(now, needs)
	if !fits && needs > 0 {
		room, fit := q.Span.Room(now, 0), 0
		if room > 0 {
			fit = int(room / (in / time.Duration(jobs)))
		}
		return fmt.Sprintf("won't all fit: about %s will be parked at %s", grouped(roughly(left-fit)), clock(by))
	}
	done := end.Round(time.Minute).In(by.Location())
	if end.Sub(now) < time.Minute {
		return "done within a minute"
	}
	return fmt.Sprintf("done about %s, %s before %s", clock(done), lasting(max(by.Sub(done), 0).Truncate(time.Minute)), clock(by))
}

// roughly keeps two digits of a number: the rest of a forecast is noise.
func roughly(n int) int {
	step := 1
	for n/step >= 100 {
		step *= 10
	}
	return max((n+step/2)/step*step, 1)
}

// standsStill says whether a wait is one that a person should hear of at once;
// the others come and go with every request.
func standsStill(w batch.Wait) bool {
	switch w.Reason {
	case "halted", "floor", "credits", "window":
		return true
	}
	return false
}

// waitText is what jobs wait for, in words.
func waitText(w batch.Wait) string {
	s := printable(w.Detail)
	if s == "" {
		s = w.Reason
	}
	return s
}
