package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
)

// funds are the credits as they were when a look had ended, for all who share
// it. They are read once, when the first doubt needs them.
//
// They can tell what the log can't: that nothing was billed. The account is
// prepaid, and a run takes its price from it (Swarms docs, premium-endpoints,
// 2026-07-13: no paid request without credits). So when they fell, since a
// reading from before a doubted request, by what the books charged since and
// by nothing else, that request wasn't billed. When they fell by more, it may
// have been.
type funds struct {
	mu     sync.Mutex
	read   bool
	before time.Time // no run that began after it is in the reading
	after  time.Time // every run that had ended by then is
	total  money.USD
	silent string // why they say nothing; "" when they do

	strange []stranger         // others who use the key, by the log
	since   map[time.Time]drop // by the reading that it is compared with
}

// drop is by how much the credits fell since an earlier reading.
type drop struct {
	loose   money.USD // beyond what the books explain; below zero: less than that
	within  money.USD // of it, what rounding may come to
	strange money.USD // of it, what the log shows of others who use the key
	silent  string    // why it says nothing; "" when it does
}

// stranger is a run without our tag.
type stranger struct {
	ended time.Time // by the log
	total money.USD
}

// saw keeps what a row of the log that isn't ours was billed, if it is no older
// than the readings of the credits that it could be compared with.
func (f *funds) saw(row swarms.LogRow, key string, oldest time.Time) {
	if row.KeyID != "" && row.KeyID != key || row.Run.Usage == nil {
		return
	}
	if ended, err := time.Parse(time.RFC3339Nano, row.CreatedAt); err == nil && ended.After(oldest) {
		f.strange = append(f.strange, stranger{ended, row.Run.Usage.TotalCost.USD})
	}
}

// Bounds of what is compared.
const (
	fundsAge     = 24 * time.Hour // how old the reading from before may be: every night begins with one
	fundsBatches = 1000           // newest batches in which charges are looked for
	fundsSkew    = 2 * time.Minute
	fundsTries   = 4 // newest readings that are tried, and then the oldest
)

// unbilled says that nothing was billed that costs at least so much.
func (d drop) unbilled(least money.USD) bool {
	return d.silent == "" && d.loose <= d.within && -d.loose <= d.within && d.within < least
}

// moved says that something was billed that neither the books know of, nor the
// log as somebody else's. A row of theirs excuses a fall, and proves nothing:
// when a row of a late log was made isn't when its run was billed.
func (d drop) moved() bool {
	rest := d.loose - d.strange
	return d.silent == "" && d.loose > d.within && (rest > d.within || -rest > d.within)
}

// fell compares the credits, as they are after a look, with the last reading
// from before an instant.
func (h *Hands) fell(ctx context.Context, f *funds, sent time.Time) (drop, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.read {
		if err := h.readFunds(ctx, f); err != nil {
			return drop{}, err
		}
		f.read = true
	}
	if f.silent != "" {
		return drop{silent: f.silent}, nil
	}
	old, err := h.Ledger.Balances(ctx, h.key, sent.Add(-fundsAge), sent)
	if err != nil {
		return drop{}, err
	}
	// The newest one has the least to explain. One that was made while a run was
	// being billed says nothing, and then an older one may: the first of a night
	// was made before anything was sent.
	first := drop{silent: "they weren't read before it was sent"}
	for i, tried := len(old)-1, 0; i >= 0; i, tried = i-1, tried+1 {
		if tried == fundsTries {
			i = 0
		}
		d, known := f.since[old[i].At]
		if !known {
			if d, err = h.explain(ctx, f, old[i]); err != nil {
				return drop{}, err
			}
			if f.since == nil {
				f.since = map[time.Time]drop{}
			}
			f.since[old[i].At] = d
		}
		if d.silent == "" {
			return d, nil
		}
		if tried == 0 {
			first = d
		}
	}
	return first, nil
}

// readFunds asks for the credits at a moment at which nothing of this key is
// under way: a run that is may be in them or not.
func (h *Hands) readFunds(ctx context.Context, f *funds) error {
	for _, ask := range []func() error{
		func() error {
			f.before = h.now()
			got, _, err := h.Swarms.Credits(ctx)
			f.after = h.now()
			var fault *batch.Fault
			switch {
			case errors.As(err, &fault):
				f.silent = "they can't be read"
				h.Log.Warn("the credits can't be read", zap.Error(err))
				return nil
			case err != nil:
				return err
			case !got.Total.Known:
				f.silent = "the provider doesn't say how many there are"
				return nil
			}
			f.total = got.Total.USD
			return nil
		},
		func() error { return h.remember(ctx, f.after, batch.Credits{Total: f.total}) },
	} {
		key, err := h.Ledger.Key(ctx, h.key)
		if err != nil {
			return err
		}
		if key.InFlight > 0 {
			f.silent = "other requests are under way"
		}
		if f.silent != "" {
			return nil
		}
		if err := ask(); err != nil {
			return err
		}
	}
	return nil
}

// explain takes what the books charged between two readings from what the
// credits fell by. A charge that may be on either side of a reading says
// nothing, and so do credits that didn't move when they had to.
func (h *Hands) explain(ctx context.Context, f *funds, old ledger.Balance) (drop, error) {
	batches, err := h.Ledger.Batches(ctx, fundsBatches)
	if err != nil {
		return drop{}, err
	}
	d, runs, judged := drop{loose: old.Total - f.total}, money.USD(0), false
	for _, b := range batches {
		if b.Key != h.key {
			continue // of another account, or it shows as a fall that nothing explains
		}
		if !judged && still(b, &judged) {
			return drop{silent: "they didn't fall in " + string(b.ID) + ", whose runs were billed"}, nil
		}
		if b.Span.Closes.Before(old.At) {
			continue
		}
		err := h.Ledger.Charges(ctx, b.ID, func(c ledger.Charge) error {
			switch f.place(c, old.At) {
			case within:
				d.loose -= c.Total
				runs++
			case astride:
				d.silent = fmt.Sprintf("%s may have been billed before or after a reading of them", c.Name)
			}
			return nil
		})
		if err != nil || d.silent != "" {
			return d, err
		}
	}
	for _, run := range f.strange {
		if run.ended.After(old.At) {
			d.strange += run.total
			runs++
		}
	}
	d.within = (runs + 3) / 2 // each run's price, and both readings, are rounded to a micro-dollar
	return d, nil
}

// side is where a charge lies between two readings of the credits.
type side int

const (
	outside side = iota
	within
	astride
)

// place says where a charge lies between an earlier reading and this one. An
// answer's run had ended when the answer was complete, one from the log when
// it was booked; neither began before it was sent.
func (f *funds) place(c ledger.Charge, old time.Time) side {
	ended, over := c.EndedAt, c.EndedAt // by then; and, for being outside, surely before
	if c.Source != ledger.FromAnswer {
		ended, over = c.At, c.At
		if c.Source == ledger.FromLog && !c.EndedAt.IsZero() && c.EndedAt.Add(fundsSkew).Before(over) {
			over = c.EndedAt.Add(fundsSkew) // by the provider's clock
		}
	}
	switch {
	case !over.After(old):
		return outside
	case c.SentAt.IsZero() || c.SentAt.Before(old):
		return astride
	case !ended.After(f.before) && c.Source != ledger.FromCeiling:
		return within
	case !c.SentAt.Before(f.after):
		return outside
	}
	return astride
}

// still says that the credits stood still over the last night that was judged
// with this key, though it was billed: then they don't tell what is billed.
func still(b ledger.Batch, judged *bool) bool {
	var r batch.Result
	if json.Unmarshal(b.Result, &r) != nil || r.Reconciled == nil || r.Reconciled.Credits.From.IsZero() {
		return false
	}
	*judged = true
	return r.Reconciled.Charged > 0 && r.Reconciled.Credits.Before == r.Reconciled.Credits.After
}
