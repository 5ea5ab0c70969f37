package ledgertest

import (
	"errors"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// dossier reads all that the books know of one batch: its jobs with their
// requests, attempts and charges, and the chain between its charges, those of
// other batches included.
func dossier(t *testing.T, r *room) {
	l := r.open(t)
	const n = 1003 // more than a page
	d, other := r.plan(t, l, n), r.plan(t, l, 2)
	other.into(0, batch.Succeeded) // charge 1: before all of the batch's
	d.into(1002, batch.Succeeded)
	other.into(1, batch.Succeeded)
	d.into(3, batch.Succeeded)
	d.into(5, batch.Rejected)
	d.send(7)

	var head ledger.Batch
	var sums ledger.Totals
	var jobs []ledger.Folder
	var chain []ledger.Charge
	read := ledger.Dossier{
		Batch:  func(b ledger.Batch, t ledger.Totals) error { head, sums = b, t; return nil },
		Job:    func(f ledger.Folder) error { jobs = append(jobs, f); return nil },
		Charge: func(c ledger.Charge) error { chain = append(chain, c); return nil },
	}
	d.ok(l.ReadBatch(d.ctx, d.id, read))
	d.same(sums, d.totals(), "the batch in all")
	if head.ID != d.id || len(jobs) != n || len(chain) != 3 {
		t.Fatalf("%s: %d jobs, %d links", head.ID, len(jobs), len(chain))
	}
	for seq, f := range jobs {
		want := map[int]int{3: 1, 5: 1, 7: 1, 1002: 1}[seq]
		if f.Job.Seq != seq || len(f.Request) == 0 || len(f.Digest) != 64 || len(f.Attempts) != want {
			t.Fatalf("job %d: %+v", seq, f)
		}
		for _, a := range f.Attempts {
			if a.Seq != seq || a.RequestID != f.Job.RequestID {
				t.Errorf("job %d has an attempt of %d", seq, a.Seq)
			}
		}
	}
	if len(jobs[3].Charges) != 1 || jobs[3].Charges[0].N != 4 || jobs[3].Attempts[0].Ending != ledger.EndedAnswered {
		t.Errorf("job 3: %+v", jobs[3])
	}
	for i, c := range chain {
		if c.N != int64(i+2) || c.Digest() != c.Hash || (c.Batch == d.id) != (i != 1) {
			t.Errorf("link %d: %+v", i, c)
		}
		back, err := ledger.ParseCharge(c.Canonical())
		d.ok(err)
		back.Hash = c.Hash
		d.same(back, c, "a charge, read from its canonical form")
	}

	d.refused(l.ReadBatch(d.ctx, "none/2026-11-22", read), batch.NotFound)
	stop := errors.New("enough")
	read.Job = func(ledger.Folder) error { return stop }
	if err := l.ReadBatch(d.ctx, d.id, read); !errors.Is(err, stop) {
		t.Errorf("stopped with %v", err)
	}

	// Nothing but what the ledger writes is a canonical form.
	good := string(chain[0].Canonical())
	for what, text := range map[string]string{
		"nothing":        "",
		"another title":  strings.Replace(good, "v1", "v2", 1),
		"a field more":   good + "total 1 0\n",
		"cut off":        good[:len(good)-1],
		"a wrong length": strings.Replace(good, "seq 4 ", "seq 5 ", 1),
		"a huge length":  strings.Replace(good, "seq 4 ", "seq 999999999 ", 1),
		"a minus":        strings.Replace(good, "seq 4 ", "seq -4 ", 1),
		"a plus":         strings.Replace(good, "seq 4 1002", "seq 5 +1002", 1),
		"no number":      strings.Replace(good, "seq 4 1002", "seq 4 100x", 1),
		"no flag":        strings.Replace(good, "has_parts 5 false", "has_parts 5 fals0", 1),
		"another order":  strings.Replace(good, "prev", "prov", 1),
	} {
		if text == good {
			t.Fatalf("%s: the form has no such place:\n%s", what, good)
		}
		if _, err := ledger.ParseCharge([]byte(text)); err == nil {
			t.Errorf("%s is taken for a charge", what)
		}
	}
}
