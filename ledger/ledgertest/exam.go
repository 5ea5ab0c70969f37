// Package ledgertest is the one exam that every store of the ledger sits. The
// tests of ledger/sqlite and ledger/postgres run it on real databases; nothing
// in it knows which one it meets.
package ledgertest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// Place is where one set of books lies.
type Place struct {
	// Open opens the books; called again, it is a second handle on the same
	// ones, as another process would have it.
	Open func(ledger.Options) (*ledger.Ledger, error)
	// Exec does to the database what no ledger would, with the guards that keep
	// charges from being changed switched off.
	Exec func(statement string) error
	// Ask asks the database, and gets every value as text, none as "NULL".
	Ask func(question string) ([][]string, error)
}

// Run has a store sit the exam. fresh makes a place without books.
func Run(t *testing.T, fresh func(testing.TB) Place) {
	for _, part := range []struct {
		name string
		test func(*testing.T, *room)
	}{
		{"OpenTogether", openTogether},
		{"Claim", claiming},
		{"Plan", planning},
		{"Transitions", transitions},
		{"ClosingsTwice", closingsTwice},
		{"Money", moneyMoves},
		{"Admit", admitting},
		{"LateAnswers", lateAnswers},
		{"Late", late},
		{"LatePicks", latePicks},
		{"Batched", batched},
		{"Free", free},
		{"Accept", accepted},
		{"Repeat", repeated},
		{"Steps", ofOneStep},
		{"Unknown", unknowns},
		{"Keys", keys},
		{"LogsBatches", logsBatches},
		{"Balances", balances},
		{"Errands", errands},
		{"Dailies", dailies},
		{"Hours", hours},
		{"Purging", purging},
		{"PurgedAgain", purgedAgain},
		{"Warehouse", warehouse},
		{"Incidents", incidents},
		{"IncidentsTogether", incidentsTogether},
		{"Known", known},
		{"Reading", reading},
		{"Listing", listing},
		{"Dossier", dossier},
		{"Timeline", timeline},
		{"Comparing", comparing},
		{"Caps", capsUnderFire},
		{"NightCaps", nightCaps},
		{"NightCapsTogether", nightCapsUnderFire},
		{"Purses", purses},
		{"Steering", steering},
		{"Halts", halts},
		{"Upgrade", upgrade},
		{"Crash", crashes},
		{"Handles", handles},
		{"Neighbours", neighbours},
		{"Refused", refusedByTheDatabase},
		{"Cancelled", cancelledCallers},
		{"Quota", quotaExamples},
		{"QuotaModel", quotaModel},
		{"ClockBack", clockBack},
		{"Chain", chain},
		{"Tampering", tampering},
		{"Model", model},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.test(t, &room{place: fresh(t), clock: newClock()})
		})
	}
}

// room is one place with one clock.
type room struct {
	place Place
	clock *Clock
	ids   atomic.Int64
}

// open is a handle that is closed when the test ends.
func (r *room) open(t testing.TB) *ledger.Ledger {
	t.Helper()
	l, err := r.place.Open(ledger.Options{Now: r.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

// wipe empties the books, for the next of many rounds.
func (r *room) wipe(t tb) {
	t.Helper()
	statement := "UPDATE head SET n = 0, hash = '" + ledger.Genesis + "'"
	for _, table := range []string{"charges", "attempts", "requests", "jobs", "tallies", "results", "batches", "quota", "keys", "purses", "halts", "balances", "errands", "incidents", "deliveries", "dailies", "purges"} {
		statement += "; DELETE FROM " + table
	}
	if err := r.place.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// fresh is a batch id that wasn't used yet.
func (r *room) fresh() batch.ID { return batch.ID(fmt.Sprintf("batch-%d/2026-11-22", r.ids.Add(1))) }

// tb is what *testing.T and *rapid.T have in common.
type tb interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// desk is a handle with one planned batch, for tests that look at a job.
type desk struct {
	tb
	*ledger.Ledger
	clock *Clock
	ctx   context.Context
	id    batch.ID
	key   string
}

// plan claims a batch and plans n jobs of 15 cents in it.
func (r *room) plan(t tb, l *ledger.Ledger, n int, change ...func(*ledger.Batch)) *desk {
	t.Helper()
	d := &desk{tb: t, Ledger: l, clock: r.clock, ctx: context.Background(), id: r.fresh()}
	c := claimOf(d.id, "nightly/"+string(d.id))
	c.Batch.Key = "key-" + string(d.id.Name())
	for _, f := range change {
		f(&c.Batch)
	}
	d.key = c.Batch.Key
	_, err := l.Claim(d.ctx, c)
	d.ok(err)
	jobs := jobsOf(0, n, ceil15)
	d.ok(l.Plan(d.ctx, d.id, jobs))
	d.ok(l.Seal(d.ctx, d.id, n, ceil15.Times(int64(n))/2, ceil15.Times(int64(n))))
	return d
}

func (d *desk) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// refused wants a fault of a kind.
func (d *desk) refused(err error, kind batch.Kind) {
	d.Helper()
	if got := batch.KindOf(err); got != kind {
		d.Fatalf("got %q (%v), want a fault of kind %s", got, err, kind)
	}
}

func (d *desk) same(got, want any, what string) {
	d.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		d.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func (d *desk) job(seq int) ledger.Job {
	d.Helper()
	j, err := d.Job(d.ctx, d.id, seq)
	d.ok(err)
	glance, err := d.Glance(d.ctx, d.id, seq)
	d.ok(err)
	glance.Request = j.Request
	d.same(glance, j, "a job without its request")
	return j
}

func (d *desk) totals() ledger.Totals {
	d.Helper()
	t, err := d.Totals(d.ctx, d.id)
	d.ok(err)
	return t
}

func (d *desk) standing() ledger.Key {
	d.Helper()
	k, err := d.Key(d.ctx, d.key)
	d.ok(err)
	return k
}

func (d *desk) window(name string) ledger.Window {
	d.Helper()
	for _, w := range d.standing().Windows {
		if w.Name == name {
			return w
		}
	}
	d.Fatalf("key %s has no window %s", d.key, name)
	return ledger.Window{}
}

// sound wants every running sum to be the sum of its rows.
func (d *desk) sound() ledger.Verified {
	d.Helper()
	v, err := d.Verify(d.ctx)
	d.ok(err)
	return v
}

// admit asks for a job with a judge that says what it is told to.
func (d *desk) admit(seq int, a ledger.Action) (int, error) {
	_, n, err := d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: seq}, always(a))
	return n, err
}

// send admits a job and says which attempt it is.
func (d *desk) send(seq int) int {
	d.Helper()
	n, err := d.admit(seq, ledger.Go)
	d.ok(err)
	return n
}

func (d *desk) closing(seq, attempt int) ledger.Closing {
	return ledger.Closing{Batch: d.id, Seq: seq, Attempt: attempt, Status: 200, EndedAt: d.clock.Now(), Receipt: []byte(`{"status":200}`)}
}

// doubted is an answered 5xx: absence may be established at once.
func doubted() ledger.Doubt { return ledger.Doubt{Answered: true, Why: "HTTP 502"} }

// into brings job seq, freshly planned, into a state.
func (d *desk) into(seq int, s batch.State) {
	d.Helper()
	var err error
	switch s {
	case batch.Planned:
	case batch.Reserved:
		_, err = d.Return(d.ctx, d.closing(seq, d.send(seq)), ledger.Returning{Why: "429", Limited: true})
	case batch.Sending:
		d.send(seq)
	case batch.Succeeded:
		_, err = d.Settle(d.ctx, d.closing(seq, d.send(seq)), chargeOf(97_250), "outputs/x")
	case batch.Rejected:
		_, err = d.Reject(d.ctx, d.closing(seq, d.send(seq)), "HTTP 422")
	case batch.Unknown:
		_, err = d.Doubt(d.ctx, d.closing(seq, d.send(seq)), doubted(), time.Time{})
	default:
		_, err = d.Give(d.ctx, d.id, seq, s, "given")
	}
	d.ok(err)
	if got := d.job(seq).State; got != s {
		d.Fatalf("job %d is %s, want %s", seq, got, s)
	}
}
