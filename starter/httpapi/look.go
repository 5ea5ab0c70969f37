package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
)

// BatchPath names a batch in a path.
type BatchPath struct {
	Name  string `path:"name" maxLength:"63" doc:"The manifest's name" example:"market-digest"`
	Night string `path:"night" maxLength:"10" doc:"The date on which the window opens, or latest" example:"2026-11-22"`
}

// latest is the night of a name that is asked for without knowing its date.
const latest = "latest"

// id checks both halves; "" for the latest night.
func (p BatchPath) id() (batch.ID, error) {
	if p.Night == latest {
		if err := batch.Name(p.Name).Valid(); err != nil {
			return "", bad("find night", p.Name, err.Error(), "")
		}
		return "", nil
	}
	id, err := batch.ParseID(p.Name + "/" + p.Night)
	if err != nil {
		return "", bad("find night", p.Name+"/"+p.Night, err.Error(), "name a batch such as market-digest/2026-11-22, or market-digest/latest")
	}
	return id, nil
}

// night finds it in Temporal.
func (a *API) night(ctx context.Context, p BatchPath) (nightly.Night, error) {
	id, err := p.id()
	switch {
	case err != nil:
		return nightly.Night{}, err
	case id == "":
		return a.Client.Latest(ctx, batch.Name(p.Name))
	}
	return a.Client.Find(ctx, id)
}

// status is how a night stands.
type status struct {
	Batch      batch.ID     `json:"batch" example:"market-digest/2026-11-22"`
	Night      tariff.Night `json:"night" example:"2026-11-22"`
	State      string       `json:"state" doc:"planning, waiting, sending, reconciling, auditing, done, refused or failed" example:"sending"`
	Over       bool         `json:"over" doc:"Nothing happens by itself any more"`
	WorkflowID string       `json:"workflow_id"`
	RunID      string       `json:"run_id"`
	Jobs       batch.Counts `json:"jobs"`
	Money      batch.Money  `json:"money"`
	Until      *time.Time   `json:"until,omitempty" doc:"When what it waits for is over: the night's beginning, or the provider's log"`
	Window     *tariff.Span `json:"window,omitempty" doc:"This night's cheap hours"`
	Waits      []batch.Wait `json:"waits,omitempty" doc:"What jobs wait for, most jobs first"`
	Paused     *batch.Pause `json:"paused,omitempty" doc:"Who has it wait, and why"`
	NoWorker   bool         `json:"no_worker" doc:"Nobody works on it: start a worker. Numbers are those that were last written down"`
	Warnings   []string     `json:"warnings,omitempty"`
	Ended      *ending      `json:"ended,omitempty" doc:"Why it is over, when it didn't end well"`
	ExitCode   *int         `json:"exit_code,omitempty" doc:"Of a night that is over: as of starter run" example:"0"`
	Links      links        `json:"links"`
}

// ending is the fault with which a night ended.
type ending struct {
	Kind   batch.Kind `json:"kind" example:"DiscountMissed"`
	Detail string     `json:"detail"`
	Hint   string     `json:"hint,omitempty"`
}

// Shape is what the status operation answers with a view: starter serve tells
// events in it.
func Shape(v nightly.View) any { return shape(v) }

func shape(v nightly.View) status {
	p := v.Progress
	s := status{
		Batch: v.Night.Batch, Night: v.Night.Batch.Night(), State: p.State, Over: v.Closed, WorkflowID: v.Night.WorkflowID, RunID: v.Night.RunID,
		Jobs: p.Jobs, Money: batch.Money{Billed: p.Billed, DayPrice: p.DayPrice, Saved: p.DayPrice - p.Billed, Ceiling: p.Ceiling},
		NoWorker: v.NoWorker, Waits: p.Waits, Warnings: p.Warnings, Links: linksOf(v.Night.Batch),
	}
	if !p.Waiting.IsZero() {
		s.Until = &p.Waiting
	}
	if !p.Span.Opens.IsZero() {
		s.Window = &p.Span
	}
	if p.Paused.On() {
		s.Paused = &p.Paused
	}
	if v.Closed {
		code := v.Result.ExitCode()
		if v.Fault != nil {
			f := problem.Of(v.Fault)
			s.Ended = &ending{f.Kind, f.Detail, f.Hint}
			code = v.Fault.Kind.ExitCode()
		}
		s.ExitCode = &code
	}
	if v.Result.Batch != "" {
		s.Money = v.Result.Money
		if !v.Result.Span.Opens.IsZero() {
			s.Window = &v.Result.Span
		}
	}
	return s
}

type statusOutput struct{ Body status }

func (a *API) lookOperations() {
	a.listOperation()
	register(a, operation{
		id: "show-batch", method: http.MethodGet, path: "/v1/batches/{name}/{night}", tag: tagLook, scope: read,
		errors:  []int{http.StatusNotFound},
		summary: "Say how a night stands",
		text:    "State, jobs, money, what it waits for, who paused it, whether a worker is there. Of a night that is over it is the last word, also after a reconciliation.",
	}, func(ctx context.Context, in *struct{ BatchPath }) (*statusOutput, error) {
		n, err := a.night(ctx, in.BatchPath)
		if err != nil {
			return nil, err
		}
		v, err := n.Judged(ctx)
		if err != nil {
			return nil, err
		}
		return &statusOutput{shape(v)}, nil
	})
	a.eventsOperation()
	a.reportOperation()
}
