package activities

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/tariff"
)

// api is the client of a provider other than Swarms. A worker has those whose
// secrets it has.
func (h *Hands) api(name string) *dialect.Client {
	for _, c := range h.APIs {
		if c.Dialect().Name == name {
			return c
		}
	}
	return nil
}

// metered says whether a batch is one of theirs, and has its client. A worker
// that lacks it leaves the batch to those that have it.
func (h *Hands) metered(b ledger.Batch) (*dialect.Client, bool, error) {
	if b.Provider == "" || b.Provider == batch.Swarms {
		return nil, false, nil
	}
	if c := h.api(b.Provider); c != nil {
		return c, true, nil
	}
	return nil, true, &batch.Fault{
		Kind: batch.OutOfReach, Op: "serve", Thing: string(b.ID), Moved: batch.MovedNo, After: 10 * time.Second,
		Detail: "this worker has no secrets for provider " + b.Provider, Hint: "give all workers on these books the same ones: " + h.speaks(),
	}
}

// needSwarms refuses what only Swarms has where a worker serves other providers
// alone.
func (h *Hands) needSwarms(op string) error {
	if h.Swarms != nil {
		return nil
	}
	return &batch.Fault{
		Kind: batch.BadInput, Op: op, Thing: batch.Swarms, Moved: batch.MovedNo, Detail: "the worker has no SWARMS_API_KEY: " + h.speaks(),
		Hint: "only Swarms has this; set the key where the worker runs, or take this out of the schedule",
	}
}

// speaks names the providers that this worker has.
func (h *Hands) speaks() string {
	var names []string
	if h.Swarms != nil {
		names = append(names, batch.Swarms)
	}
	for _, c := range h.APIs {
		names = append(names, c.Dialect().Name)
	}
	if len(names) == 0 {
		return "this one has none"
	}
	return "this one has " + strings.Join(names, ", ")
}

// KeepAPILimits puts the declared windows of every provider into the books; all
// workers keep what the one says that started last.
func (h *Hands) KeepAPILimits(ctx context.Context) error {
	for _, c := range h.APIs {
		if err := h.Ledger.Learn(ctx, c.Scope(), windows(c.Limits(), h.now(), true)); err != nil {
			return err
		}
	}
	return nil
}

// windows are limits as the ledger takes them; declared ones say nothing of
// what is left.
func windows(all []provider.Window, at time.Time, declared bool) []ledger.Window {
	var out []ledger.Window
	for _, w := range all {
		if declared && w.Limit == 0 {
			continue // the headers will tell
		}
		told := ledger.Window{Name: w.Name, Step: w.Step, Span: w.Span, Limit: w.Limit, Remaining: w.Remaining, Reset: w.Reset, ToldAt: at}
		if declared {
			told.Remaining = -1
		}
		out = append(out, told)
	}
	return out
}

// heed notes what an answer's headers say of the limits.
func (w *work) heed(ctx context.Context, r provider.Receipt) {
	if len(r.Limits.Windows) == 0 {
		return
	}
	if err := w.Ledger.Learn(ctx, w.batch.Key, windows(r.Limits.Windows, r.EndedAt(), false)); err != nil {
		w.Log.Warn("rate limits weren't noted", zap.Error(err))
	}
}

// quote prices a job of another provider.
func quote(d *dialect.Dialect, j batch.Job) (swarms.Quote, []string) {
	estimate, ceiling, wrong := d.Cost(j)
	return swarms.Quote{Estimate: estimate, DayPrice: estimate, Ceiling: ceiling}, wrong
}

// meteredTerms are those of a provider of which nothing is asked beforehand:
// its questions would count towards its limits.
func meteredTerms(c *dialect.Client) terms {
	return terms{card: tariff.Card{Source: tariff.NoTariff, Night: money.One}, limits: provider.Limits{Windows: c.Limits()}}
}

// meteredFanOut bounds how many jobs are under way at once: most of them wait
// for a limit or for their work, and more would only stand in line.
func meteredFanOut(plan *batch.Plan, d *dialect.Dialect) {
	const perShard = 100 // each look at a job's work is a handful of events
	plan.ShardSize, plan.Lane, plan.Chunk, plan.Chunks = perShard, 0, 0, 0
	shards := (plan.Jobs + perShard - 1) / perShard
	plan.Shards = max(1, min(shards, 4, d.AtOnce))
	plan.InFlight = max(1, d.AtOnce/plan.Shards)
	plan.Metered = d.Name
}

// progress is what the books keep of work that a provider has taken on: all
// that is needed to ask for its answer.
type progress struct {
	At   time.Time                  `json:"at"` // when it was taken on
	Kept map[string]json.RawMessage `json:"kept"`
}

func (p progress) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		return "" // can't be: texts and an instant
	}
	return string(text)
}

// names of providers, for refusals.
func knownProviders(h *Hands) []string {
	out := []string{batch.Swarms}
	for _, d := range dialect.Builtin() {
		out = append(out, d.Name)
	}
	for _, c := range h.APIs {
		if !slices.Contains(out, c.Dialect().Name) {
			out = append(out, c.Dialect().Name)
		}
	}
	return out
}

// noAPI refuses a manifest for a provider that this worker hasn't, with what to
// do about it.
func (h *Hands) noAPI(m batch.Manifest) error {
	f := &batch.Fault{
		Kind: batch.BadInput, Op: "plan", Thing: string(m.Name), Moved: batch.MovedNo,
		Detail: "the worker has no secrets for provider " + m.Provider + ": " + h.speaks(),
	}
	for _, d := range dialect.Builtin() {
		if d.Name == m.Provider {
			missing, _ := dialect.Missing(d, func(string) string { return "" })
			f.Hint = "set " + strings.Join(missing, " and ") + " where the worker runs, and start it again"
			return f
		}
	}
	if !slices.Contains(knownProviders(h), m.Provider) {
		f.Detail = "the worker knows no dialect " + m.Provider + ": " + h.speaks()
		f.Hint = "give its file to the worker in OFFPEAK_DIALECTS, its secrets beside it, and start it again"
	} else {
		f.Hint = "set its secrets where the worker runs, and start it again"
	}
	return f
}
