package watch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Bounds of what is remembered and shown of others' runs: their names aren't
// ours, and there may be as many as there are runs.
const (
	maxNames = 1000
	nameLen  = 60 // characters
	top      = 5
)

type who struct{ name, model string }

// Who adds others' runs up by name and model. The first thousand of them are
// told apart; what is beyond has no name.
type Who struct {
	by   map[who]batch.Spend
	rest batch.Spend
}

// Add takes in a run.
func (w *Who) Add(name, model string, dollars money.USD) {
	if w.by == nil {
		w.by = map[who]batch.Spend{}
	}
	// Clones: these are parts of rows of any length.
	k := who{strings.Clone(cut(name)), strings.Clone(cut(model))}
	s, known := w.by[k]
	if !known && len(w.by) >= maxNames {
		w.rest.Runs++
		w.rest.Dollars += dollars
		return
	}
	s.Runs++
	s.Dollars += dollars
	w.by[k] = s
}

// Top are the five who spent most, and what all others did.
func (w *Who) Top() (most []batch.Stranger, rest batch.Spend) {
	most, rest = []batch.Stranger{}, w.rest
	for k, s := range w.by {
		most = append(most, batch.Stranger{Name: k.name, Model: k.model, Spend: s})
	}
	slices.SortFunc(most, func(a, b batch.Stranger) int {
		return cmp.Or(cmp.Compare(b.Dollars, a.Dollars), cmp.Compare(b.Runs, a.Runs), strings.Compare(a.Name, b.Name), strings.Compare(a.Model, b.Model))
	})
	for _, s := range most[min(top, len(most)):] {
		rest.Runs += s.Runs
		rest.Dollars += s.Dollars
	}
	return most[:min(top, len(most))], rest
}

// cut keeps a name short.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "")
	if r := []rune(s); len(r) > nameLen {
		return string(r[:nameLen-3]) + "..."
	}
	return s
}
