package ledgertest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// nightCaps looks at each cap of a night from both sides of its edge, with a
// judge that lets everything pass.
func nightCaps(t *testing.T, r *room) {
	l := r.open(t)
	const key, other = "key-a", "key-b"
	on := func(key string, day money.USD) *desk {
		return r.plan(t, l, 8, func(b *ledger.Batch) { b.Key, b.Budget.Day = key, day })
	}
	a, b, c := on(key, 4*ceil15), on(key, 4*ceil15), on(other, 0)
	ask := func(d *desk, seq int, caps ledger.Caps) error {
		_, _, err := d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: seq, Caps: caps}, always(ledger.Go))
		return err
	}
	none := ledger.Caps{}
	a.ok(ask(a, 0, none))
	a.ok(ask(a, 1, none))
	b.ok(ask(b, 0, none))
	b.ok(ask(b, 1, none))
	err := ask(b, 2, none)
	b.refused(err, batch.OverBudget)
	if !strings.Contains(err.Error(), "budget.day") || !strings.Contains(err.Error(), "$0.60") {
		t.Errorf("%v doesn't name the cap", err)
	}
	// A charge below the ceiling gives room back, to the other batch too.
	_, err = a.Settle(a.ctx, a.closing(0, 1), chargeOf(0), "x")
	a.ok(err)
	b.ok(ask(b, 2, none))
	b.refused(ask(a, 2, none), batch.OverBudget)

	// Another key isn't held by it, though by the operator's caps.
	c.ok(ask(c, 0, none))
	for _, caps := range []ledger.Caps{{Key: 2*ceil15 - 1}, {Night: 6*ceil15 - 1}} {
		err := ask(c, 1, caps)
		c.refused(err, batch.OverBudget)
		if !strings.Contains(err.Error(), "OFFPEAK_CAP_") {
			t.Errorf("%v doesn't name the setting", err)
		}
	}
	c.ok(ask(c, 1, ledger.Caps{Key: 2 * ceil15, Night: 6 * ceil15}))

	// Another night neither.
	d := *a
	d.id = batch.NewID("another", "2026-11-23")
	claim := claimOf(d.id, "w")
	claim.Batch.Key, claim.Batch.Budget.Day = key, ceil15
	_, err = l.Claim(d.ctx, claim)
	d.ok(err)
	d.ok(l.Plan(d.ctx, d.id, jobsOf(0, 3, ceil15)))
	d.ok(ask(&d, 0, ledger.Caps{Key: ceil15, Night: ceil15}))
	d.refused(ask(&d, 1, none), batch.OverBudget)
	d.sound()
}

// nightCapsUnderFire sends from 64 goroutines and through two handles more
// than three caps have room for: each is met to the micro-dollar, by no more.
func nightCapsUnderFire(t *testing.T, r *room) {
	const jobs, workers = 60, 64
	handles := []*ledger.Ledger{r.open(t), r.open(t)}
	caps := ledger.Caps{Key: 55*ceil15 + 1, Night: 100*ceil15 - money.Micro}
	var desks []*desk
	for i := range 6 { // two batches for each of three keys; those of the first have a cap of their own
		d := r.plan(t, handles[i%2], jobs, func(b *ledger.Batch) {
			b.Key = []string{"key-a", "key-b", "key-c"}[i/2]
			if i < 2 {
				b.Budget.Day = 20*ceil15 - 1
			}
		})
		desks = append(desks, d)
	}
	limit := map[string]money.USD{"key-a": 20*ceil15 - 1, "key-b": caps.Key, "key-c": caps.Key}
	type ask struct{ batch, seq int }
	next := make(chan ask, len(desks)*jobs)
	for seq := range jobs {
		for i := range desks {
			next <- ask{i, seq}
		}
	}
	close(next)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			l := handles[w%2]
			for a := range next {
				d := desks[a.batch]
				_, n, err := l.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: a.seq, Caps: caps}, func(s ledger.Standing) ledger.Verdict {
					if got := s.Purse.Held + s.Purse.Charged; got > limit[d.key] {
						t.Errorf("key %s has %s under a cap of %s", d.key, got.Dollars(), limit[d.key].Dollars())
					}
					if got := s.Night.Held + s.Night.Charged; got > caps.Night {
						t.Errorf("the night has %s under a cap of %s", got.Dollars(), caps.Night.Dollars())
					}
					return ledger.Verdict{Action: ledger.Go}
				})
				switch {
				case batch.KindOf(err) == batch.OverBudget:
				case err != nil:
					t.Error(err)
				case a.seq%3 == 0: // some stay under way, some come back, some are paid
				case a.seq%3 == 1:
					if _, err := l.Settle(d.ctx, d.closing(a.seq, n), chargeOf(ceil15), "x"); err != nil {
						t.Error(err)
					}
				default:
					if _, err := l.Reject(d.ctx, d.closing(a.seq, n), "no"); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	d := desks[0]
	// What was rejected gave its room back, so that the rest can be used up.
	for i, d := range desks {
		for seq := range jobs {
			if d.job(seq).State == batch.Planned {
				_, _, _ = handles[i%2].Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: seq, Caps: caps}, always(ledger.Go))
			}
		}
	}
	all, err := d.Purse(d.ctx, d.id.Night(), "")
	d.ok(err)
	if sum := all.Held + all.Charged; sum > caps.Night || sum+ceil15 <= caps.Night {
		t.Errorf("the night has %s: a cap of %s should be used up", sum.Dollars(), caps.Night.Dollars())
	}
	var sum money.USD
	for key, most := range limit {
		p, err := d.Purse(d.ctx, d.id.Night(), key)
		d.ok(err)
		if p.Held+p.Charged > most {
			t.Errorf("key %s has %s under a cap of %s", key, (p.Held + p.Charged).Dollars(), most.Dollars())
		}
		sum += p.Held + p.Charged
	}
	if sum != all.Held+all.Charged {
		t.Errorf("the keys have %s, the night %s", sum.Dollars(), (all.Held + all.Charged).Dollars())
	}
	d.sound()
}

// purses follows a job's dollars when its batch changes the key in mid-night.
func purses(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 3, func(b *ledger.Batch) { b.Key = "old" })
	want := func(what string, oldHeld, oldCharged, newHeld, newCharged money.USD) {
		t.Helper()
		for _, w := range []ledger.Purse{
			{Key: "old", Held: oldHeld, Charged: oldCharged},
			{Key: "new", Held: newHeld, Charged: newCharged},
			{Key: "", Held: oldHeld + newHeld, Charged: oldCharged + newCharged},
		} {
			w.Night = d.id.Night()
			got, err := d.Purse(d.ctx, w.Night, w.Key)
			d.ok(err)
			d.same(got, w, what)
		}
		d.sound()
	}
	d.into(0, batch.Succeeded)
	d.into(1, batch.Reserved)
	d.into(2, batch.Unknown)
	want("with the old key", 2*ceil15, 97_250, 0, 0)
	c := claimOf(d.id, "nightly/"+string(d.id))
	c.Batch.Key, c.Batch.Owner.RunID = "new", "run-2"
	_, err := d.Claim(d.ctx, c)
	d.ok(err)
	want("claimed with the new key", 2*ceil15, 97_250, 0, 0)
	d.send(1)
	want("sent with the new key", ceil15, 97_250, ceil15, 0)
	_, err = d.Settle(d.ctx, d.closing(1, 2), chargeOf(5), "x")
	d.ok(err)
	want("paid with the new key", ceil15, 97_250, 0, 5)
	_, err = d.Found(d.ctx, d.id, 2, chargeOf(7), "x")
	d.ok(err)
	want("found with the old key", 0, 97_257, 0, 5)
}

// steering pauses, resumes and raises.
func steering(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 6, func(b *ledger.Batch) { b.Budget.Batch = 2 * ceil15 })
	d.send(0)
	at := d.clock.Now()
	b, err := d.Pause(d.ctx, d.id, "ada", "the answers look wrong")
	d.ok(err)
	d.same(b.Paused, batch.Pause{By: "ada", Why: "the answers look wrong", At: at}, "the pause")
	d.clock.Add(time.Minute)
	_, err = d.Pause(d.ctx, d.id, "bob", "me too")
	d.ok(err)
	saw := b
	_, _, err = d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: 1}, func(s ledger.Standing) ledger.Verdict {
		saw = s.Batch
		return ledger.Verdict{Action: ledger.Go}
	})
	d.refused(err, batch.Internal) // whatever the judge says
	d.same(saw.Paused.By, "ada", "the first pause stays")
	_, err = d.Settle(d.ctx, d.closing(0, 1), chargeOf(ceil15), "x") // what is in flight ends
	d.ok(err)
	b, err = d.Resume(d.ctx, d.id)
	d.ok(err)
	d.same(b.Paused, batch.Pause{}, "resumed")
	_, err = d.Resume(d.ctx, d.id)
	d.ok(err)

	d.send(1)
	_, err = d.admit(2, ledger.Go)
	d.refused(err, batch.OverBudget)
	d.into(2, batch.Skipped)
	d.into(3, batch.Skipped)
	d.into(4, batch.Parked)
	for _, low := range []money.USD{2*ceil15 - 1, 0, -1} {
		_, _, err = d.Raise(d.ctx, d.id, low)
		d.refused(err, batch.BadInput)
	}
	_, _, err = d.Raise(d.ctx, d.id, 2_000_000_000_000*money.Dollar)
	d.refused(err, batch.BadInput)
	b, n, err := d.Raise(d.ctx, d.id, 3*ceil15)
	d.ok(err)
	if n != 2 || b.Budget.Batch != 3*ceil15 {
		t.Errorf("%d reopened under a cap of %s", n, b.Budget.Batch.Dollars())
	}
	for seq, s := range map[int]batch.State{2: batch.Planned, 3: batch.Planned, 4: batch.Parked, 5: batch.Planned} {
		if got := d.job(seq).State; got != s {
			t.Errorf("job %d is %s after a raise, want %s", seq, got, s)
		}
	}
	d.send(2)
	_, err = d.admit(3, ledger.Go)
	d.refused(err, batch.OverBudget)
	if _, n, err = d.Raise(d.ctx, d.id, 3*ceil15); err != nil || n != 0 {
		t.Errorf("raised again: %d, %v", n, err)
	}
	for _, err := range []error{
		func() error { _, err := d.Pause(d.ctx, "none/2026-11-22", "ada", ""); return err }(),
		func() error { _, err := d.Resume(d.ctx, "none/2026-11-22"); return err }(),
		func() error { _, _, err := d.Raise(d.ctx, "none/2026-11-22", cap50); return err }(),
	} {
		d.refused(err, batch.NotFound)
	}
	_, err = d.Pause(d.ctx, d.id, "ada", "")
	d.ok(err)
	d.ok(d.Reopen(d.ctx, d.id))
	if b, err := d.Batch(d.ctx, d.id); err != nil || b.Paused.On() {
		t.Errorf("a re-run is still paused: %+v, %v", b.Paused, err)
	}
	d.sound()
}

// halts pulls the switches, through another handle than the one that sends.
func halts(t *testing.T, r *room) {
	operator := r.open(t)
	d := r.plan(t, r.open(t), 6)
	e := r.plan(t, d.Ledger, 6)
	may := func(d *desk, seq int, want string) {
		t.Helper()
		var saw ledger.Halt
		_, _, err := d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: seq}, func(s ledger.Standing) ledger.Verdict {
			saw = s.Halt
			return ledger.Verdict{Action: ledger.Go}
		})
		if got := saw.By; got != want || (want == "") != (err == nil) || want != "" && batch.KindOf(err) != batch.Internal {
			t.Fatalf("halted by %q (%v), want %q", got, err, want)
		}
	}
	may(d, 0, "")
	d.ok(operator.Halt(d.ctx, d.key, "ada", "look"))
	may(d, 1, "ada")
	may(e, 0, "")
	d.ok(operator.Halt(d.ctx, d.key, "eve", "first one stays"))
	d.ok(operator.Halt(d.ctx, "", "bob", ""))
	may(d, 1, "bob")
	may(e, 1, "bob")
	got, err := operator.Halts(d.ctx)
	d.ok(err)
	d.same(got, []ledger.Halt{
		{Pause: batch.Pause{By: "bob", At: d.clock.Now()}},
		{Key: d.key, Pause: batch.Pause{By: "ada", Why: "look", At: d.clock.Now()}},
	}, "the switches")
	_, err = d.Settle(d.ctx, d.closing(0, 1), chargeOf(5), "x") // what is in flight ends
	d.ok(err)
	for _, c := range []struct {
		key string
		was bool
	}{{"", true}, {"", false}, {"never", false}} {
		if was, err := operator.Release(d.ctx, c.key); err != nil || was != c.was {
			t.Errorf("release %q: %t, %v", c.key, was, err)
		}
	}
	may(e, 1, "")
	may(d, 1, "ada")
	d.ok(d.OpenKey(d.ctx, d.key)) // what the hands do at a preflight doesn't release it
	d.ok(d.ReleaseKey(d.ctx, d.key))
	may(d, 1, "ada")
	_, err = operator.Release(d.ctx, d.key)
	d.ok(err)
	may(d, 1, "")
	if got, err := operator.Halts(d.ctx); err != nil || len(got) != 0 {
		t.Errorf("switches: %+v, %v", got, err)
	}
	keys, err := operator.Keys(d.ctx)
	d.ok(err)
	d.same(keys, []string{d.key, e.key}, "the keys")
	d.sound()
}

// upgrade opens books as the first schema left them.
func upgrade(t *testing.T, r *room) {
	l := r.open(t)
	d := r.plan(t, l, 9, func(b *ledger.Batch) { b.Key = "old" })
	for i, s := range []batch.State{batch.Succeeded, batch.Reserved, batch.Sending, batch.Unknown, batch.Parked, batch.Rejected, batch.Succeeded} {
		d.into(i, s)
	}
	e := r.plan(t, l, 2, func(b *ledger.Batch) { b.Key = "new" })
	e.into(0, batch.Sending)
	d.sound()
	d.ok(l.Close())
	d.ok(r.place.Exec(`DROP VIEW warehouse_purges; DROP VIEW warehouse_keys; DROP VIEW warehouse_nights; DROP VIEW warehouse_attempts; DROP VIEW warehouse_jobs;
		DROP VIEW warehouse_charges; DROP TABLE purges; DROP TABLE purses; DROP TABLE halts; ALTER TABLE batches DROP COLUMN paused_by; ALTER TABLE batches DROP COLUMN paused_why;
		ALTER TABLE batches DROP COLUMN paused_at; DROP TABLE balances; DROP TABLE errands; DROP TABLE incidents; DROP TABLE deliveries; DROP TABLE dailies; DROP INDEX charges_ended; ALTER TABLE attempts DROP COLUMN batched;
		ALTER TABLE attempts DROP COLUMN free; ALTER TABLE attempts DROP COLUMN step; ALTER TABLE jobs DROP COLUMN paid; ALTER TABLE jobs DROP COLUMN reference; ALTER TABLE quota DROP COLUMN step;
		ALTER TABLE keys DROP COLUMN batch_log; ALTER TABLE keys DROP COLUMN batch_log_at; DELETE FROM goose_db_version WHERE version_id >= 2`))
	d.Ledger = r.open(t)
	d.sound()
	for key, want := range map[string][2]money.USD{"old": {3 * ceil15, 2 * 97_250}, "new": {ceil15, 0}, "": {4 * ceil15, 2 * 97_250}} {
		p, err := d.Purse(d.ctx, d.id.Night(), key)
		d.ok(err)
		if p.Held != want[0] || p.Charged != want[1] {
			t.Errorf("key %q has %s held and %s charged after the upgrade", key, p.Held.Dollars(), p.Charged.Dollars())
		}
	}
	sums, err := r.place.Ask("SELECT CAST(SUM(billed_micros) AS BIGINT) FROM warehouse_charges")
	d.ok(err)
	d.same(sums, [][]string{{"194500"}}, "the warehouse after the upgrade")
	b, err := d.Batch(d.ctx, d.id)
	d.ok(err)
	if b.Paused.On() {
		t.Errorf("paused by the upgrade: %+v", b.Paused)
	}
	attempts, err := d.Attempts(d.ctx, d.id, 3)
	d.ok(err)
	if k := d.standing(); attempts[0].Batched || k.BatchLog != ledger.BatchLogUnknown || !k.BatchLogAt.IsZero() {
		t.Errorf("after the upgrade the attempt is %+v, the key %+v", attempts[0], k)
	}
	_, err = d.Absent(d.ctx, d.id, 3, time.Time{}, "not in the log") // it left alone, before the upgrade
	d.ok(err)
	_, err = d.Settle(d.ctx, d.closing(2, 1), chargeOf(5), "x")
	d.ok(err)
	d.sound()
}
