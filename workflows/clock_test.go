package workflows_test

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// TestStartsExactlyWhenItShould plays nights on the skipping clock: whenever
// it is asked for, work begins at 21:00 Pacific or, inside the window, at
// once; and never by day.
func TestStartsExactlyWhenItShould(t *testing.T) {
	for _, c := range []struct {
		name, asked, want, night string
	}{
		{"by day", "2026-11-22 10:00:00", "2026-11-22 21:00:00", "2026-11-22"},
		{"one second before the window", "2026-11-22 19:59:59", "2026-11-22 21:00:00", "2026-11-22"},
		{"inside the buffer after opening", "2026-11-22 20:05:00", "2026-11-22 20:15:00", "2026-11-22"},
		{"inside the window", "2026-11-22 20:30:00", "2026-11-22 20:30:00", "2026-11-22"},
		{"late in the evening", "2026-11-22 23:00:00", "2026-11-22 23:00:00", "2026-11-22"},
		{"after midnight", "2026-11-23 02:00:00", "2026-11-23 02:00:00", "2026-11-22"},
		{"last moment worth starting", "2026-11-23 04:50:00", "2026-11-23 04:50:00", "2026-11-22"},
		{"one second too late", "2026-11-23 04:50:01", "2026-11-23 21:00:00", "2026-11-23"},
		{"too late to be worth it", "2026-11-23 05:30:00", "2026-11-23 21:00:00", "2026-11-23"},
		{"at the close", "2026-11-23 06:00:00", "2026-11-23 21:00:00", "2026-11-23"},

		{"by day before summer time begins", "2027-03-13 10:00:00", "2027-03-13 21:00:00", "2027-03-13"},
		{"in the short night, before the gap", "2027-03-14 01:59:59", "2027-03-14 01:59:59", "2027-03-13"},
		{"in the short night, after the gap", "2027-03-14 03:00:00", "2027-03-14 03:00:00", "2027-03-13"},
		{"too late in the short night", "2027-03-14 05:30:00", "2027-03-14 21:00:00", "2027-03-14"},

		{"by day before summer time ends", "2027-11-06 10:00:00", "2027-11-06 21:00:00", "2027-11-06"},
		{"in the long night", "2027-11-07 01:30:00", "2027-11-07 01:30:00", "2027-11-06"},
		{"too late in the long night", "2027-11-07 05:30:00", "2027-11-07 21:00:00", "2027-11-07"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked, want := pacific(t, c.asked), pacific(t, c.want)
			h := newHands(t, asked, 3)
			result, err := h.run(t)
			if err != nil {
				t.Fatal(err)
			}
			wantTimes(t, "submit", h.sentAt, 3, want, want.Add(time.Second))
			if string(result.Night) != c.night {
				t.Errorf("night %s, want %s", result.Night, c.night)
			}
			for _, s := range h.sent {
				if s.Span.Opens.After(want) || !s.Span.Deadline.After(want) {
					t.Errorf("job %d was sent with the span %v", s.Seq, s.Span)
				}
			}
		})
	}
}

// TestNeverStartsByDay: the plan said 21:00 last night, but the server was
// down and its timer fires by day. The night waits for the next opening.
func TestNeverStartsByDay(t *testing.T) {
	for _, came := range []string{"2026-11-23 05:30:00", "2026-11-23 10:00:00", "2026-11-23 19:59:59"} {
		t.Run(came, func(t *testing.T) {
			h := newHands(t, pacific(t, came), 3)
			h.plan = func(in batch.PlanRequest) (batch.Plan, error) {
				in.Asked = pacific(t, "2026-11-22 10:00:00")
				return h.usualPlan(in)
			}
			result, err := h.run(t)
			if err != nil {
				t.Fatal(err)
			}
			want := pacific(t, "2026-11-23 21:00:00")
			wantTimes(t, "submit", h.sentAt, 3, want, want.Add(time.Second))
			if result.Batch != "digest/2026-11-22" || h.sent[0].Span.Night != "2026-11-23" {
				t.Errorf("batch %s ran on the night of %s, want digest/2026-11-22 on 2026-11-23", result.Batch, h.sent[0].Span.Night)
			}
		})
	}
}

// TestChecksCreditsTwice: by day, so that a person can act, and again when the
// night begins.
func TestChecksCreditsTwice(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 10:00:00"), 3)
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	if len(h.asked) != 2 || h.asked[0].When != "when asked" || h.asked[1].When != "at the opening" {
		t.Fatalf("preflights: %+v", h.asked)
	}
	if !h.asked[0].Until.IsZero() || !h.asked[1].Until.Equal(pacific(t, "2026-11-23 05:00:00")) {
		t.Errorf("asked again until %v and %v", h.asked[0].Until, h.asked[1].Until)
	}
}
