package books

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// Incident is one as people see it.
type Incident struct {
	batch.Alert // as it was last seen, or as its end was

	State    string          `json:"state"` // open, silenced or over
	Opened   time.Time       `json:"opened"`
	Seen     time.Time       `json:"seen"`
	Count    int             `json:"count"` // how often it was seen since it opened
	Ended    time.Time       `json:"ended,omitzero"`
	Told     batch.Occasion  `json:"told,omitempty"` // the last occasion; "" when nobody was told
	ToldAt   time.Time       `json:"told_at,omitzero"`
	Silenced *IncidentsQuiet `json:"silenced,omitempty"`
	Tellings []Telling       `json:"tellings"` // of Incidents those that failed or are due; of Incident all, in order
}

// IncidentsQuiet is a silence that holds.
type IncidentsQuiet struct {
	Until time.Time `json:"until"`
	By    string    `json:"by"`
	Why   string    `json:"why,omitempty"`
}

// Telling is an incident as it was told to one sink.
type Telling struct {
	Delivery string              `json:"delivery"`
	Occasion batch.Occasion      `json:"occasion"`
	Place    string              `json:"place"`
	State    batch.DeliveryState `json:"state"`
	Attempts int                 `json:"attempts"`
	Error    string              `json:"error,omitempty"`
	Due      time.Time           `json:"due"`
	Ended    time.Time           `json:"ended,omitzero"`
}

// Incidents are those of the books.
type Incidents struct {
	Ledger    string     `json:"ledger"` // without a password
	All       bool       `json:"all"`    // those that are over as well
	Incidents []Incident `json:"incidents"`
	More      bool       `json:"more"` // there are more than were asked for
}

// Incidents lists those that are open, or all, the last seen first.
func (b *Books) Incidents(ctx context.Context, all bool, limit int, now time.Time) (Incidents, error) {
	out := Incidents{Ledger: b.place, All: all, Incidents: []Incident{}}
	found, err := b.ledger.Incidents(ctx, all, limit+1)
	if err != nil {
		return out, stopped(ctx, err)
	}
	for _, i := range found {
		if len(out.Incidents) == limit {
			out.More = true
			break
		}
		_, told, err := b.ledger.Incident(ctx, i.Alert.Key)
		if err != nil {
			return out, stopped(ctx, err)
		}
		out.Incidents = append(out.Incidents, incident(i, told, now, func(d ledger.Delivery) bool {
			return d.State == batch.DeliveryFailed || d.State == batch.DeliveryDue
		}))
	}
	return out, nil
}

// Incident is one with everything that was told of it.
func (b *Books) Incident(ctx context.Context, key string, now time.Time) (Incident, error) {
	i, told, err := b.ledger.Incident(ctx, key)
	if err != nil {
		return Incident{}, stopped(ctx, err)
	}
	return incident(i, told, now, func(ledger.Delivery) bool { return true }), nil
}

func incident(i ledger.Incident, told []ledger.Delivery, now time.Time, keep func(ledger.Delivery) bool) Incident {
	out := Incident{
		Alert: i.Alert, State: "open", Opened: i.OpenedAt, Seen: i.SeenAt, Count: i.Count, Ended: i.OverAt, Told: i.Told, ToldAt: i.ToldAt, Tellings: []Telling{},
	}
	if i.Silenced.On(now) {
		out.State = "silenced"
		out.Silenced = &IncidentsQuiet{Until: i.Silenced.Until, By: i.Silenced.By, Why: i.Silenced.Why}
	}
	if !i.Open() {
		out.State = "over"
	}
	for _, d := range told {
		if keep(d) {
			out.Tellings = append(out.Tellings, Telling{
				Delivery: d.ID, Occasion: d.Occasion, Place: d.Place, State: d.State, Attempts: d.Attempts, Error: d.Error, Due: d.At, Ended: d.EndedAt,
			})
		}
	}
	return out
}
