package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// purging: prompts and receipts go, with a note of how many and why; money,
// states, digests and what the quota counts stay, and the books still verify.
func purging(t *testing.T, r *room) {
	l, other := r.open(t), r.open(t)
	d := r.plan(t, l, 7)
	e := r.plan(t, l, 2) // a neighbour, of which nothing may go
	for i, s := range []batch.State{batch.Succeeded, batch.Rejected, batch.Reserved, batch.Parked, batch.Succeeded, batch.Unknown, batch.Cancelled} {
		d.into(i, s)
	}
	e.into(0, batch.Succeeded)
	b, err := l.Batch(d.ctx, d.id)
	d.ok(err)
	owner := b.Owner
	prompts := ledger.Purge{Batch: d.id, What: batch.KeptPrompts, Rule: "OFFPEAK_KEEP_PROMPTS=30d"}
	_, err = l.BeginPurge(d.ctx, prompts, owner)
	d.refused(err, batch.OutcomesUnknown)
	_, err = d.Absent(d.ctx, d.id, 5, time.Time{}, "not in the log")
	d.ok(err)
	d.into5(batch.Sending)
	_, err = l.BeginPurge(d.ctx, prompts, owner)
	d.refused(err, batch.NightClaimed)
	_, err = d.Reject(d.ctx, d.closing(5, 2), "HTTP 422")
	d.ok(err)
	_, err = l.BeginPurge(d.ctx, prompts, ledger.Owner{WorkflowID: owner.WorkflowID, RunID: "another"})
	d.refused(err, batch.NightClaimed)
	_, err = l.BeginPurge(d.ctx, ledger.Purge{Batch: "nobody/2026-11-22", What: batch.KeptPrompts}, owner)
	d.refused(err, batch.NotFound)
	d.refused(l.PurgeStretch(d.ctx, d.id, batch.KeptPrompts, owner, 0, 7), batch.Internal) // without a note nothing goes
	notes, err := l.Purges(d.ctx, "")
	d.ok(err)
	if len(notes) != 0 {
		t.Fatalf("refused, and noted: %+v", notes)
	}

	before, totals, weight := d.sound(), d.totals(), d.weigh()
	if weight.Prompts != 7 || weight.PromptBytes == 0 || weight.Receipts != 6 {
		t.Fatalf("weighs %+v", weight)
	}
	jobs, err := l.Jobs(d.ctx, d.id, 0, 7)
	d.ok(err)
	at := r.clock.Now()
	note, err := l.BeginPurge(d.ctx, prompts, owner)
	d.ok(err)
	d.ok(l.PurgeStretch(d.ctx, d.id, batch.KeptPrompts, owner, 0, 3))
	// A crash: another process finds the note, and what is left.
	r.clock.Add(time.Hour)
	if again, err := other.BeginPurge(d.ctx, prompts, owner); err != nil || !again.BegunAt.Equal(note.BegunAt) || again.Items != 3 {
		t.Fatalf("went on: %+v, %v", again, err)
	}
	d.ok(other.PurgeStretch(d.ctx, d.id, batch.KeptPrompts, owner, 0, 7))
	d.ok(other.PurgeStretch(d.ctx, d.id, batch.KeptPrompts, owner, 0, 7))
	done, err := other.EndPurge(d.ctx, d.id, batch.KeptPrompts)
	d.ok(err)
	want := ledger.Purge{
		Batch: d.id, What: batch.KeptPrompts, Rule: prompts.Rule, BegunAt: at, DoneAt: r.clock.Now(),
		Items: weight.Prompts, Bytes: weight.PromptBytes,
	}
	d.same(done, want, "the note")
	_, err = l.BeginPurge(d.ctx, ledger.Purge{Batch: d.id, What: batch.KeptReceipts}, owner)
	d.ok(err)
	d.ok(l.PurgeStretch(d.ctx, d.id, batch.KeptReceipts, owner, 0, 100))
	_, err = l.EndPurge(d.ctx, d.id, batch.KeptReceipts)
	d.ok(err)
	notes, err = l.Purges(d.ctx, d.id)
	d.ok(err)
	if len(notes) != 2 || notes[0] != want || notes[1].What != batch.KeptReceipts || notes[1].Items != 6 || notes[1].Bytes != weight.ReceiptBytes {
		t.Errorf("notes: %+v", notes)
	}

	// Everything but the texts is as it was.
	if w := d.weigh(); w != (ledger.Weight{}) {
		t.Errorf("left: %+v", w)
	}
	d.same(d.sound(), before, "the books")
	d.same(d.totals(), totals, "sums")
	after, err := l.Jobs(d.ctx, d.id, 0, 7)
	d.ok(err)
	d.same(after, jobs, "jobs")
	for seq := range 7 {
		attempts, err := l.Attempts(d.ctx, d.id, seq)
		d.ok(err)
		for _, a := range attempts {
			if a.Receipt != nil || a.Status == 0 || a.SentAt.IsZero() || a.EndedAt.IsZero() {
				t.Errorf("an attempt without its receipt: %+v", a)
			}
		}
		if j := d.job(seq); j.Request != nil {
			t.Errorf("job %d still has its prompt", seq)
		}
	}
	if e.job(0).Request == nil || e.weigh().Receipts != 1 {
		t.Error("the neighbour lost something")
	}
	d.ok(l.Scrub(d.ctx))
}

// purgedAgain: a manifest that is run again finds its jobs by their digests;
// the prompts of those that may yet be sent come back, and only those.
func purgedAgain(t *testing.T, r *room) {
	l := r.open(t)
	d := r.plan(t, l, 4)
	for i, s := range []batch.State{batch.Succeeded, batch.Parked, batch.Skipped, batch.Rejected} {
		d.into(i, s)
	}
	b, err := l.Batch(d.ctx, d.id)
	d.ok(err)
	purge := func() ledger.Purge {
		_, err := l.BeginPurge(d.ctx, ledger.Purge{Batch: d.id, What: batch.KeptPrompts, Rule: "rule"}, b.Owner)
		d.ok(err)
		d.ok(l.PurgeStretch(d.ctx, d.id, batch.KeptPrompts, b.Owner, 0, 4))
		p, err := l.EndPurge(d.ctx, d.id, batch.KeptPrompts)
		d.ok(err)
		return p
	}
	first := purge()
	changed := jobsOf(0, 4, ceil15)
	changed[1].Request = []byte(`{"task":"other work"}`)
	d.refused(l.Plan(d.ctx, d.id, changed), batch.ManifestDiffers)
	for range 2 { // a retry of the plan finds them there
		d.ok(l.Plan(d.ctx, d.id, jobsOf(0, 4, ceil15)))
	}
	var back []string
	for seq := range 4 {
		back = append(back, fmt.Sprint(d.job(seq).Request != nil))
	}
	d.same(back, []string{"false", "true", "true", "false"}, "which prompts came back")
	d.ok(l.Reopen(d.ctx, d.id))
	for _, seq := range []int{1, 2} {
		_, err := d.Settle(d.ctx, d.closing(seq, d.send(seq)), chargeOf(97_250), "x")
		d.ok(err)
	}
	d.sound()
	second := purge()
	if second.Items != first.Items+2 || second.BegunAt.Before(first.BegunAt) {
		t.Errorf("after the second purge %+v, after the first %+v", second, first)
	}
	// Another run has it by now: nothing more of it goes.
	to := ledger.Owner{WorkflowID: "somebody", RunID: "else"}
	_, err = l.BeginPurge(d.ctx, ledger.Purge{Batch: d.id, What: batch.KeptReceipts}, b.Owner)
	d.ok(err)
	d.ok(l.TakeOver(d.ctx, d.id, b.Owner, to))
	d.refused(l.PurgeStretch(d.ctx, d.id, batch.KeptReceipts, b.Owner, 0, 4), batch.NightClaimed)
	if w := d.weigh(); w.Receipts == 0 {
		t.Error("receipts of a batch that runs were deleted")
	}
	d.sound()
}

func (d *desk) weigh() ledger.Weight {
	d.Helper()
	w, err := d.Weigh(d.ctx, d.id)
	d.ok(err)
	return w
}

// into5 sends job 5, which had been in doubt, again.
func (d *desk) into5(s batch.State) {
	d.Helper()
	d.ok(d.Reopen(d.ctx, d.id))
	d.send(5)
	if got := d.job(5).State; got != s {
		d.Fatalf("job 5 is %s, want %s", got, s)
	}
}
