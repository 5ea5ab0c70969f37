package activities

import (
	"sync/atomic"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// plight counts the jobs of one activity by what they are at, for its
// heartbeat: so that a person sees what a night waits for.
type plight struct {
	before   atomic.Int64               // stand before the gate, or queue for it
	strained atomic.Int64               // of these, wait for a place among the requests at once
	aloft    atomic.Int64               // their request is under way
	aside    atomic.Int64               // wait for their next try, or their next look into the log
	room     atomic.Pointer[batch.Wait] // what jobs of a lane wait for that found no room under a cap
	next     atomic.Int64               // when the first of those goes on, in nanoseconds of Unix time
}

// apart notes how many jobs of a lane go on at times of their own, and what
// those wait for who found no room under a cap.
func (p *plight) apart(w waits, room batch.Wait) {
	p.room.Store(&room)
	p.aside.Store(int64(len(w)))
	if at := w.first(); !at.IsZero() {
		p.next.Store(at.UnixNano())
	}
}

// tell adds to a beat what the jobs are at. Those that pass the gate as they
// come wait for nothing.
func (p *plight) tell(b batch.Beat, gate *turnstile, strain string) batch.Beat {
	b.InFlight = int(p.aloft.Load())
	strained := int(p.strained.Load())
	if n := int(p.before.Load()) - strained; n > 0 {
		if w := gate.holds(); w.Reason != "" {
			w.Jobs = n
			b.Waits = append(b.Waits, w)
		}
	}
	if strained > 0 {
		b.Waits = append(b.Waits, batch.Wait{Reason: string(ledger.ReasonStrain), Detail: crowded(strain), Jobs: strained})
	}
	if w := p.room.Load(); w != nil && w.Jobs > 0 {
		b.Waits = append(b.Waits, *w)
	}
	if n := int(p.aside.Load()); n > 0 {
		b.Waits = append(b.Waits, batch.Wait{
			Reason: string(ledger.ReasonRetry), Detail: "their next try, or their next look into the provider's log",
			Until: time.Unix(0, p.next.Load()).UTC(), Jobs: n,
		})
	}
	return b
}

// crowded says why a job waits for a place among the requests at once.
func crowded(strain string) string {
	if strain != "" {
		return "fewer requests at once: " + strain
	}
	return "waits for a place among the requests at once"
}
