package tariff_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/tariff"
)

// sound fails unless the span keeps the order that Span promises.
func sound(t *rapid.T, w tariff.Window, s tariff.Span) {
	w = w.Fill()
	order := []time.Time{s.Opens, s.Earliest, s.StartAt, s.Deadline, s.Closes.Add(-w.Buffer)}
	if !slices.IsSortedFunc(order, time.Time.Compare) || !s.StartAt.Before(s.Deadline) || !s.Opens.Add(w.Buffer).Equal(s.Earliest) {
		t.Fatalf("out of order: %+v of %+v", s, w)
	}
	within := rapid.Int64Range(0, int64(s.Length())-1).Draw(t, "within")
	for _, at := range []time.Time{s.Opens, s.Opens.Add(time.Duration(within)), s.Closes.Add(-1)} {
		if !w.Cheap(at) {
			t.Fatalf("%s is in %+v and dear", at, s)
		}
		if again, ok := w.Containing(at); !ok || !again.Opens.Equal(s.Opens) {
			t.Fatalf("%s is in %+v, but Containing gives %+v, %v", at, s, again, ok)
		}
	}
	if again, err := w.On(s.Night); err != nil || !again.Opens.Equal(s.Opens) || !again.Closes.Equal(s.Closes) {
		t.Fatalf("On(%s) = %+v, %v; want %+v", s.Night, again, err, s)
	}
}

// Every night of ten years, one after the other: they tile, nothing between
// them is cheap, and ten are short and ten long.
func TestSwarmsDecade(t *testing.T) {
	w, nights := tariff.SwarmsWindow(), map[time.Duration]int{}
	closed := decadeFrom
	for date := decadeFrom; date.Before(decadeTo); date = date.AddDate(0, 0, 1) {
		s, err := w.On(tariff.Night(date.Format("2006-01-02")))
		if err != nil {
			t.Fatal(err)
		}
		nights[s.Length()]++
		if s.Opens.Before(closed) {
			t.Fatalf("%s opens before the night before has closed", s.Night)
		}
		if date != decadeFrom {
			if next, err := w.Next(closed); err != nil || !next.Opens.Equal(s.Opens) || next.Night != s.Night {
				t.Fatalf("Next after %s is %+v, %v; want %s", closed, next, err, s.Night)
			}
			for at := closed; at.Before(s.Opens); at = at.Add(15 * time.Minute) {
				if w.Cheap(at) {
					t.Fatalf("%s is cheap and between two nights", at)
				}
			}
		}
		if h, m, sec := s.StartAt.Clock(); h != 21 || m != 0 || sec != 0 {
			t.Fatalf("%s starts at %s", s.Night, s.StartAt)
		}
		if utc := s.StartAt.UTC().Hour(); utc != 5 && utc != 4 { // PST, PDT
			t.Fatalf("%s starts at %s", s.Night, s.StartAt.UTC())
		}
		closed = s.Closes
	}
	if nights[9*time.Hour] != 10 || nights[11*time.Hour] != 10 || nights[10*time.Hour] != 3652-20 {
		t.Errorf("lengths of the nights: %v", nights)
	}
}

// For the Swarms window, Cheap, Containing and the guide's own line of code
// agree at every instant.
func TestSwarmsContainingIsCheap(t *testing.T) {
	w, loc := tariff.SwarmsWindow(), mustLoad(t, pacific)
	rapid.Check(t, func(t *rapid.T) {
		at := drawInstant(t, "at")
		hour := at.In(loc).Hour()
		guide := hour >= 20 || hour < 6
		s, in := w.Containing(at)
		if w.Cheap(at) != guide || in != guide {
			t.Fatalf("%s: the guide says %v, Cheap %v, Containing %v", at.In(loc), guide, w.Cheap(at), in)
		}
		if in {
			sound(t, w, s)
		}
	})
}

func TestAnyWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, at := drawWindow(t), drawInstant(t, "at")
		loc := mustLoad(t, w.Zone)
		night, cheap := byTheClock(w, loc, at)
		if w.Cheap(at) != cheap {
			t.Fatalf("Cheap(%s) = %v, by the clock it is %v", at.In(loc), w.Cheap(at), cheap)
		}
		s, in := w.Containing(at)
		if in {
			if !cheap || s.Night != night {
				t.Fatalf("%s lies in %+v; by the clock cheap is %v, in the night of %s", at.In(loc), s, cheap, night)
			}
			sound(t, w, s)
		} else if _, before := at.Add(-36 * time.Hour).In(loc).Zone(); cheap {
			if _, after := at.Add(36 * time.Hour).In(loc).Zone(); before == after {
				t.Fatalf("%s is cheap and in no span, and the clocks don't change", at.In(loc))
			}
		}

		next, err := w.Next(at)
		if err != nil {
			t.Fatal(err)
		}
		if !next.Opens.After(at) || in && next.Opens.Before(s.Closes) {
			t.Fatalf("Next(%s) = %+v, which isn't later", at, next)
		}
		sound(t, w, next)
		if one, err := w.Next(next.Opens.Add(-1)); err != nil || !one.Opens.Equal(next.Opens) {
			t.Fatalf("a nanosecond before %+v, Next is %+v, %v", next, one, err)
		}
		then, err := w.Next(next.Opens)
		if err != nil {
			t.Fatal(err)
		}
		if then.Opens.Before(next.Closes) || then.Night <= next.Night {
			t.Fatalf("%+v and %+v overlap", next, then)
		}
	})
}

// Decide never gives an instant by day, nor one at which the slowest job
// couldn't end in time, nor one before it was asked; and it never waits when
// it needn't.
func TestDecideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := tariff.SwarmsWindow()
		if rapid.Bool().Draw(t, "any window") {
			w = drawWindow(t)
		}
		asked := drawInstant(t, "asked")
		slow := time.Duration(rapid.Int64Range(0, int64(9*time.Hour)).Draw(t, "slow"))
		got, err := w.Decide(asked, slow)
		s, in := w.Containing(asked)
		if err != nil {
			if next, nextErr := w.Next(asked); nextErr != nil || slow <= next.Deadline.Sub(next.StartAt) {
				t.Fatalf("refused (%v), but the next night holds it: %+v, %v", err, next, nextErr)
			}
			return
		}
		if !w.Cheap(got.At) || got.At.Before(asked) || got.At.Before(got.Span.Earliest) || got.At.Add(slow).After(got.Span.Deadline) {
			t.Fatalf("asked %s with %s: %+v", asked, slow, got)
		}
		sound(t, w, got.Span)
		part := time.Duration(rapid.Int64Range(0, int64(slow)).Draw(t, "part"))
		if end := got.At.Add(part); end.Before(got.Span.Closes) && !w.Cheap(end) {
			t.Fatalf("a job of %s would end by day, at %s: %+v", part, end, got)
		}
		worth := in && slow <= s.Deadline.Sub(maxTime(asked, s.Earliest))
		switch {
		case worth && (!got.At.Equal(maxTime(asked, s.Earliest)) || !got.Span.Opens.Equal(s.Opens)):
			t.Fatalf("asked %s inside %+v, but starts at %s", asked, s, got.At)
		case !worth && !got.At.Equal(got.Span.StartAt):
			t.Fatalf("asked %s, waits until %s, which isn't the start of %+v", asked, got.At, got.Span)
		case !worth && !got.Span.Opens.After(asked):
			t.Fatalf("asked %s, waits for %+v, which was open already", asked, got.Span)
		}
	})
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
