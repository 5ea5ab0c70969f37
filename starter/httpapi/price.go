package httpapi

import (
	"context"
	"net/http"

	"github.com/offpeak/offpeak/starter/estimate"
)

type (
	manifestInput struct{ Payload }
	checkOutput   struct{ Body estimate.Checked }
	priceOutput   struct{ Body estimate.Estimate }
)

func (a *API) priceOperations() {
	register(a, operation{
		id: "validate-manifest", method: http.MethodPost, path: "/v1/validations", tag: tagPlan, scope: read,
		errors:  []int{http.StatusNotFound, http.StatusForbidden, http.StatusConflict},
		summary: "Say everything that is wrong with a manifest",
		text:    "Reads a manifest as a start would, with the jobs of jobs_from where this server can read them, and says all that is wrong at once. Nothing is started and nothing is sent.",
		body:    a.manifestBody(true),
	}, func(ctx context.Context, in *manifestInput) (*checkOutput, error) {
		w, err := a.input(ctx, "validate-manifest", &in.Payload)
		if err == nil {
			err = w.known("validate-manifest")
		}
		if err != nil {
			return nil, err
		}
		c, err := estimate.Check(w.manifest, w.jobs, a.Env, a.Now())
		if err != nil {
			return nil, err
		}
		return &checkOutput{c}, nil
	})
	register(a, operation{
		id: "estimate-manifest", method: http.MethodPost, path: "/v1/estimates", tag: tagPlan, scope: read,
		errors:  []int{http.StatusNotFound, http.StatusForbidden, http.StatusConflict},
		summary: "Say what a batch will cost, and when it would begin",
		text: `Prices every job with the code that plans a night: what it is expected to cost by day and by night, the ceiling that is set aside,
the credits that the account must hold, whether it fits tonight, and when it would begin. The rate card, limits and credits are the account's own where
this server has SWARMS_API_KEY; else notes say what was taken instead.`,
		body: a.manifestBody(true),
	}, func(ctx context.Context, in *manifestInput) (*priceOutput, error) {
		w, err := a.input(ctx, "estimate-manifest", &in.Payload)
		if err == nil {
			err = w.known("estimate-manifest")
		}
		if err != nil {
			return nil, err
		}
		terms, err := estimate.Ask(ctx, a.Env, a.Now)
		if err != nil {
			return nil, err
		}
		e, err := estimate.Price(w.manifest, w.jobs, terms, a.Now())
		if err != nil {
			return nil, err
		}
		return &priceOutput{e}, nil
	})
}
