package audit

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// Primary is the kind under which a night that didn't pass fails: of all its
// findings the one that stands first in this order: NothingToJudge,
// DiscountMissed, BillingMissing, OutcomesUnknown, BooksDisagree. It is "" for a
// night that passed. An audit that neither passed nor found anything never
// took place, which is NothingToJudge.
func Primary(a batch.Audit) batch.Kind {
	if a.Passed {
		return ""
	}
	for _, kind := range order {
		for _, f := range a.Findings {
			if f.Rule == kind {
				return kind
			}
		}
	}
	return batch.NothingToJudge
}

// What a fault's text may hold: it travels in an error.
const (
	faultJobs = 3
	faultName = 60  // characters of one name
	faultText = 600 // characters of a cause
)

// Fault is the error of a night that didn't pass, nil for one that did. Its
// detail names the first jobs, the dollars and the likeliest cause of the
// first finding of the primary kind; the report holds the rest.
func Fault(id batch.ID, a batch.Audit) *batch.Fault {
	kind := Primary(a)
	if kind == "" {
		return nil
	}
	f := &batch.Fault{Kind: kind, Op: "audit", Thing: string(id), Moved: moved(kind)}
	others := 0
	for _, finding := range a.Findings {
		if finding.Rule == kind && f.Hint == "" {
			f.Detail, f.Hint = describe(finding), finding.Remedy
			continue
		}
		others++
	}
	switch {
	case f.Detail == "":
		f.Detail, f.Hint = "the night was never judged", "run the batch again to have it judged"
	case others == 1:
		f.Detail += "; and one more finding, in the report"
	case others > 1:
		f.Detail += fmt.Sprintf("; and %d more findings, in the report", others)
	}
	return f
}

func moved(kind batch.Kind) batch.Moved {
	switch kind {
	case batch.DiscountMissed, batch.BillingMissing:
		return batch.MovedYes
	case batch.NothingToJudge:
		return batch.MovedNo
	}
	return batch.MovedMaybe
}

func describe(f batch.Finding) string {
	var b strings.Builder
	if f.Count > 0 {
		fmt.Fprintf(&b, "%d job", f.Count)
		if f.Count != 1 {
			b.WriteByte('s')
		}
		if f.Dollars != 0 {
			b.WriteString(", " + f.Dollars.Dollars())
		}
		b.WriteString(" (")
		for i, name := range f.Jobs[:min(len(f.Jobs), faultJobs)] {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(strconv.QuoteToGraphic(clip(name, faultName)))
		}
		if f.Count > faultJobs {
			b.WriteString(", ...")
		}
		b.WriteString("): ")
	}
	b.WriteString(clip(f.Cause, faultText))
	return b.String()
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
