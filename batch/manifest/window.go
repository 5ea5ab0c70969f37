package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

var windowFields = []string{"timezone", "open", "close", "start_at", "finish_by", "buffer", "weekdays", "intervals", "always", "multiplier"}

var intervalFields = []string{"open", "close", "weekdays"}

// MaxIntervals is how many intervals a window may have.
const MaxIntervals = 24

// days are the words of weekdays, Sunday first as in package time.
var days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

const maxBuffer = 12 * time.Hour

// always is the window that never closes, as one word.
const always = "always"

// ownWindow is the provider's: without cheap hours where nothing else is known
// of it.
func (r *reader) ownWindow() tariff.Window {
	if r.metered {
		return tariff.AlwaysOpen("UTC")
	}
	return tariff.SwarmsWindow()
}

// window reads a price window. What isn't given is the provider's own; once
// open or close is given, start_at, finish_by and buffer follow from them
// (tariff.Window.Fill) instead.
func (r *reader) window(n *node, p *path) tariff.Window {
	w := r.ownWindow()
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
	} else if n.get("intervals") != nil {
		w = tariff.Several(w.Zone)
	} else if n.get("open") != nil || n.get("close") != nil {
		w.StartAt, w.FinishBy, w.Buffer, w.Always = tariff.Unset, tariff.Unset, tariff.UnsetBuffer, false
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
	if c := n.get("intervals"); c != nil {
		w.Intervals = r.intervals(c, p.field("intervals"))
	}
	if c := n.get("multiplier"); c != nil {
		w.Multiplier, _ = r.multiplier(c, p.field("multiplier"))
	}
	if r.count > before {
		// Whether the hours agree can be said once each is one; what is wrong with
		// each interval by itself, and whether there is such a zone, can be said now.
		if len(w.Intervals) > 0 && w.Zone != "" {
			r.disagreements(n, p, w)
		} else if alone := tariff.SwarmsWindow(); w.Zone != "" {
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
		field := e.Field
		if field == "zone" {
			field = "timezone"
		}
		c, at, there := place(n, p, field)
		if e.Value == "" && (there || c.kind != object) {
			continue // it is there, and no time of day, or stands in what is no interval: that was said
		}
		message := e.Message
		if e.Value != "" {
			message = clip(e.Value) + ": " + message
		}
		r.at(c, at, e.Value, message, "")
	}
}

// place is the node of a window's field, "intervals[1].close", or the nearest
// one around it, and the field's path.
func place(n *node, p *path, field string) (at *node, of *path, there bool) {
	for part := range strings.SplitSeq(field, ".") {
		key, item, indexed := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		p = p.field(key)
		c := n.get(key)
		if there = c != nil; there {
			n = c
		}
		if i, err := strconv.Atoi(item); indexed && err == nil {
			p = p.item(i)
			if n.kind == list && i < len(n.items) {
				n = n.items[i]
			}
		}
	}
	return n, p, there
}

func (r *reader) intervals(n *node, p *path) []tariff.Interval {
	switch {
	case n.kind != list:
		r.want(n, p, "a list of intervals")
		return nil
	case len(n.items) == 0:
		r.at(n, p, "", "is an empty list", `write intervals as {open: "00:00", close: "06:00"}, or remove the key`)
		return nil
	case len(n.items) > MaxIntervals:
		r.at(n, p, "", fmt.Sprintf("has %d intervals; at most %d are allowed", len(n.items), MaxIntervals), "join those that touch")
		return nil
	}
	out := make([]tariff.Interval, len(n.items))
	for k, item := range n.items {
		out[k] = tariff.Interval{Open: tariff.Unset, Close: tariff.Unset}
		at := p.item(k)
		if !r.object(item, at, "an interval", intervalFields) {
			continue
		}
		if c := item.get("open"); c != nil {
			out[k].Open = r.clock(c, at.field("open"))
		}
		if c := item.get("close"); c != nil {
			out[k].Close = r.clock(c, at.field("close"))
		}
		if c := item.get("weekdays"); c != nil {
			out[k].Weekdays = r.weekdays(c, at.field("weekdays"))
		}
	}
	return out
}

// WindowField is a window as a manifest writes it, for whoever puts one into an
// input: [Read] and [Ref] read it back.
func WindowField(w tariff.Window) map[string]any {
	out := map[string]any{"timezone": w.Zone}
	for key, c := range map[string]tariff.Clock{"open": w.Open, "close": w.Close, "start_at": w.StartAt, "finish_by": w.FinishBy} {
		if c != tariff.Unset {
			out[key] = c
		}
	}
	if w.Buffer != tariff.UnsetBuffer {
		out["buffer"] = w.Buffer.String()
	}
	if len(w.Weekdays) > 0 {
		out["weekdays"] = dayNames(w.Weekdays)
	}
	if len(w.Intervals) > 0 {
		out["intervals"] = w.Intervals
	}
	if w.Always {
		out["always"] = true
	}
	if w.Multiplier != 0 {
		out["multiplier"] = w.Multiplier
	}
	return out
}

func dayNames(list []time.Weekday) []string {
	var out []string
	for _, d := range list {
		out = append(out, days[d])
	}
	return out
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
		return tariff.Unset
	}
	c, err := tariff.ParseClock(s)
	if err != nil {
		r.at(n, p, s, fmt.Sprintf("%q is not a time of day", clip(s)), `write it as "20:00", from 00:00 to 23:59`)
		return tariff.Unset
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
