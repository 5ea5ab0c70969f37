package ledger

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Delivery is one incident as it is told to one sink on one occasion.
//
//	due --taken--> sent
//	 |---given up--> failed
//	 '---newer news of the incident for the same sink--> dropped
type Delivery struct {
	ID       string // the same for every attempt: receivers drop repeats by it
	Key      string // the incident's
	N        int    // which telling of the incident it is; each sink has one of that number
	Occasion batch.Occasion
	Sink     string // names the sink: a hash, never its address
	Place    string // the sink for people, without a secret
	State    batch.DeliveryState
	Attempts int       // requests that were begun
	Error    string    // why the last one failed, without a secret
	At       time.Time // when it became due
	EndedAt  time.Time // when it left due
	By       string    // the announcement that has to tell it
	Alert    batch.Alert
}

// BeginDelivery is called before each attempt and counts it. One that isn't due
// is returned as it is: there is nothing to send. One that newer news has
// overtaken is dropped. NotFound when there is none.
func (l *Ledger) BeginDelivery(ctx context.Context, id string) (Delivery, error) {
	var out Delivery
	err := l.write(ctx, nil, func(w *work) error {
		d, found, err := w.deliveries.get(id)
		switch {
		case err != nil:
			return err
		case !found:
			return noDelivery("tell", id)
		case d.State != batch.DeliveryDue:
			out = d
			return nil
		}
		if err := w.flush(); err != nil {
			return err
		}
		all, err := w.tx.DeliveriesOf(d.Key)
		if err := w.check(err); err != nil {
			return err
		}
		d.Attempts++
		for _, other := range all {
			if other.Sink == d.Sink && other.N > d.N {
				d.Attempts--
				d.State, d.EndedAt = batch.DeliveryDropped, w.now
				d.Error = clean("overtaken by " + string(other.Occasion))
				break
			}
		}
		w.deliveries.put(id, d)
		out = d
		return nil
	})
	return out, err
}

// Delivery is one, as it stands. NotFound when there is none.
func (l *Ledger) Delivery(ctx context.Context, id string) (Delivery, error) {
	var out Delivery
	err := l.read(ctx, func(tx Tx) error {
		d, found, err := tx.Delivery(id)
		if err == nil && !found {
			err = noDelivery("read", id)
		}
		out = d
		return err
	})
	return out, err
}

// EndDelivery notes how an attempt ended: with DeliveryDue it is to be tried
// again. One that isn't due any more stays as it is.
func (l *Ledger) EndDelivery(ctx context.Context, id string, state batch.DeliveryState, why string) (Delivery, error) {
	var out Delivery
	err := l.write(ctx, nil, func(w *work) error {
		d, found, err := w.deliveries.get(id)
		switch {
		case err != nil:
			return err
		case !found:
			return noDelivery("end", id)
		}
		if d.State == batch.DeliveryDue {
			d.State, d.Error = state, clean(why)
			if state != batch.DeliveryDue {
				d.EndedAt = w.now
			}
			w.deliveries.put(id, d)
		}
		out = d
		return nil
	})
	return out, err
}

func noDelivery(op, id string) error {
	return &batch.Fault{
		Kind: batch.NotFound, Op: op, Thing: "delivery " + id, Moved: batch.MovedNo, Detail: "the ledger has none of this id",
		Hint: "workers of one Temporal namespace must share one ledger",
	}
}
