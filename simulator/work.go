package simulator

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/money"
)

// work does one run: it takes its time, is priced by the clock at its end, is
// charged, booked, logged and counted. The error is errInsufficient for a run
// that was done and couldn't be paid for; any other means that it wasn't done.
func (x *exchange) work(sp *spec, rec *record, c cues) (*run, error) {
	s, sw := x.s, x.sw
	task := deref(sp.Task)
	if len(sp.Tasks) > 0 {
		task += "\x00" + sp.Tasks[0]
	}
	h := Digest(s.opt.Seed, untagged(sp.name()), task)
	w := &run{
		name: sp.name(), tmpl: s.books.template(sp), card: s.opt.Billed, used: s.opt.Tokens.use(sp, h),
		hash:    Digest(s.opt.Seed+uint64(rec.attempt), sp.name(), task),
		account: x.acct.id, key: uint8(x.key), billing: sw.Billing, numbers: sw.Numbers,
	}
	if c.has(KindNoUsage) {
		w.billing = "none"
	} else if c.has(KindNoBilling) {
		w.billing = "tokens"
	}
	started, takes := s.clock.Now(), s.opt.Latency.Of(h)+time.Duration(c.delay(KindSlow))
	if err := x.wait(takes); err != nil {
		return nil, err
	}
	// Not what the clock shows now: a clock that goes fast, or was moved, is
	// well past the end by the time this line is reached.
	ended := started.Add(takes)
	w.started, w.ended = started.UnixNano(), ended.UnixNano()
	x.price(w, ended, c)

	w.total = priceOf(w.card, w.used.in, w.used.out, w.used.agents, w.multiplier).Total
	err := x.acct.charge(w.total, x.purse, sw.Credits == "lost_update", sw.Late402)
	var rows []row
	if err == nil {
		w.price = w.total
		rows = x.rows(w, ended, rec, c)
	}
	s.books.done(rec, w, rows...)
	if sw.CountOn == "completion" && !sw.Strict && (!rec.item || !sw.BatchUnlogged) {
		x.acct.limiter.Record()
	}
	return w, err
}

// wait lets d pass. The work outlives its client, as a thread of the server
// does, unless the switch says otherwise.
func (x *exchange) wait(d time.Duration) error {
	ctx := x.s.life
	if x.sw.CancelLost {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(x.r.Context())
		defer cancel()
		defer context.AfterFunc(x.s.life, cancel)()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return x.s.clock.Wait(ctx, d)
}

// price decides the multiplier of the arithmetic and that of the flags.
func (x *exchange) price(w *run, ended time.Time, c cues) {
	at := ended
	if x.sw.DiscountClock == "arrival" {
		at = x.arrived
	}
	night := w.card.Night
	if x.sw.Multiplier != nil {
		night = *x.sw.Multiplier
	}
	w.multiplier, w.flagged = money.One, money.One
	if cheap(&x.s.opt.Window, x.s.zone, at) {
		w.multiplier, w.flagged = night, night
	}
	switch {
	case x.sw.Discount == "off" || c.has(KindFullPrice):
		w.multiplier, w.flagged = money.One, money.One
	case x.sw.Discount == "lie" || c.has(KindLie):
		w.multiplier, w.flagged = money.One, night
	}
}

// rows are what the run leaves in the provider's log.
func (x *exchange) rows(w *run, ended time.Time, rec *record, c cues) []row {
	sw := x.sw
	if c.has(KindGhost) || rec.item && sw.BatchUnlogged || sw.LogDrop.Falls(x.s.opt.Seed, w.name, int(rec.attempt)) {
		return nil
	}
	lag := sw.LogLag + c.delay(KindLateLog)
	if sw.LogSpread > 0 {
		lag += Duration(Digest(x.s.opt.Seed, w.name, "log lag") % uint64(sw.LogSpread+1))
	}
	r := row{run: w, visible: ended.Add(time.Duration(lag)).UnixNano()}
	if c.has(KindWrongLog) {
		r.extra = money.Micro
	}
	if c.has(KindDupLog) {
		return []row{r, r}
	}
	return []row{r}
}
