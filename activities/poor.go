package activities

import (
	"time"

	"github.com/offpeak/offpeak/batch"
)

// poor are jobs of a lane that wait for room under a cap. They give their place
// in the lane up: room is made by those who have theirs set aside and come back
// for a second try, and who found every place taken otherwise. A few ask at a
// time, each time twice as many as before until one is refused.
type poor struct {
	seqs    []int
	at      time.Time // when the next ones may ask
	many    int       // so many ask at once
	left    int       // of those, how many still may
	refused bool      // somebody found no room since

	what batch.Wait // what the last one was told
}

// moment is how long one round of asking lasts.
const moment = 200 * time.Millisecond

// add has a job wait that found no room.
func (p *poor) add(seq int, at time.Time, what batch.Wait) {
	p.what = what
	if len(p.seqs) == 0 {
		p.at = at
	}
	p.seqs = append(p.seqs, seq)
	p.refused, p.left = true, 0
}

// waits is what they wait for, with how many they are.
func (p *poor) waits() batch.Wait {
	w := p.what
	w.Jobs = len(p.seqs)
	return w
}

// next is the job that asks next, if one may now.
func (p *poor) next(now time.Time, most int) (seq int, ok bool) {
	if !now.Before(p.at) {
		p.many = max(1, min(2*p.many, most))
		if p.refused {
			p.many = 1
		}
		p.refused, p.left, p.at = false, p.many, now.Add(moment)
	}
	if p.left == 0 || len(p.seqs) == 0 {
		return 0, false
	}
	p.left--
	seq, p.seqs = p.seqs[0], p.seqs[1:]
	return seq, true
}
