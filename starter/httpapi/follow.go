package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

const eventType = "text/event-stream"

type eventsInput struct {
	BatchPath
	Last string `header:"Last-Event-ID" maxLength:"200" doc:"The id of the last event that was seen: what came since follows"`
}

func (a *API) eventsOperation() {
	register(a, operation{
		id: "follow-batch", method: http.MethodGet, path: "/v1/batches/{name}/{night}/events", tag: tagLook, scope: read,
		errors:  []int{http.StatusNotFound},
		summary: "Follow a night, as server-sent events",
		text: `progress: how the night stands, in the form of its status, when something changed. state: it went from one state to another. end: it is over;
nothing follows. Each has an id; a client that comes back with Last-Event-ID gets what it missed. After the end it gets 204, which stops an EventSource.
A comment keeps the connection alive.`,
		types: map[string]*sample{eventType: {
			schema:  &huma.Schema{Type: "string", Description: "Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html"},
			example: "event: progress\nid: ...\ndata: {\"batch\":\"market-digest/2026-11-22\",\"state\":\"sending\"}\n\n",
		}},
	}, func(ctx context.Context, in *eventsInput) (*streamOutput, error) {
		if a.Events == nil {
			return nil, &batch.Fault{Kind: batch.OutOfReach, Op: "follow", Thing: in.Name + "/" + in.Night, Detail: "this server tells no events", Hint: "ask for the status now and then"}
		}
		id, err := in.id()
		if err == nil && id == "" {
			n, e := a.Client.Latest(ctx, batch.Name(in.Name))
			id, err = n.Batch, e
		}
		if err != nil {
			return nil, err
		}
		return &streamOutput{func(c huma.Context) {
			r, w := humago.Unwrap(c)
			if err := a.Events.Stream(ctx, id, in.Last, w); err != nil {
				problem.Write(w, r, a.fail(ctx, "follow-batch", err))
			}
		}}, nil
	})
	pathOperation(a.huma.OpenAPI().Paths["/v1/batches/{name}/{night}/events"], http.MethodGet).Responses["204"] = &huma.Response{
		Description: "The end was seen: nothing follows, and coming back is of no use",
	}
}
