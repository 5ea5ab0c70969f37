package manifest

import (
	"fmt"
	"slices"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

var windowFields = []string{"timezone", "open", "close", "start_at", "finish_by", "buffer", "weekdays", "always", "multiplier"}

// days are the words of weekdays, Sunday first as in package time.
var days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

const maxBuffer = 12 * time.Hour

// always is the window that never closes, as one word.
const always = "always"

// window reads a price window. What isn't given is the provider's own; once
// open or close is given, start_at, finish_by and buffer follow from them
// (tariff.Window.Fill) instead.
func (r *reader) window(n *node, p *path) tariff.Window {
	w := tariff.SwarmsWindow()
	switch {
	case n.kind == text && n.literal == always:
		return tariff.AlwaysOpen(w.Zone).Fill()
	case n.kind != object:
		r.want(n, p, "an object, or always")
		return w
	case !r.object(n, p, "a window", windowFields):
		return w
	}
	before := r.count
	if c := n.get("always"); c != nil && r.truth(c, p.field("always")) {
		w = tariff.AlwaysOpen(w.Zone)
	} else if n.get("open") != nil || n.get("close") != nil {
		w.StartAt, w.FinishBy, w.Buffer = tariff.Unset, tariff.Unset, tariff.UnsetBuffer
	}
	if c := n.get("timezone"); c != nil {
		w.Zone, _ = r.word(c, p.field("timezone"))
	}
	for _, f := range []struct {
		key string
		to  *tariff.Clock
	}{{"open", &w.Open}, {"close", &w.Close}, {"start_at", &w.StartAt}, {"finish_by", &w.FinishBy}} {
		if c := n.get(f.key); c != nil {
			*f.to = r.clock(c, p.field(f.key))
		}
	}
	if c := n.get("buffer"); c != nil {
		w.Buffer, _ = r.duration(c, p.field("buffer"), 0, maxBuffer)
	}
	if c := n.get("weekdays"); c != nil {
		w.Weekdays = r.weekdays(c, p.field("weekdays"))
	}
	if c := n.get("multiplier"); c != nil {
		w.Multiplier, _ = r.multiplier(c, p.field("multiplier"))
	}
	if r.count > before {
		// Whether the hours agree can be said once each is one; whether there is
		// such a zone can be said now.
		if alone := tariff.SwarmsWindow(); w.Zone != "" {
			alone.Zone = w.Zone
			r.disagreements(n, p, alone)
		}
		return w
	}
	w = w.Fill()
	r.disagreements(n, p, w)
	return w
}

// disagreements says what is wrong with a window as a whole.
func (r *reader) disagreements(n *node, p *path, w tariff.Window) {
	for _, e := range w.Check() {
		key := e.Field
		if key == "zone" {
			key = "timezone"
		}
		c := n.get(key)
		if c == nil {
			c = n
		}
		message := e.Message
		if e.Value != "" {
			message = clip(e.Value) + ": " + message
		}
		r.at(c, p.field(key), e.Value, message, "")
	}
}

// multiplier is what a token costs inside a window, of its day price.
func (r *reader) multiplier(n *node, p *path) (money.Ratio, bool) {
	if n.kind != number && n.kind != text {
		r.want(n, p, "a number")
		return 0, false
	}
	v, err := money.ParseRatio(n.literal)
	if err != nil || v <= 0 || v > money.One {
		r.at(n, p, n.literal, clip(n.literal)+" is not above 0 and at most 1",
			"write what a token costs inside the window, of its day price: 0.5 is half price; at most 6 decimal places")
		return 0, false
	}
	return v, true
}

func (r *reader) clock(n *node, p *path) tariff.Clock {
	s, ok := r.text(n, p)
	if !ok {
		return 0
	}
	c, err := tariff.ParseClock(s)
	if err != nil {
		r.at(n, p, s, fmt.Sprintf("%q is not a time of day", clip(s)), `write it as "20:00", from 00:00 to 23:59`)
		return 0
	}
	return c
}

func (r *reader) weekdays(n *node, p *path) []time.Weekday {
	if n.kind != list {
		r.want(n, p, "a list")
		return nil
	}
	if len(n.items) == 0 {
		r.at(n, p, "", "is an empty list", "remove the key for every night")
		return nil
	}
	var out []time.Weekday
	for i, c := range n.items {
		s, ok := r.oneOf(c, p.item(i), days...)
		if !ok {
			continue
		}
		d := time.Weekday(slices.Index(days, s))
		if slices.Contains(out, d) {
			r.at(c, p.item(i), s, s+" is given twice", "keep one")
			continue
		}
		out = append(out, d)
	}
	slices.Sort(out) // the order in which nights are named says nothing
	return out
}
