package activities

import (
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider"
)

// neighbours tells what others use of the key's windows from what we do: the
// provider's count, which comes with each answer, less ours. It is this
// worker's own memory; after a restart the first answer tells anew, and until
// then the provider's count in the books holds.
type neighbours struct {
	mu      sync.Mutex
	ours    map[string]*peaks  // how full our part was, by window's name
	theirs  map[string]*others // likewise
	seen    time.Time          // when our part was last noted
	unheard time.Time          // since when a window is due to be asked for; zero: none
}

// others is what is known of others in a window. Each comparison gives the least
// that they use, and one of a moment at which much of ours was under way gives
// too little: so the most of the last quarter of a span counts.
type others struct {
	least peaks
	last  gate.Foreign
}

// saw notes how full the windows were at an instant, by our count; sent says
// that one more left then.
func (n *neighbours) saw(windows []ledger.Window, at time.Time, sent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ours == nil {
		n.ours, n.theirs = map[string]*peaks{}, map[string]*others{}
	}
	n.unheard, n.seen = time.Time{}, at
	for _, w := range windows {
		if w.Limit <= 0 || strings.HasSuffix(w.Name, batch.OwnLimit) {
			continue
		}
		p := n.ours[w.Name]
		if p == nil {
			p = &peaks{}
			n.ours[w.Name] = p
		}
		used := w.Used
		if sent {
			used++
		}
		p.add(at, used)
		left := w.Limit - used
		if h := n.theirs[w.Name]; h != nil {
			left -= h.last.Used
		}
		if !w.ToldAt.IsZero() && at.Sub(w.ToldAt) >= askEvery(w, left) {
			n.unheard = at
		}
	}
}

// heard compares the provider's count with ours. It was made at some instant
// between since and now.
func (n *neighbours) heard(told []provider.Window, since, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range told {
		p := n.ours[w.Name]
		h := n.theirs[w.Name]
		if p == nil || w.Remaining < 0 || h != nil && h.last.At.After(now) {
			continue
		}
		if h == nil {
			h = &others{}
			n.theirs[w.Name] = h
		}
		h.least.add(now, gate.Overlap(w.Limit, w.Remaining, p.since(since)))
		h.last = gate.Foreign{Window: w.Name, Used: h.least.since(now.Add(-w.Span / 4)), Reset: w.Reset, At: now}
	}
}

// blind says that our part hasn't been noted for a second, in which other
// workers may have sent much.
func (n *neighbours) blind(now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return now.Sub(n.seen) >= time.Second
}

// list is for the gate.
func (n *neighbours) list() []gate.Foreign {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]gate.Foreign, 0, len(n.theirs))
	for _, h := range n.theirs {
		out = append(out, h.last)
	}
	return out
}

// due says whether a window hasn't been heard of for too long.
func (n *neighbours) due() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.unheard.IsZero()
}

// askEvery is how old the provider's count of a window may become: a sixtieth
// of its span, and a tenth of that when less than a fifth is left. Of the hour
// nothing is said but where it is asked for (Swarms docs, rate-limit-headers,
// 2026-07-13), and whoever shares the key fills it unseen.
func askEvery(w ledger.Window, left int64) time.Duration {
	every := min(w.Span/60, 5*time.Minute)
	if left*5 < w.Limit {
		every /= 10
	}
	return max(every, limitsEvery)
}

// peaks answers how full a window was at most since an instant. It keeps what
// no later value has reached: values fall and times rise along it.
type peaks struct{ all []peak }

type peak struct {
	until time.Time // when another value took its place; zero for the last one
	used  int64
}

// peakAge is how far back peaks look: no request takes longer.
const peakAge = 30 * time.Minute

func (p *peaks) add(at time.Time, used int64) {
	n := len(p.all)
	if n > 0 {
		p.all[n-1].until = at
	}
	for n > 0 && p.all[n-1].used <= used {
		n--
	}
	p.all = append(p.all[:n], peak{used: used})
	if old := p.index(at.Add(-peakAge)); old > 1024 {
		p.all = slices.Clone(p.all[old:])
	}
}

// since is the most from an instant on, what was true at that instant included.
func (p *peaks) since(t time.Time) int64 {
	if len(p.all) == 0 {
		return 0
	}
	return p.all[p.index(t)].used
}

// index is of the first value that was still true at t.
func (p *peaks) index(t time.Time) int {
	return sort.Search(len(p.all)-1, func(i int) bool { return p.all[i].until.After(t) })
}
