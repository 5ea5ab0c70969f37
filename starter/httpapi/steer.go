package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
	"github.com/offpeak/offpeak/starter/nightly"
)

type (
	reason struct {
		Why string `json:"why,omitempty" maxLength:"500" doc:"One line, shown wherever the order's effect is" example:"the answers look wrong"`
	}
	newBudget struct {
		Cap string `json:"cap" pattern:"^[0-9]{1,12}(\\.[0-9]{1,6})?$" doc:"The batch's new cap in dollars" example:"80.00"`
		Why string `json:"why,omitempty" maxLength:"500" doc:"One line"`
	}
	doneWord struct {
		Seq int `json:"seq" minimum:"0" doc:"The job's place in the batch, from 0" example:"3"`
	}
	toldOutput struct{ Body toldOf }
	toldOf     struct {
		Batch batch.ID `json:"batch"`
		Seq   int      `json:"seq"`
		Links links    `json:"links"`
	}
	orderInput struct {
		BatchPath
		Payload
	}
	// steered is how the night stands after an order.
	steered struct {
		Batch  batch.ID     `json:"batch"`
		State  string       `json:"state"`
		Jobs   batch.Counts `json:"jobs"`
		Paused *batch.Pause `json:"paused,omitempty"`
		Links  links        `json:"links"`
	}
	steerOutput   struct{ Body steered }
	compareOutput struct {
		Location string `header:"Location" doc:"The report, which is of the reconciliation once that is over"`
		Body     compared
	}
	compared struct {
		Batch      batch.ID `json:"batch"`
		WorkflowID string   `json:"workflow_id" example:"reconcile/market-digest/2026-11-22"`
		RunID      string   `json:"run_id"`
		Running    bool     `json:"already_running"`
		Links      links    `json:"links"`
	}
)

// verb is an order to a night.
type verb struct {
	name, summary, text string
	do                  func(nightly.Night, context.Context, string, string) (batch.Progress, error)
}

func (a *API) steerOperations() {
	for _, v := range []verb{
		{
			"pause", "Have nothing new sent",
			"What is in flight ends; what still waits at the night's deadline is parked. When this has answered, every worker keeps it. Pausing twice is fine.",
			nightly.Night.Pause,
		},
		{"resume", "Undo a pause", "Resuming what isn't paused changes nothing.", nightly.Night.Resume},
		{
			"cancel", "End a night for good",
			"Nothing new is sent, what is in flight ends, the rest is cancelled, and the audit closes the books.",
			nightly.Night.Cancel,
		},
	} {
		register(a, steering(v.name, v.summary, v.text, jsonBody[reason](a, "Why; may be left out", false, `{"why":"the answers look wrong"}`)),
			func(ctx context.Context, in *orderInput) (*steerOutput, error) {
				body, err := in.whole(v.name, maxOrder)
				if err != nil {
					return nil, err
				}
				o, err := decode[reason](a, v.name, body)
				if err != nil {
					return nil, err
				}
				return a.steer(ctx, in.BatchPath, func(n nightly.Night, who string) (batch.Progress, error) { return v.do(n, ctx, who, o.Why) })
			})
	}
	register(a, steering("budget", "Give a night more money",
		"A higher cap for the batch. Jobs that wait for room go on, and those that were skipped for want of it are sent after all. It holds for this run: another one begins with the manifest's cap.",
		jsonBody[newBudget](a, "The new cap", true, `{"cap":"80.00"}`)),
		func(ctx context.Context, in *orderInput) (*steerOutput, error) {
			body, err := in.whole("budget", maxOrder)
			if err != nil {
				return nil, err
			}
			o, err := decode[newBudget](a, "budget", body)
			if err != nil {
				return nil, err
			}
			limit, err := money.Parse(o.Cap)
			if err != nil {
				return nil, bad("budget", "cap", err.Error(), "write dollars as 80.00")
			}
			return a.steer(ctx, in.BatchPath, func(n nightly.Night, who string) (batch.Progress, error) {
				return n.RaiseBudget(ctx, limit, who, o.Why)
			})
		})
	told := steering("told", "Hand on that a job may be done",
		"For whoever receives a provider's webhook: the job is asked for at once, and not when its turn comes. Nothing else is believed, so it may come twice, late or for nothing. It means something to nights of providers that take work on and answer later.",
		jsonBody[doneWord](a, "Which job", true, `{"seq":3}`))
	told.status = http.StatusAccepted
	register(a, told, func(ctx context.Context, in *orderInput) (*toldOutput, error) {
		body, err := in.whole("told", maxOrder)
		if err != nil {
			return nil, err
		}
		word, err := decode[doneWord](a, "told", body)
		if err != nil {
			return nil, err
		}
		n, err := a.night(ctx, in.BatchPath)
		if err != nil {
			return nil, err
		}
		if err := n.Told(ctx, word.Seq); err != nil {
			return nil, refused(err)
		}
		return &toldOutput{toldOf{n.Batch, word.Seq, linksOf(n.Batch)}}, nil
	})
	compare := steering("reconcile", "Compare a batch's books once more",
		"Ledger, provider's log and credits: what was unknown and is in the log by now is settled, and the night is judged again. Nothing is sent. It goes on by itself; the report says how it ended. One that is under way is attached to.", nil)
	compare.status = http.StatusAccepted
	compare.errors = []int{http.StatusNotFound}
	register(a, compare, func(ctx context.Context, in *struct{ BatchPath }) (*compareOutput, error) {
		n, err := a.night(ctx, in.BatchPath)
		if err != nil {
			return nil, err
		}
		again, err := a.Client.Reconcile(ctx, n.Batch)
		if err != nil {
			return nil, err
		}
		return &compareOutput{linksOf(n.Batch).Report, compared{n.Batch, again.WorkflowID, again.RunID, again.Running, linksOf(n.Batch)}}, nil
	})
}

func steering(name, summary, text string, body *huma.RequestBody) operation {
	return operation{
		id: name + "-batch", method: http.MethodPost, path: "/v1/batches/{name}/{night}/" + name, tag: tagSteer, scope: operate,
		errors: []int{http.StatusNotFound, http.StatusConflict}, summary: summary, text: text, body: body,
	}
}

func (a *API) steer(ctx context.Context, p BatchPath, do func(nightly.Night, string) (batch.Progress, error)) (*steerOutput, error) {
	n, err := a.night(ctx, p)
	if err != nil {
		return nil, err
	}
	k, _ := keys.From(ctx)
	progress, err := do(n, by(k))
	if err != nil {
		return nil, refused(err)
	}
	out := steered{Batch: n.Batch, State: progress.State, Jobs: progress.Jobs, Links: linksOf(n.Batch)}
	if progress.Paused.On() {
		out.Paused = &progress.Paused
	}
	return &steerOutput{out}, nil
}

// refused is an order that makes no sense as things stand: the body was right,
// so it is a conflict and not bad input.
func refused(err error) error {
	var f *batch.Fault
	if !errors.As(err, &f) || f.Kind != batch.BadInput {
		return err
	}
	out := *f
	out.Kind = problem.Conflict
	return &out
}
