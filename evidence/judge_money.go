package evidence

import (
	"fmt"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// charged judges a link of the chain: its hash, its place behind the one
// before it, and, of one of ours, what it says beside the text that is hashed.
func (j *judge) charged(n int, v Charge) {
	before := j.last
	j.last = v
	if j.chain.First == 0 {
		j.chain.First = v.N
		if v.N == 1 && v.Prev != ledger.Genesis {
			j.wrong(FileCharges, n, "prev", "the chain's first charge has none before it")
		}
	} else {
		switch {
		case v.N != before.N+1:
			j.wrong(FileCharges, n, "n", "it is %d behind %d: a link is missing, or out of its place", v.N, before.N)
		case v.Prev != before.Hash:
			j.wrong(FileCharges, n, "prev", "it is %.12s, and charge %d hashes to %.12s", v.Prev, before.N, before.Hash)
		}
	}
	j.chain.Last = v.N
	if v.Other {
		j.chain.Others++
		if v.Canonical != "" || v.Seq != nil || v.Billed != nil || v.DayPrice != nil || v.RequestID != "" || v.Attempt != 0 || v.Source != "" {
			j.wrong(FileCharges, n, "other", "another batch's charge has content")
		}
		return
	}
	c, err := ledger.ParseCharge([]byte(v.Canonical))
	if err != nil {
		j.wrong(FileCharges, n, "canonical", "%s", err)
		return
	}
	if have := Sum([]byte(v.Canonical)); have != v.Hash {
		j.wrong(FileCharges, n, "hash", "charge %d hashes to %.12s, and not to %.12s", v.N, have, v.Hash)
	}
	j.beside(n, v, c)
	own := j.of(FileCharges, n, c.Seq, c.RequestID)
	j.money.Charges++
	j.money.Billed += c.Total
	j.money.DayPrice += c.DayPrice
	j.money.Saved += c.DayPrice - c.Total
	if own == nil {
		return
	}
	own.charges++
	own.billed += c.Total
	own.guessed = own.guessed || c.Source == ledger.FromCeiling
	if own.state != batch.Succeeded {
		j.wrong(FileCharges, n, "seq", "job %d was charged and is %s", c.Seq, own.state)
	}
	if c.Attempt < 1 || c.Attempt > own.receipts {
		j.wrong(FileCharges, n, "attempt", "it is of attempt %d of job %d, which receipts.jsonl doesn't have", c.Attempt, c.Seq)
	}
}

// beside compares what a line says for people with the text that is hashed.
func (j *judge) beside(n int, v Charge, c ledger.Charge) {
	differs := func(field string, same bool) {
		if !same {
			j.wrong(FileCharges, n, field, "it isn't what the text says that is hashed")
		}
	}
	differs("n", v.N == c.N)
	differs("prev", v.Prev == c.Prev)
	differs("seq", v.Seq != nil && *v.Seq == c.Seq)
	differs("request_id", v.RequestID == c.RequestID)
	differs("attempt", v.Attempt == c.Attempt)
	differs("source", v.Source == c.Source)
	differs("billed", v.Billed != nil && *v.Billed == c.Total)
	differs("day_price", v.DayPrice != nil && *v.DayPrice == c.DayPrice)
	if j.good && c.Batch != j.m.Batch {
		j.wrong(FileCharges, n, "canonical", "it is a charge of %s", shown(string(c.Batch)))
	}
	if c.TotalText == "" {
		return
	}
	if u, err := money.Round(c.TotalText); err != nil || u != c.Total {
		j.wrong(FileCharges, n, "canonical", "the provider wrote %s, and %s was booked", shown(c.TotalText), c.Total.Dollars())
	}
}

// row takes in what the provider's log says of a job.
func (j *judge) row(n int, v Row) {
	own := j.of(FileLog, n, v.Seq, v.RequestID)
	if own == nil {
		return
	}
	j.rows++
	own.rows++
	if !strings.HasSuffix(v.Name, "["+v.RequestID+"]") {
		j.wrong(FileLog, n, "name", "it doesn't end with the job's request id")
	}
	if v.Billed == nil {
		own.unpriced++
		return
	}
	if u, err := money.Round(v.Billed.Text); err != nil || u != v.Billed.USD {
		j.wrong(FileLog, n, "billed", "%s isn't %s", shown(v.Billed.Text), v.Billed.USD.Dollars())
	}
	own.logged += v.Billed.USD
}

// end judges what only the whole shows.
func (j *judge) end(v *Verified) {
	v.Pins, v.Receipts, v.Rows, v.Requests, v.Answers = j.pins, j.receipt, j.rows, j.request, j.answers
	if j.result != nil {
		v.Passed = j.result.Audit.Passed
		if !v.Passed {
			j.notes = append(j.notes, "the audit did not pass: "+many(len(j.result.Audit.Findings), "finding")+" in audit.json; the evidence of it is whole all the same")
		}
	}
	if j.good {
		j.sums()
	}
	pinned := 0
	for seq := range j.jobs {
		own := &j.jobs[seq]
		if own.pinned != "" {
			pinned++
		}
		j.whole(seq, own)
	}
	if missing := len(j.jobs) - pinned; missing > 0 {
		j.notes = append(j.notes, "the requests of "+many(missing, "job")+" aren't kept any more: nothing is shown of their models")
	}
	if j.answers > 0 {
		j.notes = append(j.notes, fmt.Sprintf("%d of %d answers hash to what their receipt says; the others came together with others', from the log, or with a key in them that was taken out", j.matched, j.answers))
	}
	j.hearing()
}

// sums holds the manifest's sums against the entries.
func (j *judge) sums() {
	if j.count != j.m.Jobs {
		j.wrong(FileManifest, 0, "jobs", "it counts %+v, jobs.jsonl has %+v", j.m.Jobs, j.count)
	}
	if j.money != j.m.Money {
		j.wrong(FileManifest, 0, "money", "it says %s in %s, the charges add up to %s in %d",
			j.m.Money.Billed.Dollars(), many(j.m.Money.Charges, "charge"), j.money.Billed.Dollars(), j.money.Charges)
	}
	if j.chain != j.m.Chain {
		j.wrong(FileManifest, 0, "chain", "it says %+v, charges.jsonl has %+v", j.m.Chain, j.chain)
	}
}

// whole judges a job by all that was said of it: one that succeeded has a
// charge and an answered request, and the provider says the same amount.
func (j *judge) whole(seq int, own *job) {
	if own.receipts != own.attempts {
		j.wrong(FileReceipts, 0, "", "job %d (%s) was sent %s, and has %s", seq, shown(own.name), many(own.attempts, "time"), many(own.receipts, "receipt"))
	}
	if own.state != batch.Succeeded {
		return
	}
	if own.charges == 0 {
		j.wrong(FileCharges, 0, "", "job %d (%s) has succeeded and no charge", seq, shown(own.name))
		return
	}
	if !own.answered {
		j.wrong(FileReceipts, 0, "", "job %d (%s) has succeeded, and none of its receipts says so", seq, shown(own.name))
	}
	switch {
	case own.guessed, own.rows > 0 && own.unpriced > 0:
	case own.rows == 0:
		j.unheard = append(j.unheard, own.name)
	case own.logged != own.billed:
		j.wrong(FileLog, 0, "billed", "of job %d (%s) the provider's log says %s, the charges %s", seq, shown(own.name), own.logged.Dollars(), own.billed.Dollars())
	}
}

// hearing judges jobs that were charged by their answers and that the
// provider's log doesn't show. The audit knows of them, or something is wrong.
func (j *judge) hearing() {
	if _, read := j.lines[FileLog]; !read && (!j.good || j.m.Log == "") || len(j.unheard) == 0 {
		return
	}
	known := 0
	if j.result != nil && j.result.Reconciled != nil {
		for _, n := range j.result.Reconciled.Notes {
			if n.Topic == batch.NoteGhosts {
				known += n.Count
			}
		}
	}
	what := fmt.Sprintf("it doesn't show %s charged by its answer: %s", many(len(j.unheard), "job"), some(j.unheard))
	if len(j.unheard) > known {
		j.wrong(FileLog, 0, "", "%s; the audit knows of %d", what, known)
		return
	}
	j.notes = append(j.notes, "the provider's log: "+what+"; the audit says so, too")
}

// many is a number of things in words.
func many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// some are the first of many names.
func some(names []string) string {
	const most = 5
	out := make([]string, 0, most)
	for _, n := range names[:min(most, len(names))] {
		out = append(out, shown(n))
	}
	if len(names) > most {
		out = append(out, fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(out, ", ")
}
