package tariff

import "time"

// A night by the clock is simple: it begins at Open on a date and is so many
// seconds long. A change of the clocks makes it less so, and an edge that
// falls into the hour that is skipped or repeated is the hard part:
//
//	missing  02:30 of 02:00 -> 03:00: no instant is called 02:30. The clock
//	         passes it at the change, and so that is where the edge is.
//	repeated 01:30 of 02:00 -> 01:00: two instants are called 01:30. If the
//	         window closes then, the provider's clock is inside it, outside,
//	         inside again and outside: the night is in two pieces.
//
// A span is one interval that is never dear, so it is the longest of the
// pieces, the first of equals: a window that closes in the repeated hour
// closes the first time, one that opens in it opens the second time. A change
// of the clocks in the middle of the window, as in the Swarms one, makes it
// longer or shorter and cuts nothing.

// stretch is a part of a night in which the clock runs evenly.
type stretch struct {
	from, to int64 // instants, Unix seconds, half-open
	at       Clock // where along the night the clock stands at from: seconds after Open
}

// piece is an unbroken run of stretches of one night.
type piece []stretch

// piece is the longest piece of night d; empty when the clocks skip all of it.
func (w Window) piece(loc *time.Location, d int64) piece {
	var best, run piece
	for _, s := range (Interval{Open: w.Open, Close: w.Close}).stretches(loc, d) {
		if len(run) > 0 && run[len(run)-1].to != s.from {
			run = nil
		}
		run = append(run, s)
		if run.seconds() > best.seconds() {
			best = run
		}
	}
	return best
}

// stretches cuts the interval that opens on day d at every change of the clocks. In a zone period with
// a fixed offset, it is the same interval of local seconds shifted by
// that offset, as far as the period reaches.
func (i Interval) stretches(loc *time.Location, d int64) []stretch {
	open := d*secondsPerDay + int64(i.Open)
	shut := open + int64(i.length())

	// No zone has ever been more than 16 hours from UTC.
	const reach = 16 * int64(hour)
	var out []stretch
	for at := open - reach; at < shut+reach; {
		t := time.Unix(at, 0).In(loc)
		_, offset := t.Zone()
		begins, ends := t.ZoneBounds()
		from, to := open-int64(offset), shut-int64(offset)
		if !begins.IsZero() {
			from = max(from, begins.Unix())
		}
		if !ends.IsZero() {
			to = min(to, ends.Unix())
		}
		if from < to {
			out = append(out, stretch{from, to, Clock(from + int64(offset) - open)})
		}
		if ends.IsZero() {
			break
		}
		at = ends.Unix()
	}
	return out
}

func (p piece) seconds() int64 {
	if len(p) == 0 {
		return 0
	}
	return p[len(p)-1].to - p[0].from
}

func (p piece) opens(loc *time.Location) time.Time { return time.Unix(p[0].from, 0).In(loc) }

func (p piece) closes(loc *time.Location) time.Time { return time.Unix(p[len(p)-1].to, 0).In(loc) }

// reaches is the first instant of the piece at which the clock stands at, or
// is past, so many seconds after Open; the end of the piece if it never does.
// A time in the missing hour is reached at the change, one in the repeated
// hour the first time.
func (p piece) reaches(loc *time.Location, afterOpen Clock) time.Time {
	for _, s := range p {
		if s.at >= afterOpen {
			return time.Unix(s.from, 0).In(loc)
		}
		if at := s.from + int64(afterOpen-s.at); at < s.to {
			return time.Unix(at, 0).In(loc)
		}
	}
	return p.closes(loc)
}
