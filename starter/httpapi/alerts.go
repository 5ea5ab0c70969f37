package httpapi

import (
	"context"
	"net/http"

	"github.com/offpeak/offpeak/starter/books"
)

type (
	alertsInput struct {
		All   bool `query:"all" doc:"Those that are over as well"`
		Limit int  `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"At most so many"`
	}
	alertsOutput struct{ Body books.Incidents }
)

func (a *API) alertsOperation() {
	register(a, operation{
		id: "list-alerts", method: http.MethodGet, path: "/v1/alerts", tag: tagLook, scope: read,
		summary: "Say what is wrong, and who was told",
		text: `The incidents that are open in the ledger, or all, the last seen first: what happened, since when, how often it was seen, when people were told,
and each telling that a sink didn't take, or hasn't yet. Addresses of sinks aren't in it.`,
	}, func(ctx context.Context, in *alertsInput) (*alertsOutput, error) {
		b, err := a.books.get(ctx)
		if err != nil {
			return nil, err
		}
		found, err := b.Incidents(ctx, in.All, in.Limit, a.Now())
		if err != nil {
			return nil, err
		}
		return &alertsOutput{found}, nil
	})
}
