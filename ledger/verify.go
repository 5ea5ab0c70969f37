package ledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// stride is how many rows are read between two words of how far it is.
const stride = 1000

// Verified is what Verify went through.
type Verified struct {
	Charges int64     // in the chain
	Head    string    // hash of the last one; note it elsewhere to prove later that nothing was cut off
	Total   money.USD // sum of all charges
	Batches int
	Jobs    int
	Keys    int
}

// Verify goes through all the books on one snapshot: every charge's place and
// hash, every batch's sums against its jobs and charges, every key's requests
// in flight. The first row that doesn't hold is named by a fault of kind
// BooksDisagree, beside what was gone through before it.
func (l *Ledger) Verify(ctx context.Context) (Verified, error) {
	return l.VerifyWith(ctx, func(Verified) {})
}

// VerifyWith is Verify that says now and then how far it is.
func (l *Ledger) VerifyWith(ctx context.Context, far func(Verified)) (Verified, error) {
	var v Verified
	err := l.read(ctx, func(tx Tx) error {
		v = Verified{}
		purses := map[pocket]Purse{}
		charged, err := v.chain(tx, far)
		if err != nil {
			return err
		}
		ids, err := tx.AllBatches()
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := v.batch(tx, id, charged[id], far); err != nil {
				return err
			}
			delete(charged, id)
			if err := fillPurses(purses, tx, id); err != nil {
				return err
			}
		}
		for id := range charged {
			return disagree(string(id), "charges were booked for a batch that isn't there")
		}
		if err := comparePurses(purses, tx); err != nil {
			return err
		}
		return v.keys(tx)
	})
	return v, err
}

// chain walks the charges and adds them up by batch.
func (v *Verified) chain(tx Tx, far func(Verified)) (map[batch.ID]Tally, error) {
	head, err := tx.Head()
	if err != nil {
		return nil, err
	}
	sums := map[batch.ID]Tally{}
	at := Head{Hash: Genesis}
	err = tx.Charges("", func(c Charge) error {
		row := fmt.Sprintf("charge %d", at.N+1)
		switch digest := c.Digest(); {
		case c.N != at.N+1:
			return disagree(row, "it is missing: the next one is charge %d", c.N)
		case c.Prev != at.Hash:
			return disagree(row, "it doesn't continue charge %d: prev is %.12s, that one's hash is %.12s", at.N, c.Prev, at.Hash)
		case c.Hash != digest:
			return disagree(row, "its content was changed: it hashes to %.12s, not %.12s (%s job %d, %s)", digest, c.Hash, c.Batch, c.Seq, c.Total.Dollars())
		}
		at = Head{c.N, c.Hash}
		t := sums[c.Batch]
		t.Charged += c.Total
		t.DayPrice += c.DayPrice
		t.Charges++
		sums[c.Batch] = t
		v.Total += c.Total
		v.Charges, v.Head = at.N, at.Hash
		if at.N%stride == 0 {
			far(*v)
		}
		return nil
	})
	if err == nil && at != head {
		err = disagree(fmt.Sprintf("charge %d", at.N+1), "it is missing: the chain should end with charge %d, hash %.12s", head.N, head.Hash)
	}
	v.Charges, v.Head = at.N, at.Hash // of none, too
	return sums, err
}

// batch adds up one batch's jobs. sums has what its charges add up to.
func (v *Verified) batch(tx Tx, id batch.ID, sums Tally, far func(Verified)) error {
	sums.Batch = id
	before := v.Jobs
	for from := 0; ; from += stride {
		rows, err := tx.Stretch(id, from, from+stride)
		if err != nil {
			return err
		}
		for i, r := range rows {
			if r.Seq != from+i {
				return disagree(JobRef{id, from + i}.String(), "it is missing")
			}
			sums.add(r.State, 1)
			if holds(r.State) {
				sums.Held += r.Ceiling
			}
			if r.Raised {
				sums.Raised += r.Ceiling
			}
		}
		v.Jobs = before + sums.Ended.Total
		if len(rows) < stride {
			break
		}
		far(*v)
	}
	have, _, err := tx.Tally(id)
	if err != nil {
		return err
	}
	if have != sums {
		return disagree(string(id), "its running sums are not the sums of its rows: %s", apart(have, sums))
	}
	v.Batches++
	far(*v)
	return nil
}

// apart names the sums that differ.
func apart(have, sums Tally) string {
	var all []string
	count := func(what string, a, b int) {
		if a != b {
			all = append(all, fmt.Sprintf("%s is %d, added up %d", what, a, b))
		}
	}
	usd := func(what string, a, b money.USD) {
		if a != b {
			all = append(all, fmt.Sprintf("%s is %s, added up %s", what, a.Dollars(), b.Dollars()))
		}
	}
	h, s := have.Ended, sums.Ended
	usd("charged", have.Charged, sums.Charged)
	usd("day price", have.DayPrice, sums.DayPrice)
	usd("held", have.Held, sums.Held)
	usd("ceiling", have.Raised, sums.Raised)
	count("charges", have.Charges, sums.Charges)
	count("jobs", h.Total, s.Total)
	count("planned", have.Planned, sums.Planned)
	count("reserved", have.Reserved, sums.Reserved)
	count("sending", have.Sending, sums.Sending)
	count("succeeded", h.Succeeded, s.Succeeded)
	count("rejected", h.Rejected, s.Rejected)
	count("unknown", h.Unknown, s.Unknown)
	count("parked", h.Parked, s.Parked)
	count("skipped", h.Skipped, s.Skipped)
	count("cancelled", h.Cancelled, s.Cancelled)
	return strings.Join(all, "; ")
}

func (v *Verified) keys(tx Tx) error {
	ids, err := tx.AllKeys()
	if err != nil {
		return err
	}
	for _, id := range ids {
		k, _, err := tx.Key(id)
		if err != nil {
			return err
		}
		n, err := tx.Count(id)
		if err != nil {
			return err
		}
		if n != k.InFlight {
			return disagree("key "+id, "%d requests in flight by its running sum, %d by the attempts", k.InFlight, n)
		}
		for _, w := range k.Windows {
			if w.Limit == 0 {
				continue
			}
			n, _, err := tx.Ends(id, w.Step, w.Tail, forever)
			if err != nil {
				return err
			}
			if n != w.Ended {
				return disagree("key "+id, "%d in its %s window by the running sum, %d by the attempts", w.Ended, w.Name, n)
			}
		}
		v.Keys++
	}
	return nil
}

func disagree(thing, format string, args ...any) error {
	return &batch.Fault{
		Kind: batch.BooksDisagree, Op: "verify", Thing: thing, Detail: fmt.Sprintf(format, args...),
		Hint: "somebody changed the database by hand, or restored a part of it: stop, keep a copy, compare with a backup",
	}
}
