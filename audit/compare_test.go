package audit_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/audit"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// books are a night's ledger and the provider's log of it, which a test then
// falsifies. The log is read at 06:30, when its lag of two minutes is long over.
type books struct {
	*night
	runs    []audit.Run
	others  []audit.Run
	foreign []audit.Run
	credits batch.Drawdown
	unread  string
	hidden  string
	excused bool
	refused string
}

func known(u money.USD) money.Literal { return money.Literal{USD: u, Text: u.String(), Known: true} }

// newBooks is n jobs of which both say the same.
func newBooks(n int) *books {
	b := &books{night: newNight(n)}
	spent := money.USD(0)
	for i := range b.charges {
		c := &b.charges[i]
		c.JobID = fmt.Sprintf("swarms-%d", i)
		b.runs = append(b.runs, audit.Run{RequestID: c.RequestID, Type: "SequentialWorkflow", JobID: c.JobID, Total: known(c.Total), Ended: c.EndedAt})
		spent += c.Total
	}
	b.credits = batch.Drawdown{From: at(21, 0, 0), To: at(6, 30, 0), Before: 100 * money.Dollar, After: 100*money.Dollar - spent}
	return b
}

// feeds are what a comparison takes in.
func (b *books) feeds() []func(*audit.Comparison) {
	var all []func(*audit.Comparison)
	for _, j := range b.jobs {
		all = append(all, func(c *audit.Comparison) { c.Job(j) })
	}
	for _, ch := range b.charges {
		all = append(all, func(c *audit.Comparison) { c.Charge(ch) })
	}
	for _, r := range b.runs {
		all = append(all, func(c *audit.Comparison) { c.Ours(r) })
	}
	for _, r := range b.others {
		all = append(all, func(c *audit.Comparison) { c.Others(r) })
	}
	for _, r := range b.foreign {
		all = append(all, func(c *audit.Comparison) { c.Foreign(r) })
	}
	return all
}

func (b *books) compare(feeds []func(*audit.Comparison)) batch.Reconciliation {
	c := audit.Compare(audit.Reading{Opens: span.Opens, Began: at(6, 30, 0), Lag: 2 * time.Minute, Since: b.credits.From})
	for _, f := range feeds {
		f(c)
	}
	if b.unread != "" {
		c.Unread(b.unread)
	}
	if b.hidden != "" {
		c.Hidden(b.hidden)
	}
	for _, o := range c.Orphans() {
		if b.refused != "" {
			c.Refused(o, b.refused)
		}
	}
	if b.excused {
		for _, g := range c.Ghosts() {
			c.Excused(g)
		}
	}
	out := batch.Reconciliation{Credits: b.credits}
	c.Fill(&out)
	return out
}

func (b *books) verdict() batch.Reconciliation { return b.compare(b.feeds()) }

func TestComparison(t *testing.T) {
	// Of five jobs at 0.09725; the second, by name "job 1", is falsified.
	const one = money.USD(97_250)
	for _, c := range []struct {
		name    string
		falsify func(*books)
		cause   string // of the only finding; "" for none
		dollars money.USD
		notes   []string // topics
	}{
		{"true books", func(*books) {}, "", 0, nil},
		{"one job id twice", func(b *books) { b.runs = append(b.runs, b.runs[1]) }, "the same run more than once", one, []string{batch.NoteCredits}},
		{"two job ids", func(b *books) {
			b.runs = append(b.runs, b.runs[1])
			b.runs[5].JobID = "swarms-x"
			c := b.charges[1]
			c.N, c.JobID = 9, "swarms-x"
			b.charges = append(b.charges, c)
			b.credits.After -= one
		}, "more than one run", one, nil},
		{"a micro-dollar more in the log", func(b *books) { b.runs[1].Total = known(one + 1) }, "$0.097251 instead of $0.09725", 1, []string{batch.NoteCredits}},
		{"a micro-dollar less", func(b *books) { b.runs[1].Total = known(one - 1) }, "$0.097249 instead of $0.09725", 1, []string{batch.NoteCredits}},
		{"another row of the run differs", func(b *books) {
			b.charges[1].Source = ledger.FromLog
			b.runs[1].Total = known(one + 7)
		}, "$0.097257 instead of $0.09725", 7, []string{batch.NoteCredits}},
		{"charged at the ceiling, and the log has a price now", func(b *books) {
			b.charges[1].Source, b.charges[1].Total = ledger.FromCeiling, money.Dollar
		}, "booked at the ceiling because no amount was known, and the provider's log has one now: $0.09725 instead of $1.00", money.Dollar - one, nil},
		{"charged at the ceiling, and the log has none", func(b *books) {
			b.charges[1].Source, b.charges[1].Total = ledger.FromCeiling, money.Dollar
			b.runs[1].Total = money.Literal{}
			b.credits.After += one
		}, "", 0, nil},
		{"a run that isn't booked", func(b *books) { b.turn(1, batch.Rejected); b.refused = "none of its 0 attempts can have been it" }, "can't be booked: none of its 0 attempts", one, nil},
		{"nor has a price", func(b *books) {
			b.turn(1, batch.Parked)
			b.runs[1].Total = money.Literal{}
			b.credits.After += one
		}, "aren't in the books and can't be booked", money.Dollar, nil},
		{"a run of an unknown job is to be settled, and named if it isn't", func(b *books) { b.turn(1, batch.Unknown) }, "aren't in the books", one, nil},
		{"an answer without a job id", func(b *books) { b.charges[1].JobID = "" }, "", 0, nil},
		{"a row without a job id", func(b *books) { b.runs[1].JobID = "" }, "", 0, nil},
		{"a micro-dollar more there, too", func(b *books) { b.runs[1].JobID, b.runs[1].Total = "", known(one+1) }, "instead of", 1, []string{batch.NoteCredits}},
		{"a log whose ids are others", func(b *books) {
			for i := range b.runs {
				b.runs[i].JobID = fmt.Sprint("row-", i)
			}
		}, "", 0, nil},
		{"another run where ids do agree", func(b *books) { b.runs[1].JobID = "swarms-x" }, "aren't in the books", one, []string{batch.NoteGhosts}},
		{"a row without a price", func(b *books) { b.runs[1].Total = money.Literal{}; b.credits.After += one }, "", 0, []string{batch.NoteLog}},
		{"not in the log", func(b *books) { b.runs = slices.Delete(b.runs, 1, 2) }, "", 0, []string{batch.NoteGhosts, batch.NoteCredits}},
		{"not due in the log", func(b *books) {
			b.runs = slices.Delete(b.runs, 1, 2)
			b.charges[1].EndedAt = at(6, 29, 0)
		}, "", 0, []string{batch.NoteCredits}},
		{"sent with others, and not in the log", func(b *books) { b.runs, b.excused = nil, true }, "", 0, []string{batch.NoteLog, batch.NoteCredits}},
		{"another key's log", func(b *books) { b.runs, b.hidden = nil, "sent with another key" }, "", 0, []string{batch.NoteLog, batch.NoteCredits}},
		{"a log that couldn't be read", func(b *books) { b.runs, b.unread = nil, "HTTP 503: down" }, "", 0, []string{batch.NoteLog}},
		{"somebody else's runs", func(b *books) {
			b.foreign = []audit.Run{{Name: "scraper", Total: known(money.Cent), Ended: at(23, 0, 0)}}
			b.credits.After -= money.Cent
		}, "", 0, []string{batch.NoteForeign}},
		{"with another key of the account", func(b *books) {
			b.foreign = []audit.Run{{Name: "scraper", Total: known(money.Cent), Ended: at(23, 0, 0), Elsewhere: true}}
			b.credits.After -= money.Cent
		}, "", 0, nil},
		{"somebody else's of before", func(b *books) {
			b.foreign = []audit.Run{{Name: "scraper", Total: known(money.Cent), Ended: at(19, 59, 59)}}
		}, "", 0, nil},
		{"another batch's of ours", func(b *books) {
			b.others = []audit.Run{{Total: known(money.Cent), Ended: at(23, 0, 0)}}
			b.credits.After -= money.Cent
		}, "", 0, nil},
		{"credits fell by more", func(b *books) { b.credits.After-- }, "", 0, []string{batch.NoteCredits}},
		{"credits fell by less", func(b *books) { b.credits.After++ }, "", 0, []string{batch.NoteCredits}},
		{"credits weren't read", func(b *books) { b.credits = batch.Drawdown{} }, "", 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBooks(5)
			c.falsify(b)
			r := b.verdict()
			var notes []string
			for _, n := range r.Notes {
				notes = append(notes, n.Topic)
				if n.Text == "" || strings.Contains(n.Text, "\n") {
					t.Errorf("unfinished note %+v", n)
				}
			}
			if diff := cmp.Diff(c.notes, notes); diff != "" {
				t.Errorf("notes %s%+v", diff, r.Notes)
			}
			if c.cause == "" {
				if len(r.Findings) > 0 {
					t.Errorf("%+v", r.Findings)
				}
				return
			}
			if len(r.Findings) != 1 {
				t.Fatalf("%+v", r.Findings)
			}
			f := r.Findings[0]
			if f.Rule != batch.BooksDisagree || !slices.Equal(f.Jobs, []string{"job 1"}) || f.Count != 1 || f.Dollars != c.dollars || !strings.Contains(f.Cause, c.cause) || f.Remedy == "" {
				t.Errorf("%+v", f)
			}
			v := b.night.verdict()
			v.Join(r.Findings)
			if v.Audit.Passed || audit.Primary(v.Audit) == "" {
				t.Error("the night passed")
			}
		})
	}
}

// What the credits mean depends on what the log leaves out.
func TestCreditsExplained(t *testing.T) {
	for say, falsify := range map[string]func(*books){
		"the rest is what the log leaves out": func(b *books) { b.runs = b.runs[1:] },
		"$0.09725 more: runs that the log":    func(b *books) { b.credits.After -= 97_250 },
		"$0.000001 less: a top-up":            func(b *books) { b.credits.After++ },
		"rose by $1.00":                       func(b *books) { b.credits.After = b.credits.Before + money.Dollar },
	} {
		b := newBooks(2)
		falsify(b)
		r := b.verdict()
		if n := r.Notes[len(r.Notes)-1]; n.Topic != batch.NoteCredits || !strings.Contains(n.Text, say) {
			t.Errorf("want %q: %+v", say, n)
		}
	}
}

// A row that repeats a run's id with a higher price is both: there twice, and
// another amount.
func TestRowsOfOneRun(t *testing.T) {
	for _, off := range []money.USD{-3, 3} {
		b := newBooks(2)
		again := b.runs[1]
		again.Total = known(again.Total.USD + off)
		b.runs = append(b.runs, again)
		r := b.verdict()
		if len(r.Findings) != 2 || r.Findings[1].Dollars != 3 || r.Findings[0].Dollars != 97_250+min(off, 0) {
			t.Errorf("%+v", r.Findings)
		}
	}
	b := newBooks(1)
	twice := b.charges[0]
	twice.N = 2
	b.charges = append(b.charges, twice) // one run, booked twice: the second has none
	if r := b.verdict(); len(r.Notes) == 0 || r.Notes[0].Topic != batch.NoteGhosts || r.Charged != 2*97_250 {
		t.Errorf("%+v", r)
	}
}

// The sums and the lists are whole, whatever is shown of them.
func TestComparisonSums(t *testing.T) {
	b := newBooks(30)
	for i := range b.runs {
		b.runs[i].Total = known(b.charges[i].Total + 1)
	}
	for i := range 1200 {
		b.foreign = append(b.foreign, audit.Run{Name: fmt.Sprintf("program %d", i%1100), Type: "HeavySwarm", Total: known(money.USD(i)), Ended: at(23, 0, 0)})
	}
	r := b.verdict()
	if r.Runs != 30 || r.Charged != 30*97_250 || r.Logged != 30*97_251 {
		t.Errorf("%d runs, %s logged, %s charged", r.Runs, r.Logged, r.Charged)
	}
	if f := r.Findings[0]; len(f.Jobs) != batch.MaxFindingJobs || f.Count != 30 || f.Dollars != 30 {
		t.Errorf("%+v", f)
	}
	n := r.Notes[0]
	if r.Foreign != (batch.Spend{Runs: 1200, Dollars: 1199 * 1200 / 2}) || n.Count != 1200 || n.Dollars != r.Foreign.Dollars || len(n.Jobs) != batch.MaxFindingJobs {
		t.Errorf("%+v, %+v", r.Foreign, n)
	}
	if !strings.HasSuffix(n.Jobs[0], ", 100 runs: without a name") || n.Jobs[1] != "$0.001298, 2 runs: program 99 (HeavySwarm)" {
		t.Errorf("%q", n.Jobs[:2])
	}
}

// A log that repeats itself for ever fills no memory, and its dollars count.
func TestComparisonIsBounded(t *testing.T) {
	b := newBooks(1)
	for i := range 10_000 {
		r := b.runs[0]
		r.JobID = fmt.Sprint("more-", i)
		b.runs = append(b.runs, r)
	}
	r := b.verdict()
	if len(r.Findings) == 0 || r.Findings[0].Dollars != 10_000*97_250 || r.Runs != 10_001 {
		t.Errorf("%d runs, %+v", r.Runs, r.Findings)
	}
}

// Whatever is true is found true, in any order; and one micro-dollar, wherever
// it is changed, isn't.
func TestAnyMicroDollar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBooks(t)
		if r := b.verdict(); len(r.Findings) > 0 || r.Logged != r.Charged || len(r.Notes) > 0 {
			t.Fatalf("true books: %+v", r)
		}
		by := rapid.SampledFrom([]money.USD{-1, 1}).Draw(t, "by")
		i := rapid.IntRange(0, len(b.runs)-1).Draw(t, "job")
		if rapid.Bool().Draw(t, "in the log") {
			b.runs[i].Total = known(b.runs[i].Total.USD + by)
		} else {
			b.charges[i].Total += by
		}
		r := b.verdict()
		if len(r.Findings) != 1 || r.Findings[0].Dollars != 1 || r.Findings[0].Jobs[0] != b.charges[i].Name {
			t.Fatalf("%+v", r.Findings)
		}
	})
}

// The order of rows, jobs and charges makes no difference.
func TestComparisonOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBooks(t)
		for range rapid.IntRange(0, 8).Draw(t, "faults") {
			i := rapid.IntRange(0, len(b.runs)-1).Draw(t, "row")
			switch rapid.IntRange(0, 5).Draw(t, "fault") {
			case 0:
				b.runs = append(b.runs, b.runs[i])
			case 1:
				r := b.runs[i]
				r.JobID = rapid.SampledFrom([]string{"", "swarms-a", "swarms-b"}).Draw(t, "id")
				b.runs = append(b.runs, r)
			case 2:
				b.runs[i].Total.USD += money.USD(rapid.IntRange(-9, 9).Draw(t, "off"))
			case 3:
				b.runs[i].JobID = ""
			case 4:
				b.runs[i].Ended = b.runs[i].Ended.Add(time.Duration(rapid.IntRange(-600, 600).Draw(t, "s")) * time.Second)
			case 5:
				b.foreign = append(b.foreign, audit.Run{Name: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "who"), Total: b.runs[i].Total, Ended: b.runs[i].Ended})
			}
		}
		want, feeds := b.verdict(), b.feeds()
		r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "shuffle")))
		r.Shuffle(len(feeds), func(i, k int) { feeds[i], feeds[k] = feeds[k], feeds[i] })
		if diff := cmp.Diff(want, b.compare(feeds)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// drawBooks are true books: some ids missing on one side, other batches' runs
// in between.
func drawBooks(t *rapid.T) *books {
	b := newBooks(rapid.IntRange(1, 12).Draw(t, "jobs"))
	for i := range b.runs {
		switch rapid.IntRange(0, 5).Draw(t, "ids") {
		case 0:
			b.runs[i].JobID = ""
		case 1:
			b.charges[i].JobID = ""
		case 2:
			b.charges[i].Source = ledger.FromLog
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "others") {
		b.others = append(b.others, audit.Run{Total: known(money.Cent), Ended: at(1, 0, 0)})
		b.credits.After -= money.Cent
	}
	return b
}
