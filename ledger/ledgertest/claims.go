package ledgertest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

func claiming(t *testing.T, r *room) {
	l := r.open(t)
	d := &desk{tb: t, Ledger: l, clock: r.clock, ctx: context.Background(), id: night, key: keyID}
	ctx := d.ctx

	_, err := l.Batch(ctx, night)
	d.refused(err, batch.NotFound)
	_, err = l.Claim(ctx, claimOf("no night", "w"))
	d.refused(err, batch.Internal)

	first := claimOf(night, "nightly/"+string(night))
	got, err := l.Claim(ctx, first)
	d.ok(err)
	want := first.Batch
	want.PlannedAt = r.clock.Now()
	d.same(got, want, "a new claim")
	got, err = l.Batch(ctx, night)
	d.ok(err)
	d.same(got, want, "the batch")

	// Another workflow meets the owner, and nothing changes.
	r.clock.Add(time.Hour)
	other := claimOf(night, "cron-2026")
	other.Batch.Budget.Batch = 1
	got, err = l.Claim(ctx, other)
	d.refused(err, batch.NightClaimed)
	d.same(got, want, "the existing batch")
	if !strings.Contains(err.Error(), first.Batch.Owner.WorkflowID+"/run-1") {
		t.Errorf("%v doesn't name the owner", err)
	}

	// The same workflow, run again, on other terms.
	again := first
	again.Batch.Owner.RunID, again.Batch.Key = "run-2", "k-rotated"
	again.Batch.Budget = batch.Budget{PerJob: money.Dollar, Batch: 7 * money.Dollar}
	again.Batch.Policy.OnUnknown = batch.OnUnknownHold
	again.Batch.Card.PerAgent = 2 * money.Cent
	again.Batch.Span.Closes = again.Batch.Span.Closes.Add(time.Hour)
	got, err = l.Claim(ctx, again)
	d.ok(err)
	want = again.Batch
	want.PlannedAt = evening
	d.same(got, want, "a re-claim")

	// Changed work, or another provider.
	changed := again
	changed.Batch.Digest = "d2"
	got, err = l.Claim(ctx, changed)
	d.refused(err, batch.ManifestDiffers)
	d.same(got, want, "the existing batch")
	changed = again
	changed.Batch.Provider = "swiftia"
	_, err = l.Claim(ctx, changed)
	d.refused(err, batch.ManifestDiffers)

	// Taking over needs the owner's name, exactly.
	heir := ledger.Owner{WorkflowID: "cron-2026", RunID: "run-9"}
	d.refused(l.TakeOver(ctx, night, first.Batch.Owner, heir), batch.NightClaimed)
	d.ok(l.TakeOver(ctx, night, again.Batch.Owner, heir))
	d.ok(l.TakeOver(ctx, night, again.Batch.Owner, heir)) // repeated: it is the heir's
	d.refused(l.TakeOver(ctx, "none/2026-11-22", heir, heir), batch.NotFound)
	_, err = l.Claim(ctx, again)
	d.refused(err, batch.NightClaimed)

	// Of many who want a new night at once, one gets it.
	const many = 16
	var wg sync.WaitGroup
	errs := make([]error, many)
	for i := range many {
		wg.Go(func() { _, errs[i] = l.Claim(ctx, claimOf("race/2026-11-22", "w"+string(rune('a'+i)))) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			d.refused(err, batch.NightClaimed)
		}
	}
	if won != 1 {
		t.Errorf("%d claims of one night succeeded", won)
	}
	d.sound()
}

func planning(t *testing.T, r *room) {
	l := r.open(t)
	d := &desk{tb: t, Ledger: l, clock: r.clock, ctx: context.Background(), id: night, key: keyID}
	ctx := d.ctx
	d.refused(l.Plan(ctx, night, jobsOf(0, 1, ceil15)), batch.NotFound)
	_, err := l.Claim(ctx, claimOf(night, "w"))
	d.ok(err)

	// Chunk by chunk, and the first one twice, as after a crash.
	a, b := jobsOf(0, 70, ceil15), jobsOf(70, 100, ceil15)
	d.ok(l.Plan(ctx, night, a))
	ids := map[string]bool{}
	for i, j := range a {
		if j.Seq != i || j.State != batch.Planned || len(j.RequestID) != 36 || ids[j.RequestID] {
			t.Fatalf("job %d was planned as %+v", i, j)
		}
		ids[j.RequestID] = true
	}
	d.send(3)
	repeat := jobsOf(0, 70, ceil15)
	d.ok(l.Plan(ctx, night, repeat))
	for i := range a {
		if repeat[i].RequestID != a[i].RequestID || repeat[i].Seq != i {
			t.Fatalf("job %d got another identity: %+v", i, repeat[i])
		}
	}
	if repeat[3].State != batch.Sending {
		t.Errorf("a job that was sent is %s after it was planned again", repeat[3].State)
	}
	d.refused(l.Seal(ctx, night, 100, 0, 0), batch.Internal)
	d.ok(l.Plan(ctx, night, b))
	d.ok(l.Seal(ctx, night, 100, 7*money.Dollar, 15*money.Dollar))
	d.ok(l.Seal(ctx, night, 100, 7*money.Dollar, 15*money.Dollar))
	got, err := l.Batch(ctx, night)
	d.ok(err)
	if !got.Sealed || got.Jobs != 100 || got.Estimate != 7*money.Dollar || got.Ceiling != 15*money.Dollar {
		t.Errorf("sealed as %+v", got)
	}

	// What is stored is what was handed over.
	j := d.job(42)
	want := jobsOf(42, 43, ceil15)[0]
	want.Batch, want.Seq, want.State, want.UpdatedAt = night, 42, batch.Planned, r.clock.Now()
	want.RequestID = a[42].RequestID
	d.same(j, want, "a stored job")

	// A changed job, a new job, an old job beside a changed one: nothing of the
	// chunk is written.
	for name, chunk := range map[string][]ledger.Job{
		"changed": {{Name: "job 5", Request: []byte(`{"task":"changed"}`)}},
		"new":     {{Name: "job 100", Request: []byte(`{}`)}},
		"beside":  append(jobsOf(6, 7, ceil15), ledger.Job{Name: "job 7", Request: []byte(`{}`)}),
	} {
		err := l.Plan(ctx, night, chunk)
		d.refused(err, batch.ManifestDiffers)
		if last := chunk[len(chunk)-1].Name; !strings.Contains(err.Error(), last) {
			t.Errorf("%s: %v doesn't name %s", name, err, last)
		}
	}
	for name, bad := range map[string]ledger.Job{
		"no name":      {Request: []byte(`{}`)},
		"zero byte":    {Name: "a\x00b", Request: []byte(`{}`)},
		"not UTF-8":    {Name: "a\xffb", Request: []byte(`{}`)},
		"no request":   {Name: "a"},
		"below zero":   {Name: "a", Request: []byte(`{}`), Ceiling: -1},
		"no such sums": {Name: "a", Request: []byte(`{}`), Ceiling: 1 << 60},
	} {
		if err := l.Plan(ctx, night, []ledger.Job{bad}); batch.KindOf(err) != batch.BadInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.refused(l.Plan(ctx, night, append(jobsOf(1, 2, ceil15), jobsOf(1, 2, ceil15)...)), batch.BadInput)
	d.sound()

	// A re-run opens what was left over, and only that.
	d.ok(l.StopBatch(ctx, night, "a person stopped it"))
	d.ok(l.StopBatch(ctx, night, "again"))
	for i, s := range []batch.State{
		batch.Parked, batch.Skipped, batch.Cancelled, batch.Rejected, batch.Unknown, batch.Succeeded, batch.Reserved,
	} {
		d.into(50+i, s)
	}
	if got, _ := l.Batch(ctx, night); got.Stopped != "a person stopped it" {
		t.Errorf("stopped because %q", got.Stopped)
	}
	d.ok(l.Reopen(ctx, night))
	d.ok(l.Reopen(ctx, night))
	if got, _ := l.Batch(ctx, night); got.Stopped != "" {
		t.Errorf("still stopped after a reopening: %q", got.Stopped)
	}
	for i, s := range []batch.State{
		batch.Planned, batch.Planned, batch.Cancelled, batch.Rejected, batch.Unknown, batch.Succeeded, batch.Reserved,
	} {
		if j := d.job(50 + i); j.State != s || s == batch.Planned && j.Why != "" {
			t.Errorf("job %d is %s (%s) after a reopening, want %s", 50+i, j.State, j.Why, s)
		}
	}
	d.refused(l.Reopen(ctx, "none/2026-11-22"), batch.NotFound)
	d.sound()
}
