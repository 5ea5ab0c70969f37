package estimate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/tariff"
)

// Terms are what the provider says before a night, or what is taken in its
// place.
type Terms struct {
	Card    tariff.Card
	Limits  provider.Limits
	Own     []batch.RateLimit  // OFFPEAK_LIMITS
	Credits *money.USD         // on the account; nil when it wasn't asked, or didn't say
	APIs    []*dialect.Dialect // of other providers
	Notes   []string           // what was taken in place of an answer, and why
}

// freeTier are the limits of an account that isn't known (Swarms docs, rate
// limits): the lower ones, so that "it fits" holds for every account.
var freeTier = provider.Limits{Tier: "free tier, assumed", Windows: []provider.Window{
	{Name: "minute", Span: time.Minute, Limit: 100},
	{Name: "hour", Span: time.Hour, Limit: 350},
	{Name: "day", Span: 24 * time.Hour, Limit: 1200},
}}

// askTimeout bounds each question to the provider: the answer is a nicety.
const askTimeout = 5 * time.Second

// Ask asks the provider where there is a key. Nothing here costs anything,
// and an API that doesn't answer is no error: the built-in card stands in. A
// key that is refused is a fault of kind KeyRefused.
func Ask(ctx context.Context, env config.Env, now func() time.Time) (Terms, error) {
	t := Terms{Card: tariff.Swarms(), Limits: freeTier}
	c, err := config.Load(env)
	if err != nil {
		return t, err
	}
	t.Own = own(c)
	if t.APIs, err = dialect.Load(c.Dialects); err != nil {
		return t, err
	}
	if c.Key.Empty() {
		t.Notes = append(t.Notes, "SWARMS_API_KEY is not set: prices are the built-in rate card's, limits the free tier's")
		return t, nil
	}
	api, err := swarms.New(swarms.Options{BaseURL: c.BaseURL, Key: c.Key.Reveal(), Timeout: askTimeout, Now: now})
	if err != nil {
		return t, err
	}
	defer api.CloseIdle()
	costs, _, err := api.Costs(ctx)
	if err == nil {
		err = costs.Card.Check()
	}
	switch {
	case batch.KindOf(err) == batch.KeyRefused, ctx.Err() != nil:
		return t, err
	case err != nil:
		t.Notes = append(t.Notes, "the rate card can't be read, prices are the built-in one's: "+plain(err))
	default:
		t.Card = costs.Card
	}
	if limits, _, err := api.RateLimits(ctx); err != nil {
		t.Notes = append(t.Notes, "the rate limits can't be read, the free tier's are taken: "+plain(err))
	} else {
		t.Limits = limits
	}
	if credits, _, err := api.Credits(ctx); err != nil {
		t.Notes = append(t.Notes, "the credits can't be read: "+plain(err))
	} else if credits.Total.Known {
		t.Credits = &credits.Total.USD
	}
	return t, ctx.Err()
}

// own are the limits of OFFPEAK_LIMITS.
func own(c config.Config) []batch.RateLimit {
	var out []batch.RateLimit
	for _, l := range c.Limits {
		out = append(out, batch.OwnRateLimit(l.Span, l.N))
	}
	return out
}

// fit says whether jobs fit into a night, in the words of its plan.
func (t Terms) fit(jobs int, s tariff.Start, slow time.Duration) batch.Fit {
	return batch.FitNight(jobs, s, slow, t.Limits.Tier, slices.Concat(t.Limits.Rates(), t.Own))
}

// plain is an error's own message, for a note.
func plain(err error) string {
	var f *batch.Fault
	if errors.As(err, &f) && f.Detail != "" {
		return f.Detail
	}
	return err.Error()
}
