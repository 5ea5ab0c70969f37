package activities

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/tariff"
)

// yesterday names the last night that is over.
const yesterday = "yesterday"

// NightBatches lists the batches of one night, by id. A date on which nothing
// was planned is NotFound: whoever named it meant another. That the last night
// that is over has none is no fault, since a schedule asks every morning.
func (h *Hands) NightBatches(ctx context.Context, in batch.NightRequest) ([]batch.ID, error) {
	night, err := nightOf(in)
	if err != nil {
		return nil, raise(err)
	}
	all, err := h.Ledger.Nights(ctx, "")
	if err != nil {
		return nil, raise(err)
	}
	out := []batch.ID{} // an empty list, and not null, in the history
	for _, id := range all {
		if id.Night() == night {
			out = append(out, id)
		}
	}
	if len(out) == 0 && in.Night != yesterday {
		return nil, raise(&batch.Fault{
			Kind: batch.NotFound, Op: "list a night's batches", Thing: in.Night, Moved: batch.MovedNo,
			Detail: "these books have no batch of this night", Hint: "starter list says of which nights there are some; a night is named by the date of its evening",
		})
	}
	return out, nil
}

// nightOf is the night that is meant. Yesterday's is the last one whose window
// has closed: asked at 07:00 on the 23rd that of the 22nd, asked at 05:00, when
// that one still runs, that of the 21st.
func nightOf(in batch.NightRequest) (tariff.Night, error) {
	if in.Night != yesterday {
		if _, err := time.Parse(time.DateOnly, in.Night); err != nil {
			return "", &batch.Fault{
				Kind: batch.BadInput, Op: "list a night's batches", Thing: in.Night, Moved: batch.MovedNo,
				Detail: "it is no night", Hint: "write a date such as 2026-11-22, or yesterday",
			}
		}
		return tariff.Night(in.Night), nil
	}
	var last tariff.Night
	for from := in.Asked.Add(-72 * time.Hour); ; {
		span, err := tariff.SwarmsWindow().Next(from)
		if err != nil {
			return "", err // can't be: the built-in window opens every night
		}
		if span.Closes.After(in.Asked) {
			return last, nil
		}
		last, from = span.Night, span.Opens
	}
}
