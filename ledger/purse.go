package ledger

import (
	"context"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Room is one cap with what counts towards it, the asking job's own
// reservation left out.
type Room struct {
	Name    string // for people: "the batch's cap"
	Cap     money.USD
	Held    money.USD
	Charged money.USD
}

// Rooms lists the caps that hold for a job, beside the one on the job itself.
func (s Standing) Rooms() []Room {
	rooms := []Room{{"the batch's cap", s.Batch.Budget.Batch, s.Held, s.Charged}}
	for _, r := range []Room{
		{"the key's cap a night (budget.day)", s.Batch.Budget.Day, s.Purse.Held, s.Purse.Charged},
		{"the key's cap a night (OFFPEAK_CAP_KEY)", s.Caps.Key, s.Purse.Held, s.Purse.Charged},
		{"the cap a night (OFFPEAK_CAP_DAY)", s.Caps.Night, s.Night.Held, s.Night.Charged},
	} {
		if r.Cap > 0 {
			rooms = append(rooms, r)
		}
	}
	return rooms
}

// pocket names a purse.
type pocket struct {
	night tariff.Night
	key   string // "" for all keys
}

// String is "night 2026-11-22 key 1a2b3c", or "night 2026-11-22 all keys".
func (p Purse) String() string {
	if p.Key == "" {
		return "night " + string(p.Night) + " all keys"
	}
	return "night " + string(p.Night) + " key " + p.Key
}

func (p Purse) pocket() pocket { return pocket{p.Night, p.Key} }

// loadPurse reads a purse, or makes an empty one.
func (w *work) loadPurse(p pocket) (Purse, bool, error) {
	purse, found, err := w.tx.Purse(p.night, p.key)
	if !found {
		purse = Purse{Night: p.night, Key: p.key}
	}
	return purse, true, err
}

// spend adds to the two purses of a batch's night that a key's money counts
// to. A store's error voids the whole group (guard), so that it isn't returned.
func (w *work) spend(id batch.ID, key string, held, charged money.USD) {
	for _, p := range []pocket{{id.Night(), key}, {id.Night(), ""}} {
		purse, _, _ := w.purses.get(p)
		purse.Held += held
		purse.Charged += charged
		w.purses.put(p, purse)
	}
}

// setAside moves the job's ceiling into the purse that it now counts to.
func (d *docket) setAside() {
	key := ""
	if holds(d.job.State) {
		if key = d.holder; d.sender != "" {
			key = d.sender
		}
	}
	if key == d.holder {
		return
	}
	if d.holder != "" {
		d.w.spend(d.job.Batch, d.holder, -d.job.Ceiling, 0)
	}
	if key != "" {
		d.w.spend(d.job.Batch, key, d.job.Ceiling, 0)
	}
	d.holder = key
}

// Purse is what a night has spent and set aside with a key, or with all of
// them for the key "".
func (l *Ledger) Purse(ctx context.Context, night tariff.Night, key string) (Purse, error) {
	var out Purse
	err := l.read(ctx, func(tx Tx) error {
		p, _, err := tx.Purse(night, key)
		p.Night, p.Key = night, key
		out = p
		return err
	})
	return out, err
}

// fillPurses adds what a batch's rows say to the purses of its night.
func fillPurses(purses map[pocket]Purse, tx Tx, id batch.ID) error {
	spent, err := tx.Spent(id, holding())
	for _, s := range spent {
		for _, key := range []string{s.Key, ""} {
			at := pocket{id.Night(), key}
			p := purses[at]
			p.Night, p.Key = at.night, at.key
			p.Held += s.Held
			p.Charged += s.Charged
			purses[at] = p
		}
	}
	return err
}

// comparePurses wants the purses to be what the rows add up to.
func comparePurses(added map[pocket]Purse, tx Tx) error {
	have, err := tx.Purses()
	if err != nil {
		return err
	}
	for _, p := range have {
		at := p.pocket()
		if sum := added[at]; sum.Held != p.Held || sum.Charged != p.Charged {
			return disagree(p.String(), "%s held and %s charged by its running sums, %s and %s added up",
				p.Held.Dollars(), p.Charged.Dollars(), sum.Held.Dollars(), sum.Charged.Dollars())
		}
		delete(added, at)
	}
	for _, p := range added {
		if p.Held != 0 || p.Charged != 0 {
			return disagree(p.String(), "its running sums are missing; %s held and %s charged added up", p.Held.Dollars(), p.Charged.Dollars())
		}
	}
	return nil
}
