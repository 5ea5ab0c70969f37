package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/tariff"
)

// terms are what the provider says before a night, or what is taken in its
// place.
type terms struct {
	card    tariff.Card
	limits  provider.Limits
	own     []batch.RateLimit // OFFPEAK_LIMITS
	credits *money.USD
	notes   []string
}

// freeTier are the limits of an account that isn't known (Swarms docs, rate
// limits): the lower ones, so that "it fits" holds for every account.
var freeTier = provider.Limits{Tier: "free tier, assumed", Windows: []provider.Window{
	{Name: "minute", Span: time.Minute, Limit: 100},
	{Name: "hour", Span: time.Hour, Limit: 350},
	{Name: "day", Span: 24 * time.Hour, Limit: 1200},
}}

// terms asks the provider where there is a key. Nothing here costs anything,
// and an API that doesn't answer is no error: the built-in card stands in.
func (a *app) terms(ctx context.Context) (terms, error) {
	t := terms{card: tariff.Swarms(), limits: freeTier}
	c, err := config.Load(a.Env)
	if err != nil {
		return t, err
	}
	t.own = own(c)
	if c.Key.Empty() {
		t.notes = append(t.notes, "SWARMS_API_KEY is not set: prices are the built-in rate card's, limits the free tier's")
		return t, nil
	}
	api, err := swarms.New(swarms.Options{BaseURL: c.BaseURL, Key: c.Key.Reveal(), Timeout: askTimeout, Now: a.Now})
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
		t.notes = append(t.notes, "the rate card can't be read, prices are the built-in one's: "+plain(err))
	default:
		t.card = costs.Card
	}
	if limits, _, err := api.RateLimits(ctx); err != nil {
		t.notes = append(t.notes, "the rate limits can't be read, the free tier's are taken: "+plain(err))
	} else {
		t.limits = limits
	}
	if credits, _, err := api.Credits(ctx); err != nil {
		t.notes = append(t.notes, "the credits can't be read: "+plain(err))
	} else if credits.Total.Known {
		t.credits = &credits.Total.USD
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
func (t terms) fit(jobs int, s tariff.Start, slow time.Duration) batch.Fit {
	return batch.FitNight(jobs, s, slow, t.limits.Tier, slices.Concat(t.limits.Rates(), t.own))
}

// plain is an error's own message, for a note.
func plain(err error) string {
	var f *batch.Fault
	if errors.As(err, &f) && f.Detail != "" {
		return printable(f.Detail)
	}
	return printable(err.Error())
}
