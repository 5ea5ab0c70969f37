package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/offpeak/offpeak/advice"
	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/audit"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/report"
)

// night is a batch on its way from the books into a report.
type night struct {
	*Hands
	batch   ledger.Batch
	in      batch.AuditRequest
	pulse   *pulse
	skipped int
	last    ledger.Job            // of the skipped ones the last: it says which cap was reached, and with what
	charges map[int]ledger.Charge // by sequence number; of a job that was billed twice, the last
}

// judge reads every job and charge.
func (n *night) judge(ctx context.Context) (audit.Verdict, error) {
	totals, err := n.Ledger.Totals(ctx, n.batch.ID)
	if err != nil {
		return audit.Verdict{}, err
	}
	j := audit.New(audit.Terms{Batch: n.batch, Span: n.in.Span, Totals: totals, Stop: n.in.Stop, Zone: n.in.Span.Location()})
	count := 0
	err = n.pages(ctx, n.batch.ID, func(job ledger.Job) error {
		count++
		n.pulse.now(Beat{Doing: "judging jobs", Count: count})
		j.Job(job)
		if job.State == batch.Skipped {
			if n.skipped++; !job.UpdatedAt.Before(n.last.UpdatedAt) {
				n.last = job
			}
		}
		return nil
	})
	if err != nil {
		return audit.Verdict{}, err
	}
	n.charges = map[int]ledger.Charge{}
	err = n.Ledger.Charges(ctx, n.batch.ID, func(c ledger.Charge) error {
		n.pulse.now(Beat{Doing: "judging charges", Count: len(n.charges)})
		j.Charge(c)
		n.charges[c.Seq] = c
		return nil
	})
	return j.Verdict(), err
}

// budget says which cap was reached, "" when none was.
func (n *night) budget() string {
	if n.skipped == 0 {
		return ""
	}
	return fmt.Sprintf("%s for want of budget, the last: %s", count(n.skipped, "job was skipped", "jobs were skipped"), n.last.Why)
}

// maxRevisions bounds how often a night's report is written under new names.
const maxRevisions = 1000

// write puts the report into the archive, as text, JSON, CSV, HTML
// and Markdown, and notes in result where it is. A night that was judged before with another
// outcome keeps that report too: the new one gets the next revision's name. The
// same outcome again is the same report.
func (n *night) write(ctx context.Context, v audit.Verdict, result *batch.Result) (report.Morning, error) {
	for revision := 1; revision <= maxRevisions; revision++ {
		result.Report = strings.TrimSuffix(n.Archive.URL(archive.ReportKey(n.batch.ID, revision, "txt")), ".txt")
		m, err := n.build(ctx, v, *result)
		if err != nil {
			return m, err
		}
		err = n.put(ctx, m, revision)
		if errors.Is(err, archive.ErrDiffers) {
			continue
		}
		return m, err
	}
	return report.Morning{}, &batch.Fault{Kind: batch.Internal, Op: "write report", Thing: string(n.batch.ID), Detail: fmt.Sprintf("there are %d revisions already", maxRevisions)}
}

func (n *night) build(ctx context.Context, v audit.Verdict, result batch.Result) (report.Morning, error) {
	facts := report.Facts{
		Batch: n.batch, Span: n.in.Span, Zone: n.in.Span.Location(), Result: result, All: v.All,
		Possible: v.Possible, Realised: v.Realised, Leaks: v.Leaks, Stop: n.in.Stop,
	}
	if source := n.batch.Card.Source; strings.HasPrefix(source, "built-in") {
		facts.Warnings = append(facts.Warnings, "the provider's rate card couldn't be read: the night is judged by the one that is "+source)
	}
	key, err := n.Ledger.Key(ctx, n.batch.Key)
	if err != nil {
		return report.Morning{}, err
	}
	facts.Tier = advice.TierOf(key.Windows)
	draft := report.New(facts)
	err = n.pages(ctx, n.batch.ID, func(j ledger.Job) error {
		draft.Job(j)
		if j.Attempts == 0 || j.Attempts == 1 && j.State == batch.Succeeded {
			return nil
		}
		attempts, err := n.Ledger.Attempts(ctx, n.batch.ID, j.Seq)
		for _, a := range attempts {
			draft.Attempt(a)
		}
		return err
	})
	for _, c := range n.charges {
		draft.Charge(c)
	}
	return draft.Build(), err
}

func (n *night) put(ctx context.Context, m report.Morning, revision int) error {
	for _, f := range []struct {
		ext   string
		write func(io.Writer) error
	}{
		{"txt", func(w io.Writer) error { return report.Text(w, m) }},
		{"json", func(w io.Writer) error { return report.JSON(w, m) }},
		{"csv", func(w io.Writer) error { return report.CSV(w, n.rows(ctx)) }},
		{"html", func(w io.Writer) error { return report.HTML(w, m) }},
		{"md", func(w io.Writer) error { return report.Markdown(w, m) }},
	} {
		var b bytes.Buffer
		if err := f.write(&b); err != nil {
			return err
		}
		if err := n.Archive.Put(ctx, archive.ReportKey(n.batch.ID, revision, f.ext), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// rows are the jobs with their charges, for a spreadsheet.
func (n *night) rows(ctx context.Context) iter.Seq2[report.Row, error] {
	return func(yield func(report.Row, error) bool) {
		stopped := errors.New("stopped")
		err := n.pages(ctx, n.batch.ID, func(j ledger.Job) error {
			row := report.Row{Job: j}
			if c, ok := n.charges[j.Seq]; ok {
				row.Charge = &c
				row.Discount = string(audit.Examine(n.batch.Card, n.in.Span, n.in.Span.Location(), c).Proof)
			}
			if !yield(row, nil) {
				return stopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, stopped) {
			yield(report.Row{}, err)
		}
	}
}
