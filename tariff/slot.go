package tariff

import (
	"cmp"
	"slices"
	"time"
)

// Piece is an unbroken stretch of cheap hours of a night that has several,
// [Opens, Closes), with the margins inside of it.
type Piece struct {
	Opens    time.Time `json:"opens"`
	Closes   time.Time `json:"closes"`
	Earliest time.Time `json:"earliest"` // Opens + Buffer: no start before
	Deadline time.Time `json:"deadline"` // Closes - Buffer: what began in it must have ended
}

// Parts are the pieces of the night in order: itself, of one that has no more.
func (s Span) Parts() []Piece {
	if len(s.Pieces) == 0 {
		return []Piece{{s.Opens, s.Closes, s.Earliest, s.Deadline}}
	}
	return s.Pieces
}

// Slot is the first instant from a time on at which a run may begin that takes
// as long as slow: one that ends by the deadline of the piece in which it began.
// False: none is left tonight.
func (s Span) Slot(from time.Time, slow time.Duration) (time.Time, bool) {
	for _, p := range s.Parts() {
		if at := later(from, p.Earliest); !at.Add(slow).After(p.Deadline) {
			return at, true
		}
	}
	return time.Time{}, false
}

// Fits says whether a run that begins then, and takes as long as slow, ends by
// the deadline of its piece. Before the night everything is measured from its
// beginning on.
func (s Span) Fits(begin time.Time, slow time.Duration) bool {
	at, ok := s.Slot(begin, slow)
	return ok && (at.Equal(begin) || begin.Before(s.Earliest))
}

// Left is how long it is to the next deadline, as seen from an instant: that of
// the piece which is open, or opens next. Below zero when all are past.
func (s Span) Left(at time.Time) time.Duration {
	for _, p := range s.Parts() {
		if !p.Deadline.Before(at) {
			return p.Deadline.Sub(at)
		}
	}
	return s.Deadline.Sub(at)
}

// Room is how long the night has for sends from an instant on, over all its
// pieces, if each run may take as long as slow: between its first and its last
// send, and slow once more.
func (s Span) Room(from time.Time, slow time.Duration) time.Duration {
	if len(s.Pieces) == 0 {
		return s.Deadline.Sub(from)
	}
	room := time.Duration(0)
	for _, p := range s.Pieces {
		room += max(p.Deadline.Sub(later(from, p.Earliest))-slow, 0)
	}
	return room + slow
}

// longest is the longest that one run may take in this night.
func (s Span) longest() time.Duration {
	if len(s.Pieces) == 0 {
		return s.Deadline.Sub(s.StartAt)
	}
	longest := time.Duration(0)
	for _, p := range s.Pieces {
		longest = max(longest, p.Deadline.Sub(p.Earliest))
	}
	return longest
}

// Open says whether the night's window is open at t, and in which piece.
func (s Span) Open(t time.Time) (Piece, bool) {
	for _, p := range s.Parts() {
		if !t.Before(p.Opens) && t.Before(p.Closes) {
			return p, true
		}
	}
	return Piece{}, false
}

// Edge is where the window opens or closes next.
type Edge struct {
	At       time.Time
	Opens    bool
	Deadline time.Time // of a close: when what runs must have ended
}

// Edge is the next edge of the night after an instant; its last close once that
// is past.
func (s Span) Edge(now time.Time) Edge {
	for _, p := range s.Parts() {
		switch {
		case now.Before(p.Opens):
			return Edge{At: p.Opens, Opens: true}
		case now.Before(p.Closes):
			return Edge{At: p.Closes, Deadline: p.Deadline}
		}
	}
	return Edge{At: s.Closes, Deadline: s.Deadline}
}

// Through is the instant at which so much of the time for sends has passed since
// another. False: the night's last deadline comes before, and is the instant.
func (s Span) Through(from time.Time, open time.Duration) (time.Time, bool) {
	for _, p := range s.Parts() {
		at := later(from, p.Earliest)
		if left := p.Deadline.Sub(at); open <= left {
			return at.Add(open), true
		} else if left > 0 {
			open -= left
		}
	}
	return s.Deadline, false
}

// several is on for a window of several intervals that is ready. The pieces are
// the cheap stretches of all intervals that open on the date, joined where they
// touch: also those into which a change of the clocks cuts one, as long as there
// is time between the buffers.
func (w Window) several(loc *time.Location, d int64) (Span, bool) {
	var all []stretch
	for _, i := range w.hours() {
		if i.opensOn(d) {
			all = append(all, i.stretches(loc, d)...)
		}
	}
	slices.SortFunc(all, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	joined := all[:0]
	for _, s := range all {
		if n := len(joined); n > 0 && joined[n-1].to == s.from {
			joined[n-1].to = s.to
			continue
		}
		joined = append(joined, s)
	}
	s := Span{Night: nightOf(d), Zone: w.Zone}
	for _, run := range joined {
		p := Piece{Opens: time.Unix(run.from, 0).In(loc), Closes: time.Unix(run.to, 0).In(loc)}
		p.Earliest, p.Deadline = p.Opens.Add(w.Buffer), p.Closes.Add(-w.Buffer)
		if p.Earliest.Before(p.Deadline) {
			s.Pieces = append(s.Pieces, p)
		}
	}
	if len(s.Pieces) == 0 {
		return Span{}, false
	}
	first, last := s.Pieces[0], s.Pieces[len(s.Pieces)-1]
	s.Opens, s.Earliest, s.StartAt = first.Opens, first.Earliest, first.Earliest
	s.Deadline, s.Closes = last.Deadline, last.Closes
	if len(s.Pieces) == 1 {
		s.Pieces = nil
	}
	return s, true
}
