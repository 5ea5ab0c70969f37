package ledger

import (
	"cmp"
	"context"
	"slices"

	"github.com/offpeak/offpeak/batch"
)

// Dossier is what is done with all that the books know of one batch, part by
// part. An error ends the reading and is returned.
type Dossier struct {
	Batch  func(Batch, Totals) error // once, first: with its result
	Job    func(Folder) error        // each job, in the manifest's order
	Charge func(Charge) error        // each link of the chain from the batch's first charge to its last, other batches' between them too
}

// Folder is one job with everything that was sent for it.
type Folder struct {
	Trail
	Request []byte // as planned, name untagged; nil when it isn't kept any more
	Digest  string // SHA-256 of the request, hex: outlives it
}

// ReadBatch hands a batch's books to d on one snapshot, in pages, so that memory
// doesn't grow with the batch. NotFound when nobody claimed it.
func (l *Ledger) ReadBatch(ctx context.Context, id batch.ID, d Dossier) error {
	return l.read(ctx, func(tx Tx) error {
		b, found, err := tx.Batch(id)
		if err != nil {
			return err
		}
		if !found {
			return noBatch("read", id)
		}
		if b.Result, err = tx.Result(id); err != nil {
			return err
		}
		sums, _, err := tx.Tally(id)
		if err != nil {
			return err
		}
		if err := d.Batch(b, sums.totals()); err != nil {
			return err
		}
		first, last, err := folders(tx, id, d.Job)
		if err != nil || last == 0 {
			return err
		}
		return tx.Links(first, last, d.Charge)
	})
}

// folders hands over the jobs, and says between which charges theirs lie.
func folders(tx Tx, id batch.ID, yield func(Folder) error) (first, last int64, err error) {
	for from := 0; ; from += listPage {
		rows, err := tx.Stretch(id, from, from+listPage)
		if err != nil {
			return 0, 0, err
		}
		page, err := entries(tx, rows)
		if err != nil {
			return 0, 0, err
		}
		refs := make([]JobRef, len(rows))
		for i, r := range rows {
			refs[i] = r.Ref()
		}
		attempts, err := tx.Attempts(refs)
		if err != nil {
			return 0, 0, err
		}
		slices.SortFunc(attempts, func(a, b AttemptRow) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.N, b.N)) })
		for i, e := range page {
			n := 0
			for n < len(attempts) && attempts[n].Seq == e.Job.Seq {
				n++
			}
			f := Folder{Trail: Trail{Entry: e, Attempts: attempts[:n]}, Digest: rows[i].Digest}
			attempts = attempts[n:]
			for _, c := range e.Charges {
				if first == 0 || c.N < first {
					first = c.N
				}
				last = max(last, c.N)
			}
			if f.Request, err = tx.Request(refs[i]); err != nil {
				return 0, 0, err
			}
			if err := yield(f); err != nil {
				return 0, 0, err
			}
		}
		if len(rows) < listPage {
			return first, last, nil
		}
	}
}
