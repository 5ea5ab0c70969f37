package activities

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/notify"
)

const (
	// giveUp is how long a sink has to come back.
	giveUp = 24 * time.Hour
	// sinkGone is how long a worker that knows no such sink leaves it to others:
	// workers are deployed one after the other.
	sinkGone = 10 * time.Minute
)

// RaiseAlerts enters alerts into the books, which say what of them is news, and
// for whom. The log hears all of them.
func (h *Hands) RaiseAlerts(ctx context.Context, in batch.RaiseRequest) (batch.Raised, error) {
	outlets := make([]ledger.Outlet, len(h.Sinks))
	for i, s := range h.Sinks {
		outlets[i] = ledger.Outlet{Sink: s.ID, Place: s.Place, Takes: s.Takes}
	}
	due, err := h.Ledger.RaiseAlerts(ctx, in.By, in.Alerts, outlets, h.Quiet)
	if err != nil {
		return batch.Raised{}, raise(err)
	}
	for _, a := range in.Alerts {
		if !a.Over && !a.Kind.Once() {
			h.Log.Warn("alert: "+a.Title, zap.String("incident", a.Key), zap.String("severity", string(a.Severity)), zap.Strings("facts", a.Lines), zap.String("remedy", a.Remedy))
		}
	}
	out := batch.Raised{Tellings: make([]batch.Telling, len(due))}
	for i, d := range due {
		out.Tellings[i] = batch.Telling{Delivery: d.ID, Key: d.Key, Title: d.Alert.Title, Occasion: d.Occasion, Sink: d.Sink, Place: d.Place}
	}
	return out, nil
}

// DeliverAlert tells one sink, with one message. That it was taken is in the
// books before it says so; a worker that dies in between has it sent again by
// the next one, under the same id.
func (h *Hands) DeliverAlert(ctx context.Context, in batch.Telling) (batch.Delivered, error) {
	pulse := beat(ctx, "telling "+in.Place)
	defer pulse.end()
	sink := h.sink(in.Sink)
	if sink == nil {
		return h.noSink(ctx, in)
	}
	d, err := h.Ledger.BeginDelivery(ctx, in.Delivery)
	if err != nil {
		return batch.Delivered{}, raise(err)
	}
	if d.State != batch.DeliveryDue {
		return delivered(d)
	}
	sent := sink.Send(ctx, notify.Note{Delivery: d.ID, Occasion: d.Occasion, Alert: d.Alert, At: d.At})
	return h.told(ctx, d, sent)
}

// told books how an attempt ended.
func (h *Hands) told(ctx context.Context, d ledger.Delivery, sent error) (batch.Delivered, error) {
	state, why := batch.DeliverySent, ""
	if sent != nil {
		state, why = batch.DeliveryDue, sent.Error()
		late := h.now().Sub(d.At) >= giveUp
		if late {
			sent = over{sent}
		}
		if late || final[batch.KindOf(sent)] {
			state = batch.DeliveryFailed
			h.Log.Error("an alert couldn't be told", zap.String("incident", d.Key), zap.String("to", d.Place), zap.Int("attempts", d.Attempts), zap.Error(sent))
		}
	}
	booked := context.WithoutCancel(ctx)
	err := h.insist(booked, func() (err error) {
		d, err = h.Ledger.EndDelivery(booked, d.ID, state, why)
		return err
	})
	switch {
	case sent != nil:
		return batch.Delivered{}, raise(sent)
	case err != nil:
		return batch.Delivered{}, raise(err) // it is sent again, under the same id
	}
	return delivered(d)
}

// noSink is for a worker whose settings don't have the sink.
func (h *Hands) noSink(ctx context.Context, in batch.Telling) (batch.Delivered, error) {
	d, err := h.Ledger.Delivery(ctx, in.Delivery)
	if err != nil {
		return batch.Delivered{}, raise(err)
	}
	if d.State != batch.DeliveryDue {
		return delivered(d)
	}
	f := &batch.Fault{
		Kind: batch.Waiting, Op: "tell", Thing: in.Place, Moved: batch.MovedNo, Detail: "this worker's OFFPEAK_NOTIFY has no such place",
		Hint: "give all workers the same OFFPEAK_NOTIFY",
	}
	if h.now().Sub(d.At) < sinkGone {
		return batch.Delivered{}, raise(later{Fault: f, delay: 30 * time.Second})
	}
	f.Kind = batch.NotFound
	return h.told(ctx, d, f)
}

func (h *Hands) sink(id string) *notify.Sink {
	for _, s := range h.Sinks {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// delivered is how a delivery that isn't due any more ended.
func delivered(d ledger.Delivery) (batch.Delivered, error) {
	out := batch.Delivered{Delivery: d.ID, State: d.State, Place: d.Place, Attempts: d.Attempts, At: d.EndedAt}
	if d.State == batch.DeliveryFailed {
		return out, raise(over{&batch.Fault{Kind: batch.OutOfReach, Op: "tell", Thing: d.Place, Moved: batch.MovedNo, Detail: d.Error, Err: errors.New(d.Error)}})
	}
	return out, nil
}
