package ledgertest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// sendBatched admits a job that leaves together with others.
func (d *desk) sendBatched(seq int) int {
	d.Helper()
	_, n, err := d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: seq, Batched: true}, always(ledger.Go))
	d.ok(err)
	return n
}

// batched jobs in doubt are absent only by a log that is known to hold such.
func batched(t *testing.T, r *room) {
	l := r.open(t)
	d := r.plan(t, l, 6)
	d.sendBatched(0)
	sent := d.clock.Now()
	attempts, err := d.Attempts(d.ctx, d.id, 0)
	d.ok(err)
	d.same(attempts, []ledger.Attempt{{
		Batch: d.id, RequestID: d.job(0).RequestID, N: 1, Key: d.key, Batched: true, SentAt: sent,
	}}, "the attempt")

	// The doubt says so, however it came about and whatever the caller says.
	j, err := d.Doubt(d.ctx, d.closing(0, 1), doubted(), time.Time{})
	d.ok(err)
	if !j.Doubt.Batched || !d.job(0).Doubt.Batched {
		t.Errorf("the doubt of a batched attempt: %+v", j.Doubt)
	}
	d.sendBatched(1)
	j, err = d.Crashed(d.ctx, d.id, 1, 0, 0)
	d.ok(err)
	if !j.Doubt.Batched {
		t.Errorf("the doubt of a batched attempt that crashed: %+v", j.Doubt)
	}
	d.send(2)
	j, err = d.Doubt(d.ctx, d.closing(2, 1), ledger.Doubt{Answered: true, Batched: true}, time.Time{})
	d.ok(err)
	if j.Doubt.Batched {
		t.Errorf("the doubt of an attempt that left alone: %+v", j.Doubt)
	}
	if attempts, err = d.Attempts(d.ctx, d.id, 0); err != nil || !attempts[0].Batched {
		t.Errorf("a closing changed the attempt: %+v, %v", attempts, err)
	}

	absent := func(e *desk, seq int) error {
		_, err := e.Absent(e.ctx, e.id, seq, time.Time{}, "not in the log")
		return err
	}
	for _, known := range []ledger.BatchLog{ledger.BatchLogUnknown, ledger.BatchLogNo} {
		if known != ledger.BatchLogUnknown {
			d.ok(d.LogsBatches(d.ctx, d.key, known))
		}
		before := d.job(0)
		for _, seq := range []int{0, 1} {
			err := absent(d, seq)
			d.refused(err, batch.Internal)
			if !strings.Contains(err.Error(), "batch request") {
				t.Errorf("the refusal doesn't say why: %v", err)
			}
		}
		d.same(d.job(0), before, "a refused absence changed the job")
	}
	d.ok(absent(d, 2)) // it left alone
	d.ok(d.LogsBatches(d.ctx, d.key+" of another account", ledger.BatchLogYes))
	d.refused(absent(d, 1), batch.Internal)
	d.ok(d.LogsBatches(d.ctx, d.key, ledger.BatchLogYes))
	for _, seq := range []int{0, 1} {
		d.ok(absent(d, seq))
		d.ok(absent(d, seq))
	}
	// Sent again alone: what the job is in doubt of now didn't leave with others.
	d.ok(d.LogsBatches(d.ctx, d.key, ledger.BatchLogNo))
	d.send(0)
	j, err = d.Crashed(d.ctx, d.id, 0, 0, 0)
	d.ok(err)
	if j.Doubt.Batched {
		t.Errorf("the doubt of the second attempt: %+v", j.Doubt)
	}
	d.ok(absent(d, 0))

	// What a log that holds such must show has its time all the same.
	d.ok(d.LogsBatches(d.ctx, d.key, ledger.BatchLogYes))
	d.sendBatched(3)
	_, err = d.Crashed(d.ctx, d.id, 3, time.Minute, 0)
	d.ok(err)
	d.refused(absent(d, 3), batch.Internal)
	d.clock.Add(time.Minute)
	d.ok(absent(d, 3))

	// Policies: resend doesn't ask, hold never lets it.
	for policy, want := range map[string]batch.Kind{batch.OnUnknownResend: "", batch.OnUnknownHold: batch.Internal} {
		e := r.plan(t, l, 1, func(b *ledger.Batch) { b.Policy.OnUnknown = policy })
		e.sendBatched(0)
		_, err := e.Crashed(e.ctx, e.id, 0, time.Hour, 0)
		e.ok(err)
		if got := batch.KindOf(absent(e, 0)); got != want {
			t.Errorf("under policy %s: %q, want %q", policy, got, want)
		}
	}

	// The key that counts is the attempt's: the batch has got another since.
	d.sendBatched(4)
	_, err = d.Crashed(d.ctx, d.id, 4, 0, 0)
	d.ok(err)
	c := claimOf(d.id, "nightly/"+string(d.id))
	c.Batch.Key = "another"
	_, err = d.Claim(d.ctx, c)
	d.ok(err)
	d.ok(absent(d, 4))
	d.sendBatched(5)
	_, err = d.Crashed(d.ctx, d.id, 5, 0, 0)
	d.ok(err)
	d.refused(absent(d, 5), batch.Internal)
	_, err = d.Found(d.ctx, d.id, 5, chargeOf(97_250), "x") // what is there is there
	d.ok(err)
	d.sound()
}

func logsBatches(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 2)
	wants := func(b ledger.BatchLog, at time.Time) {
		t.Helper()
		if k := d.standing(); k.BatchLog != b || !k.BatchLogAt.Equal(at) {
			t.Errorf("the key's log: %q at %v, want %q at %v", k.BatchLog, k.BatchLogAt, b, at)
		}
	}
	wants(ledger.BatchLogUnknown, time.Time{})
	for _, bad := range []ledger.BatchLog{"", "perhaps"} {
		d.refused(d.LogsBatches(d.ctx, d.key, bad), batch.Internal)
	}
	wants(ledger.BatchLogUnknown, time.Time{})
	for _, b := range []ledger.BatchLog{ledger.BatchLogYes, ledger.BatchLogNo, ledger.BatchLogYes} {
		d.clock.Add(time.Minute)
		at := d.clock.Now()
		d.ok(d.LogsBatches(d.ctx, d.key, b))
		wants(b, at)
		d.clock.Add(time.Minute)
		d.ok(d.LogsBatches(d.ctx, d.key, b))
		wants(b, at) // known since then
	}
	known := d.standing()
	d.into(0, batch.Succeeded) // the rest of the key's row goes on without it
	wants(ledger.BatchLogYes, known.BatchLogAt)
	d.Ledger = r.open(t)
	wants(ledger.BatchLogYes, known.BatchLogAt)
	d.sound()
}

func balances(t *testing.T, r *room) {
	l := r.open(t)
	ctx := t.Context()
	at := func(minutes int) time.Time { return evening.Add(time.Duration(minutes) * time.Minute) }
	d := &desk{tb: t, Ledger: l, clock: r.clock, ctx: ctx}
	wants := func(key string, from, to time.Time, want ...ledger.Balance) {
		t.Helper()
		got, err := l.Balances(ctx, key, from, to)
		d.ok(err)
		d.same(got, want, "the readings")
	}
	wants("a", time.Time{}, at(1000))
	one := ledger.Balance{Key: "a", At: at(10), Total: 100 * money.Dollar}
	two := ledger.Balance{Key: "a", At: at(20), Total: 97_250}
	three := ledger.Balance{Key: "a", At: at(30), Total: -1} // an account may be overdrawn
	other := ledger.Balance{Key: "b", At: at(20), Total: 5}
	for _, b := range []ledger.Balance{three, one, other, two, one} {
		d.ok(l.Balance(ctx, b))
	}
	wants("a", at(10), at(30), one, two, three) // both ends included, in order
	wants("a", at(10).Add(time.Microsecond), at(30).Add(-time.Microsecond), two)
	wants("a", time.Time{}, at(20), one, two)
	wants("b", time.Time{}, at(1000), other)
	wants("c", time.Time{}, at(1000))
	two.Total = 97_249 // read twice in one instant: the last word
	d.ok(l.Balance(ctx, two))
	wants("a", at(20), at(20), two)

	r.clock.Add(time.Hour + time.Nanosecond)
	d.ok(l.Balance(ctx, ledger.Balance{Key: "c", Total: 7})) // now
	wants("c", at(60), at(60), ledger.Balance{Key: "c", At: at(60), Total: 7})
	d.ok(l.Balance(ctx, ledger.Balance{Key: "d", At: at(60).Add(1999 * time.Nanosecond), Total: 7}))
	wants("d", at(60), at(61), ledger.Balance{Key: "d", At: at(60).Add(time.Microsecond), Total: 7})
	for _, bad := range []ledger.Balance{
		{Total: 1}, {Key: "a", Total: 1_000_001 * money.Dollar}, {Key: "a", Total: -1_000_001 * money.Dollar},
	} {
		d.refused(l.Balance(ctx, bad), batch.Internal)
	}
	d.sound()
}

// known looks jobs and charges up by request id, over all batches.
func known(t *testing.T, r *room) {
	l := r.open(t)
	d := r.plan(t, l, 150, func(b *ledger.Batch) { b.Budget.Batch = 200 * ceil15 })
	e := r.plan(t, l, 3)
	want, ids := map[string]ledger.JobRef{}, []string{}
	for _, x := range []*desk{d, e} {
		rows, err := x.Jobs(x.ctx, x.id, 0, 1000)
		x.ok(err)
		for _, j := range rows {
			want[j.RequestID] = ledger.JobRef{Batch: j.Batch, Seq: j.Seq}
			ids = append(ids, j.RequestID)
		}
	}
	ask := slices.Clone(ids)
	for i := range 10_000 { // a log has many rows that aren't ours
		ask = append(ask, fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
	}
	ask = append(ask, "", "' OR ''='", ids[0])
	got, err := l.Known(d.ctx, ask)
	d.ok(err)
	if len(want) != 153 || !maps.Equal(got, want) {
		t.Errorf("%d of %d are known", len(got), len(want))
	}
	if none, err := l.Known(d.ctx, nil); err != nil || len(none) != 0 {
		t.Errorf("none of none: %v, %v", none, err)
	}

	for i := range 100 {
		n := d.send(99 - i)
		_, err := d.Settle(d.ctx, d.closing(99-i, n), runOf(fmt.Sprint(i), money.USD(i), time.Time{}), "x")
		d.ok(err)
	}
	e.absent(2)
	_, err = e.Settle(e.ctx, e.closing(2, e.send(2)), runOf("second", 5, time.Time{}), "x")
	e.ok(err)
	_, _, err = e.Late(e.ctx, e.id, 2, runOf("first", 7, time.Time{}), "x")
	e.ok(err)
	charges, err := l.ChargesFor(d.ctx, ask)
	d.ok(err)
	var all []ledger.Charge
	for _, id := range []batch.ID{d.id, e.id} {
		d.ok(l.Charges(d.ctx, id, func(c ledger.Charge) error { all = append(all, c); return nil }))
	}
	d.same(charges, all, "the charges, each once, in the order of booking")
	if charges, err = l.ChargesFor(d.ctx, ids[151:]); err != nil || len(charges) != 2 || charges[0].JobID != "second" || charges[1].JobID != "first" {
		t.Errorf("a job's charges: %+v, %v", charges, err)
	}
	if charges, err = l.ChargesFor(d.ctx, nil); err != nil || len(charges) != 0 {
		t.Errorf("charges of none: %v, %v", charges, err)
	}
	d.sound()
}
