package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// Fill writes what the comparison says into a reconciliation: its sums, its
// findings, and its notes ahead of those that are there. Lists of names are
// bounded.
func (c *Comparison) Fill(out *batch.Reconciliation) {
	c.pair()
	out.Runs, out.Logged, out.Charged = c.rows, c.logged, c.charged
	out.Log = c.unread
	out.Late = len(c.late.jobs)
	for _, f := range c.foreign {
		out.Foreign.Runs += f.Runs
		out.Foreign.Dollars += f.Dollars
	}
	out.Findings = []batch.Finding{}
	for _, f := range c.findings() {
		f.Jobs = slices.Clone(f.Jobs[:min(len(f.Jobs), batch.MaxFindingJobs)])
		out.Findings = append(out.Findings, f)
	}
	out.Notes = append(c.notes(out), out.Notes...)
}

func (c *Comparison) notes(out *batch.Reconciliation) []batch.Note {
	notes := []batch.Note{}
	add := func(topic string, g *group, text, remedy string) {
		if len(g.jobs) > 0 {
			f := g.finding("", text, remedy)
			notes = append(notes, batch.Note{
				Topic: topic, Jobs: slices.Clone(f.Jobs[:min(len(f.Jobs), batch.MaxFindingJobs)]), Count: f.Count, Dollars: f.Dollars, Text: f.Cause, Remedy: f.Remedy,
			})
		}
	}
	if c.unread != "" {
		return append(notes, batch.Note{
			Topic: batch.NoteLog, Text: "the provider's log couldn't be read, and nothing was compared with it: " + c.unread,
			Remedy: "reconcile again when it can be: nothing is sent for that",
		})
	}
	if c.hidden != "" {
		notes = append(notes, batch.Note{
			Topic: batch.NoteLog, Text: "the provider's log needn't show these runs: " + c.hidden,
			Remedy: "reconcile again with the key that sent them",
		})
	}
	add(batch.NoteLate, &c.late, "ended after they had been given up as not run, and were found in the provider's log: they are in the books now",
		"a longer policy.request_timeout or policy.log_lag waits longer before a job counts as not run")
	var ghosts, excused, priceless group
	for _, g := range c.Ghosts() {
		ghosts.add(g.Seq, g.Name, g.charge.total)
	}
	for _, e := range c.entries {
		for _, b := range e.charges {
			if b.excused && b.run == nil {
				excused.add(e.seq, e.name, b.total)
			}
		}
		for _, l := range e.runs {
			if l.charge != nil && l.priced == 0 && l.charge.source == ledger.FromAnswer {
				priceless.add(e.seq, e.name, l.charge.total)
			}
		}
	}
	add(batch.NoteGhosts, &ghosts, "charged by their answers and not in the provider's log: it leaves out runs under load (Swarms docs, swarm-logs, 2026-07-13)",
		"nothing, unless the credits disagree too; a longer policy.log_lag if they show up later")
	add(batch.NoteLog, &excused, "sent in requests of several jobs, and not in the provider's log, which may not hold such runs", "compare the credits to the ledger")
	add(batch.NoteLog, &priceless, "in the provider's log without a price: their charges can't be compared with it", "compare the credits to the ledger")
	if out.Foreign.Runs > 0 {
		notes = append(notes, c.foreign.note(out.Foreign))
	}
	if n, ok := c.creditsNote(out.Credits, ghosts.dollars+excused.dollars); ok {
		notes = append(notes, n)
	}
	return notes
}

// creditsNote holds the credits' fall against what the log says was spent
// meanwhile, by whomever.
func (c *Comparison) creditsNote(d batch.Drawdown, unseen money.USD) (batch.Note, bool) {
	if d.From.IsZero() || d.To.IsZero() || c.terms.Since.IsZero() {
		return batch.Note{}, false
	}
	fell := d.Before - d.After
	off := fell - c.spent
	if off == 0 {
		return batch.Note{}, false
	}
	moved := "fell by " + fell.Dollars()
	if fell < 0 {
		moved = "rose by " + (-fell).Dollars()
	}
	text := fmt.Sprintf("the account's credits %s while the log's runs on this key cost %s: ", moved, c.spent.Dollars())
	n := batch.Note{Topic: batch.NoteCredits, Dollars: abs(off)}
	switch {
	case off == unseen:
		text += "the rest is what the log leaves out"
	case off > 0:
		text += off.Dollars() + " more: runs that the log leaves out, other keys of the account, or other endpoints"
		n.Remedy = "compare the account's usage by key on the provider's dashboard"
	default:
		text += (-off).Dollars() + " less: a top-up, or deductions that the provider lost or hasn't made yet"
	}
	n.Text = text
	return n, true
}

// spender is one name under which somebody else spent.
type spender struct{ name, kind string }

// foreigners are they, a bounded number; what is beyond goes under no name.
type foreigners map[spender]batch.Spend

// Bounds of what is remembered and shown of others' runs: their names aren't
// ours.
const (
	maxSpenders = 1000
	spenderName = 60 // characters
)

func (f foreigners) add(r Run) {
	s := spender{strings.Clone(clip(r.Name, spenderName)), strings.Clone(clip(r.Type, spenderName))}
	if _, known := f[s]; !known && len(f) >= maxSpenders {
		s = spender{}
	}
	sum := f[s]
	sum.Runs++
	sum.Dollars += r.Total.USD
	f[s] = sum
}

func (f foreigners) note(all batch.Spend) batch.Note {
	type line struct {
		spender
		batch.Spend
	}
	lines := make([]line, 0, len(f))
	for s, sum := range f {
		lines = append(lines, line{s, sum})
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(b.Dollars, a.Dollars), cmp.Compare(b.Runs, a.Runs), strings.Compare(a.name, b.name), strings.Compare(a.kind, b.kind))
	})
	n := batch.Note{
		Topic: batch.NoteForeign, Count: all.Runs, Dollars: all.Dollars,
		Text:   "runs on this key that aren't from these books: another program, another ledger, or a person",
		Remedy: "give each program a key of its own, or share one ledger: caps and rate limits only see what is in the books",
	}
	for _, l := range lines[:min(len(lines), batch.MaxFindingJobs)] {
		name := l.name
		if name == "" {
			name = "without a name"
		}
		if l.kind != "" {
			name += " (" + l.kind + ")"
		}
		runs := "runs"
		if l.Runs == 1 {
			runs = "run"
		}
		n.Jobs = append(n.Jobs, fmt.Sprintf("%s, %d %s: %s", l.Dollars.Dollars(), l.Runs, runs, name))
	}
	return n
}
