package nightly

import (
	"cmp"
	"context"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/codec"
)

// KeyUse is what still needs a key of the codec to go on: workflows that run,
// and schedules, by their ids.
type KeyUse struct {
	Key       string   `json:"key"` // "" for what is in clear
	Running   []string `json:"running"`
	Schedules []string `json:"schedules"`
}

// KeysInUse reads which keys everything that goes on in the namespace needs,
// without having any of them. What is over needs its key only to be looked at,
// and isn't counted. See is told of each workflow and schedule as it is read.
func (c *Client) KeysInUse(ctx context.Context, see func()) ([]KeyUse, error) {
	uses := map[string]*KeyUse{}
	use := func(key string) *KeyUse {
		if uses[key] == nil {
			uses[key] = &KeyUse{Key: key, Running: []string{}, Schedules: []string{}}
		}
		return uses[key]
	}
	var token []byte
	for {
		r, err := c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus = 'Running'", PageSize: 200, NextPageToken: token})
		if err != nil {
			return nil, c.fault(ctx, "list what runs", "", err)
		}
		for _, e := range r.GetExecutions() {
			id := e.GetExecution().GetWorkflowId()
			keys, err := c.keysOf(ctx, id, e.GetExecution().GetRunId())
			if err != nil {
				return nil, err
			}
			for key := range keys {
				use(key).Running = append(use(key).Running, id)
			}
			see()
		}
		if token = r.GetNextPageToken(); len(token) == 0 {
			break
		}
	}
	schedules, err := c.temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, c.fault(ctx, "list schedules", "", err)
	}
	for schedules.HasNext() {
		e, err := schedules.Next()
		if err != nil {
			return nil, c.fault(ctx, "list schedules", "", err)
		}
		d, err := c.temporal.ScheduleClient().GetHandle(ctx, e.ID).Describe(ctx)
		if err != nil {
			return nil, c.fault(ctx, "find schedule", e.ID, err)
		}
		keys := map[string]bool{}
		if action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction); ok {
			for _, a := range action.Args {
				if p, ok := a.(*commonpb.Payload); ok {
					keys[keyOf(p)] = true
				}
			}
		}
		for key := range keys {
			use(key).Schedules = append(use(key).Schedules, e.ID)
		}
		see()
	}
	all := make([]KeyUse, 0, len(uses))
	for _, u := range uses {
		slices.Sort(u.Running)
		slices.Sort(u.Schedules)
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b KeyUse) int { return cmp.Compare(a.Key, b.Key) })
	return all, nil
}

// keysOf is the keys of all payloads of a history: a night that runs while the
// key is changed needs both.
func (c *Client) keysOf(ctx context.Context, id, run string) (map[string]bool, error) {
	keys := map[string]bool{}
	events := c.temporal.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return nil, c.fault(ctx, "read the history of", id, err)
		}
		if e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED {
			continue // why a worker couldn't go on, by its own key: nobody reads it to go on
		}
		err = proxy.VisitPayloads(ctx, &historypb.History{Events: []*historypb.HistoryEvent{e}}, proxy.VisitPayloadsOptions{
			SkipSearchAttributes: true,
			Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
				for _, p := range payloads {
					keys[keyOf(p)] = true
				}
				return payloads, nil
			},
		})
		if err != nil {
			return nil, c.fault(ctx, "read the history of", id, err)
		}
	}
	return keys, nil
}

func keyOf(p *commonpb.Payload) string { return string(p.GetMetadata()[codec.KeyIDTag]) }
