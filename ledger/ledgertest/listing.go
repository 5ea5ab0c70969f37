package ledgertest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// listing reads whole batches with their charges.
func listing(t *testing.T, r *room) {
	l := r.open(t)
	const n = 1100 // more than a page
	d := r.plan(t, l, n)
	other := r.plan(t, l, 3)
	other.into(2, batch.Succeeded)
	d.into(0, batch.Succeeded)
	d.into(7, batch.Rejected)
	d.into(1050, batch.Succeeded)
	d.into(1099, batch.Unknown)

	// Billed twice: given up for absent, sent again, and then both answered.
	first := d.send(3)
	_, err := d.Doubt(d.ctx, d.closing(3, first), ledger.Doubt{SentAt: d.clock.Now(), AbsentAfter: d.clock.Now()}, time.Time{})
	d.ok(err)
	_, err = d.Absent(d.ctx, d.id, 3, time.Time{}, "not in the log")
	d.ok(err)
	second := d.send(3)
	for i, attempt := range []int{second, first} {
		_, err = d.Settle(d.ctx, d.closing(3, attempt), chargeOf(50_000), fmt.Sprint(i))
		d.ok(err)
	}

	ids, err := l.Nights(d.ctx, "")
	d.ok(err)
	d.same(ids, []batch.ID{d.id, other.id}, "all nights")
	ids, err = l.Nights(d.ctx, other.id.Name())
	d.ok(err)
	d.same(ids, []batch.ID{other.id}, "nights of a name")

	seqs := func(list []ledger.Entry) string {
		var all []string
		for _, e := range list {
			all = append(all, fmt.Sprintf("%d:%d", e.Job.Seq, len(e.Charges)))
		}
		return strings.Join(all, " ")
	}
	for _, c := range []struct {
		after, limit int
		states       []batch.State
		want         string
		more         bool
	}{
		{-1, 4, nil, "0:1 1:0 2:0 3:2", true},
		{1096, 100, nil, "1097:0 1098:0 1099:0", false},
		{1096, 3, nil, "1097:0 1098:0 1099:0", false},
		{1096, 2, nil, "1097:0 1098:0", true},
		{n, 10, nil, "", false},
		{-1, 10, []batch.State{batch.Succeeded}, "0:1 3:2 1050:1", false},
		{0, 1, []batch.State{batch.Succeeded}, "3:2", true},
		{-1, 10, []batch.State{batch.Rejected, batch.Unknown}, "7:0 1099:0", false},
		{-1, 10, []batch.State{batch.Cancelled}, "", false},
	} {
		list, totals, more, err := l.List(d.ctx, d.id, c.after, c.limit, c.states...)
		d.ok(err)
		if got := seqs(list); got != c.want || more != c.more {
			t.Errorf("after %d, at most %d, %v: %s, more %v; want %s, %v", c.after, c.limit, c.states, got, more, c.want, c.more)
		}
		d.same(totals, d.totals(), "the batch in all")
	}
	_, _, _, err = l.List(d.ctx, "none/2026-11-22", -1, 10)
	d.refused(err, batch.NotFound)

	// Every job once, and the sums of the same moment.
	seen, charges := map[ledger.JobRef]bool{}, 0
	var sum ledger.Totals
	totals, err := l.Entries(d.ctx, []batch.ID{d.id, other.id}, func(e ledger.Entry) error {
		seen[ledger.JobRef{Batch: e.Job.Batch, Seq: e.Job.Seq}] = true
		for i, c := range e.Charges {
			if c.RequestID != e.Job.RequestID || i > 0 && c.N <= e.Charges[i-1].N {
				t.Errorf("job %d has the charges %+v", e.Job.Seq, e.Charges)
			}
			charges++
			sum.Charged += c.Total
			sum.DayPrice += c.DayPrice
		}
		return nil
	})
	d.ok(err)
	if len(seen) != n+3 || totals.Jobs.Total != n+3 || charges != 5 || totals.Charges != 5 || totals.Charged != sum.Charged || totals.DayPrice != sum.DayPrice {
		t.Errorf("%d jobs, %d charges of %+v; in all %+v", len(seen), charges, sum, totals)
	}
	_, err = l.Entries(d.ctx, []batch.ID{other.id, "none/2026-11-22"}, func(ledger.Entry) error { return nil })
	d.refused(err, batch.NotFound)
	stop := errors.New("enough")
	if _, err = l.Entries(d.ctx, []batch.ID{d.id}, func(ledger.Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped with %v", err)
	}

	trail, err := l.Trail(d.ctx, d.id, "job 3")
	d.ok(err)
	if trail.Job.Seq != 3 || trail.Job.Request != nil || len(trail.Attempts) != 2 || len(trail.Charges) != 2 ||
		trail.Attempts[0].N != first || trail.Attempts[1].Ending != ledger.EndedAnswered {
		t.Errorf("a trail: %+v", trail)
	}
	_, err = l.Trail(d.ctx, d.id, "job 1100")
	d.refused(err, batch.NotFound)

	told := 0
	v, err := l.VerifyWith(d.ctx, func(far ledger.Verified) {
		told++
		if far.Jobs > n+3 || far.Charges != 5 {
			t.Errorf("this far: %+v", far)
		}
	})
	if d.ok(err); told < 3 || v.Jobs != n+3 {
		t.Errorf("told %d times; %+v", told, v)
	}
}

// comparing names the jobs in which a manifest differs from the one before.
func comparing(t *testing.T, r *room) {
	l := r.open(t)
	d := r.plan(t, l, 1200)
	b, err := l.Batch(d.ctx, d.id)
	d.ok(err)
	jobs := func(change func(i int, j *ledger.Job) bool) []ledger.Job {
		var out []ledger.Job
		for i, j := range jobsOf(0, 1200, ceil15) {
			if change(i, &j) {
				out = append(out, j)
			}
		}
		return out
	}
	same := jobs(func(int, *ledger.Job) bool { return true })
	extra := func(names ...string) []ledger.Job {
		out := same[:len(same):len(same)]
		for _, n := range names {
			out = append(out, ledger.Job{Name: n, Request: []byte(`{}`)})
		}
		return out
	}
	swapped := append([]ledger.Job{same[5]}, append(append([]ledger.Job{}, same[:5]...), same[6:]...)...)
	long := strings.Repeat("ü", 200)
	for name, c := range map[string]struct {
		jobs []ledger.Job
		want string
	}{
		"same": {same, ""},
		"changed": {jobs(func(i int, j *ledger.Job) bool {
			switch i {
			case 3:
				j.Request = []byte(`{"task":"another","max_loops":2}`)
			case 1199:
				j.Request = []byte(`{"task":"number 1199","a":1,"b":1,"c":1,"d":1,"e":1,"f":1}`)
			}
			return true
		}), `2 jobs changed: "job 3" (max_loops, task), "job 1199" (a, b, c, d, 2 more)`},
		"missing": {jobs(func(i int, _ *ledger.Job) bool { return i != 0 && i != 1199 }), `2 jobs missing: "job 0", "job 1199"`},
		"many":    {same[6:], `6 jobs missing: "job 0", "job 1", "job 2", "job 3", "job 4" and 1 more`},
		"added":   {extra("new", long), `2 jobs added: "new", "` + strings.Repeat("ü", 77) + `..."`},
		"moved":   {swapped, `5 jobs moved up or down: "job 0", "job 1", "job 2", "job 3", "job 4"`},
		"all": {append(jobs(func(i int, j *ledger.Job) bool {
			if i == 8 {
				j.Request = []byte(`not JSON`)
			}
			return i != 9
		}), extra("new")[1200:]...), `1 job changed: "job 8"; 1 job added: "new"; 1 job missing: "job 9"`},
	} {
		cmp := l.Compare(b)
		for from := 0; from < len(c.jobs); from += 500 {
			d.ok(cmp.Jobs(d.ctx, c.jobs[from:min(from+500, len(c.jobs))]))
		}
		f, err := cmp.Fault(d.ctx)
		d.ok(err)
		switch {
		case c.want == "" && f == nil:
		case c.want == "" || f == nil || f.Kind != batch.ManifestDiffers || f.Thing != string(d.id):
			t.Errorf("%s: %v, want %q", name, f, c.want)
		case f.Detail != "the night was planned from other jobs: "+c.want:
			t.Errorf("%s:\n got %s\nwant %s", name, f.Detail, c.want)
		}
	}
	// A plan that was cut short: what isn't there yet isn't new.
	b.Sealed = false
	cmp := l.Compare(b)
	d.ok(cmp.Jobs(d.ctx, extra("new")[:700]))
	d.ok(cmp.Jobs(d.ctx, extra("new")[700:]))
	if f, err := cmp.Fault(d.ctx); f != nil || err != nil {
		t.Errorf("cut short: %v, %v", f, err)
	}
}
