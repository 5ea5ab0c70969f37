package estimate

import (
	"fmt"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/tariff"
)

// metered are the terms of a provider other than Swarms: what its dialect
// declares. Nothing is asked of it, for its questions count towards its limits.
func (t Terms) metered(m batch.Manifest) Terms {
	out := Terms{Card: tariff.Card{Source: tariff.NoTariff, Night: money.One}, APIs: t.APIs}
	d := t.dialect(m.Provider)
	if d == nil {
		out.Notes = []string{"dialect " + m.Provider + " isn't known here: jobs are priced by their ceilings, limits aren't counted (OFFPEAK_DIALECTS)"}
		return out
	}
	for _, l := range d.Limits {
		if l.Limit > 0 {
			out.Limits.Windows = append(out.Limits.Windows, provider.Window{Name: l.Name, Span: l.Span, Limit: l.Limit, Remaining: -1})
		}
	}
	if len(d.Steps) > 1 {
		out.Notes = []string{"each job takes several requests, quotes and looks at its work among them: a night is longer than the limit alone says"}
	}
	return out
}

func (t Terms) dialect(name string) *dialect.Dialect {
	for _, d := range t.APIs {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// quote is a job's price.
func (t Terms) quote(m batch.Manifest, j batch.Job) (swarms.Quote, error) {
	if !m.Metered() {
		return swarms.Price(j, t.Card)
	}
	q := swarms.Quote{Estimate: j.Estimate, Ceiling: j.Ceiling}
	if d := t.dialect(m.Provider); d != nil {
		var wrong []string
		if q.Estimate, q.Ceiling, wrong = d.Cost(j); len(wrong) > 0 {
			return q, &batch.Fault{
				Kind: batch.BadInput, Op: "price job", Thing: j.Name, Moved: batch.MovedNo, Detail: strings.Join(wrong, ", "),
				Hint: "starter providers " + m.Provider + " says what a job needs",
			}
		}
	} else if q.Estimate == 0 {
		q.Estimate = q.Ceiling
	}
	q.DayPrice = q.Estimate
	return q, nil
}

func maxTokens(m batch.Manifest, j batch.Job) int64 {
	if m.Metered() {
		return 0
	}
	return swarms.MaxTokens(j.Request)
}

// wrongJobs collects what a dialect wouldn't take.
type wrongJobs struct {
	Terms
	said []string
	more int
}

// shown is how many wrong jobs are named.
const shown = 20

func (w *wrongJobs) job(m batch.Manifest, j batch.Job) {
	d := w.dialect(m.Provider)
	if d == nil || !m.Metered() {
		return
	}
	if _, _, wrong := d.Cost(j); len(wrong) > 0 {
		if len(w.said) == shown {
			w.more++
			return
		}
		w.said = append(w.said, fmt.Sprintf("%q: %s", j.Name, strings.Join(wrong, ", ")))
	}
}

func (w *wrongJobs) fault(m batch.Manifest) error {
	if len(w.said) == 0 {
		return nil
	}
	if w.more > 0 {
		w.said = append(w.said, fmt.Sprintf("and %d more", w.more))
	}
	return &batch.Fault{
		Kind: batch.BadInput, Op: "check jobs of", Thing: string(m.Name), Moved: batch.MovedNo, Detail: strings.Join(w.said, "\n"),
		Hint: "starter providers " + m.Provider + " says what a job needs",
	}
}
