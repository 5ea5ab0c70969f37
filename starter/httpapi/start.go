package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/starter/once"
)

// links are where a batch's other sides are.
type links struct {
	Self    string `json:"self" example:"/v1/batches/market-digest/2026-11-22"`
	Events  string `json:"events" doc:"Server-sent events until the night is over"`
	Jobs    string `json:"jobs"`
	Results string `json:"results" doc:"Every job with its answer, as JSON Lines"`
	Report  string `json:"report"`
}

func linksOf(id batch.ID) links {
	self := "/v1/batches/" + string(id)
	return links{self, self + "/events", self + "/jobs", self + "/results", self + "/report"}
}

// started is a night that was started, or that ran already.
type started struct {
	Batch      batch.ID  `json:"batch" example:"market-digest/2026-11-22"`
	WorkflowID string    `json:"workflow_id" doc:"In Temporal" example:"nightly/market-digest/2026-11-22"`
	RunID      string    `json:"run_id"`
	State      string    `json:"state" doc:"started: by this request. running: it ran before, and nothing was started" enum:"started,running"`
	Begins     time.Time `json:"begins" doc:"When the first job may leave"`
	Reason     string    `json:"reason" doc:"Why then, for people"`
	Links      links     `json:"links"`
}

type (
	startInput struct {
		Payload
		Key string `header:"Idempotency-Key" maxLength:"255" doc:"The same key with the same body gives the first answer again, for 30 days, from every server on the same ledger"`
	}
	startOutput struct {
		Status   int
		Location string `header:"Location" doc:"The batch"`
		Replayed string `header:"Idempotency-Replayed" doc:"true: this is the answer that the first request with the key got"`
		Body     started
	}
)

func (a *API) startOperations() {
	register(a, operation{
		id: "start-batch", method: http.MethodPost, path: "/v1/batches", tag: tagStart, scope: operate,
		status: http.StatusCreated, also: map[int]string{http.StatusOK: "This night runs already: nothing was started"},
		errors:  []int{http.StatusNotFound},
		summary: "Start a batch's night",
		text: `Takes a manifest and starts its night: the one that is open now when there is time left, else the next one. There is one night per
batch and date, so that starting twice, from whatever door, is one night. A night that is over is started again, which sends only what was left over.

Everything that is wrong with a manifest is said at once, each with line, column and field. Instead of a manifest,
` + "`{\"manifest\": URL, \"name\": ..., \"window\": {...}}`" + ` names one that the worker reads. URLs, here and in jobs_from, must lie
where this server allows it: below the uploads, or below one of OFFPEAK_HTTP_ROOTS.

With an Idempotency-Key the same request gives the first answer again for 30 days, also when the night is over by then. The same key with another
body is 422. An error isn't kept: mend it and send it again with the same key.`,
		body: a.manifestBody(true),
	}, a.start)
}

func (a *API) start(ctx context.Context, in *startInput) (*startOutput, error) {
	if in.Key == "" {
		w, err := a.input(ctx, "start-batch", &in.Payload)
		if err != nil {
			return nil, err
		}
		return a.startNow(ctx, w)
	}
	body, err := in.whole("start-batch", maxBody)
	if err != nil {
		return nil, err
	}
	desk, err := a.once.get(ctx)
	if err != nil {
		return nil, err
	}
	who, _ := keys.From(ctx)
	kept, replayed, err := desk.Do(ctx, []string{"start-batch", who.ID, in.Key}, []string{in.contentType, string(body)}, func() ([]byte, error) {
		w, err := a.inputOf(ctx, "start-batch", in.contentType, body)
		if err != nil {
			return nil, err
		}
		out, err := a.startNow(ctx, w)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	})
	if errors.Is(err, once.ErrDiffers) {
		return nil, &batch.Fault{
			Kind: problem.KeyReused, Op: "start-batch", Thing: "Idempotency-Key", Detail: "it came with another body before, in the last 30 days",
			Hint: "take a new key for another body; send the same body to get the first answer again",
		}
	}
	if err != nil {
		return nil, err
	}
	out := &startOutput{}
	if err := json.Unmarshal(kept, out); err != nil {
		return nil, err
	}
	if replayed {
		out.Replayed = "true"
	}
	return out, nil
}

func (a *API) startNow(ctx context.Context, w wanted) (*startOutput, error) {
	n, err := a.Client.Start(ctx, w.request)
	if err != nil {
		return nil, err
	}
	return answerStart(n), nil
}

func answerStart(n nightly.Night) *startOutput {
	out := &startOutput{Status: http.StatusCreated, Location: linksOf(n.Batch).Self, Body: started{
		Batch: n.Batch, WorkflowID: n.WorkflowID, RunID: n.RunID, State: "started", Begins: n.Start.At, Reason: n.Start.Reason, Links: linksOf(n.Batch),
	}}
	if n.Running {
		out.Status, out.Body.State = http.StatusOK, "running"
	}
	return out
}
