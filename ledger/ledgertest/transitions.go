package ledgertest

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// step is something that can be asked of a job whose first attempt, if it had
// one, is number 1.
type step struct {
	name string
	do   func(d *desk, seq int) error
}

func steps() []step {
	admit := func(a ledger.Action) func(*desk, int) error {
		return func(d *desk, seq int) error { _, err := d.admit(seq, a); return err }
	}
	give := func(s batch.State) func(*desk, int) error {
		return func(d *desk, seq int) error { _, err := d.Give(d.ctx, d.id, seq, s, "given"); return err }
	}
	return []step{
		{"go", admit(ledger.Go)},
		{"wait", admit(ledger.Wait)},
		{"park", admit(ledger.Park)},
		{"skip", admit(ledger.Skip)},
		{"cancel", admit(ledger.Cancel)},
		{"nonsense", admit("nonsense")},
		{"settle", func(d *desk, seq int) error {
			_, err := d.Settle(d.ctx, d.closing(seq, 1), chargeOf(97_250), "outputs/x")
			return err
		}},
		{"reject", func(d *desk, seq int) error { _, err := d.Reject(d.ctx, d.closing(seq, 1), "HTTP 422"); return err }},
		{"return", func(d *desk, seq int) error {
			_, err := d.Return(d.ctx, d.closing(seq, 1), ledger.Returning{Why: "429", Limited: true})
			return err
		}},
		{"doubt", func(d *desk, seq int) error {
			_, err := d.Doubt(d.ctx, d.closing(seq, 1), doubted(), time.Time{})
			return err
		}},
		{"crashed", func(d *desk, seq int) error {
			_, err := d.Crashed(d.ctx, d.id, seq, time.Minute, time.Minute)
			return err
		}},
		{"found", func(d *desk, seq int) error { _, err := d.Found(d.ctx, d.id, seq, chargeOf(97_250), "x"); return err }},
		{"absent", func(d *desk, seq int) error {
			_, err := d.Absent(d.ctx, d.id, seq, time.Time{}, "not in the log")
			return err
		}},
		{"late", func(d *desk, seq int) error {
			_, _, err := d.Late(d.ctx, d.id, seq, runOf("swarms-late", 97_250, time.Time{}), "x")
			return err
		}},
		{"postpone", func(d *desk, seq int) error { return d.Postpone(d.ctx, d.id, seq, time.Time{}, "log is behind") }},
		{"give parked", give(batch.Parked)},
		{"give skipped", give(batch.Skipped)},
		{"give cancelled", give(batch.Cancelled)},
		{"give rejected", give(batch.Rejected)},
		{"give succeeded", give(batch.Succeeded)},
		{"give planned", give(batch.Planned)},
	}
}

// no is a step that isn't there; same one that changes nothing.
const (
	no   batch.State = "no"
	same batch.State = "same"
)

// machine is where each step leads from each state. Reserved jobs were sent
// once and met a 429; unknown ones were answered with a 502.
var machine = map[batch.State]map[string]batch.State{
	batch.Planned: {
		"go": batch.Sending, "wait": same, "park": batch.Parked, "skip": batch.Skipped, "cancel": batch.Cancelled,
		"give parked": batch.Parked, "give skipped": batch.Skipped, "give cancelled": batch.Cancelled, "give rejected": batch.Rejected,
	},
	batch.Reserved: {
		"go": batch.Sending, "wait": same, "park": batch.Parked, "skip": batch.Skipped, "cancel": batch.Cancelled, "return": same,
		"late":        batch.Succeeded,
		"give parked": batch.Parked, "give skipped": batch.Skipped, "give cancelled": batch.Cancelled, "give rejected": batch.Rejected,
	},
	batch.Sending: {
		"settle": batch.Succeeded, "reject": batch.Rejected, "return": batch.Reserved, "doubt": batch.Unknown, "crashed": batch.Unknown,
	},
	batch.Succeeded: {"settle": same, "found": same},
	batch.Rejected:  {"reject": same, "give rejected": same, "late": batch.Succeeded},
	batch.Unknown: {
		"settle": batch.Succeeded, "reject": batch.Rejected, "return": batch.Reserved, "doubt": batch.Unknown, "crashed": same,
		"found": batch.Succeeded, "absent": batch.Reserved, "postpone": batch.Unknown,
	},
	batch.Parked: {
		"go": batch.Sending, "wait": same, "park": batch.Parked, "skip": batch.Skipped, "cancel": batch.Cancelled, "give parked": same,
	},
	batch.Skipped:   {"give skipped": same},
	batch.Cancelled: {"give cancelled": same},
}

func transitions(t *testing.T, r *room) {
	l := r.open(t)
	all := steps()
	d := r.plan(t, l, len(all)*len(batch.States()))
	seq := 0
	for _, from := range batch.States() {
		for _, s := range all {
			want, found := machine[from][s.name]
			if !found {
				want = no
			}
			d.into(seq, from)
			job, sums := d.job(seq), d.totals()
			d.clock.Add(time.Second)
			err := s.do(d, seq)
			switch want {
			case no:
				if batch.KindOf(err) != batch.Internal {
					t.Errorf("%s from %s: got %v, want a refusal", s.name, from, err)
				}
				fallthrough
			case same:
				if want == same && err != nil {
					t.Errorf("%s from %s: %v", s.name, from, err)
				}
				d.same(d.job(seq), job, s.name+" from "+string(from)+" changed the job")
				d.same(d.totals(), sums, s.name+" from "+string(from)+" changed the sums")
			default:
				if err != nil {
					t.Errorf("%s from %s: %v", s.name, from, err)
				}
				got := d.job(seq)
				if got.State != want {
					t.Errorf("%s from %s: the job is %s, want %s", s.name, from, got.State, want)
				}
				if (got.Why == "") != (want == batch.Succeeded || want == batch.Sending) {
					t.Errorf("%s from %s: a job that is %s says why: %q", s.name, from, want, got.Why)
				}
				if got.RequestID != job.RequestID {
					t.Errorf("%s from %s: the request id changed", s.name, from)
				}
			}
			seq++
		}
	}
	d.sound()
	for name, do := range map[string]func() error{
		"job":    func() error { _, err := l.Give(d.ctx, d.id, seq, batch.Parked, ""); return err },
		"batch":  func() error { _, err := l.Crashed(d.ctx, "none/2026-11-22", 0, 0, 0); return err },
		"totals": func() error { _, err := l.Totals(d.ctx, "none/2026-11-22"); return err },
		"stop":   func() error { return l.StopBatch(d.ctx, "none/2026-11-22", "") },
		"admit":  func() error { _, err := d.admit(-1, ledger.Go); return err },
	} {
		if err := do(); batch.KindOf(err) != batch.NotFound {
			t.Errorf("%s that isn't there: %v", name, err)
		}
	}
}

// closingsTwice repeats every closing, as a caller does that lost the answer,
// and in between as one whose job went on meanwhile.
func closingsTwice(t *testing.T, r *room) {
	l := r.open(t)
	d := r.plan(t, l, 20)
	closings := map[string]bool{"settle": true, "reject": true, "return": true, "doubt": true, "crashed": true}
	seq := 0
	for _, s := range steps() {
		if !closings[s.name] {
			continue
		}
		d.send(seq)
		d.ok(s.do(d, seq))
		job, sums, key := d.job(seq), d.totals(), d.standing()
		attempts, err := l.Attempts(d.ctx, d.id, seq)
		d.ok(err)
		d.ok(s.do(d, seq))
		d.same(d.job(seq), job, s.name+" twice changed the job")
		d.same(d.totals(), sums, s.name+" twice changed the sums")
		d.same(d.standing(), key, s.name+" twice changed the key")
		again, err := l.Attempts(d.ctx, d.id, seq)
		d.ok(err)
		d.same(again, attempts, s.name+" twice changed the attempts")
		seq++
	}

	// Returned, and sent again: the first attempt's closing comes once more.
	d.into(seq, batch.Reserved)
	d.send(seq)
	job := d.job(seq)
	_, err := l.Return(d.ctx, d.closing(seq, 1), ledger.Returning{Why: "429", Limited: true})
	d.ok(err)
	d.same(d.job(seq), job, "an old closing changed a job that was sent again")
	seq++

	// Absent, twice.
	d.into(seq, batch.Unknown)
	for range 2 {
		j, err := l.Absent(d.ctx, d.id, seq, time.Time{}, "not in the log")
		d.ok(err)
		if j.State != batch.Reserved || j.Tries != 1 {
			t.Errorf("absent: %+v", j)
		}
	}
	d.sound()
}
