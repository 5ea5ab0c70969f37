package demo

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
)

// The play's numbers.
const (
	name       = "demo-digest"
	jobs       = 40
	opensIn    = 8 * time.Second // time to read what is going to happen
	opensFor   = 60 * time.Second
	zone       = "America/Los_Angeles"
	wantLost   = 1 // jobs that are rejected on purpose
	runsFor    = "500ms-3s"
	logLag     = time.Second
	runTimeout = 5 * time.Second
)

// cue is a fault on cue, and how it is told.
type cue struct {
	rule simulator.Rule
	tell string
}

// cues are what goes wrong, each to one job.
func cues() []cue {
	once := simulator.Attempts{From: 1, To: 1}
	return []cue{
		{
			simulator.Rule{Match: "Digest 07", Times: 1, Kind: simulator.KindRate429, RetryAfter: "3"},
			"Digest 07 meets a rate limit: 429, Retry-After 3 s. Nothing ran; all of it waits exactly as long",
		},
		{
			simulator.Rule{Match: "Digest 11", Attempts: once, Kind: simulator.KindStatus, Status: 503},
			"Digest 11 gets a 503. It may have run: the provider's log is read before it is sent again",
		},
		{
			simulator.Rule{Match: "Digest 17", Attempts: once, Kind: simulator.KindReset, AfterWork: true},
			"Digest 17 runs and is billed, and the connection breaks before the answer. It is found in the log, not bought again",
		},
		{
			simulator.Rule{Match: "Digest 23", Kind: simulator.KindStatus, Status: 422},
			"Digest 23 can't be right: 422. It is rejected once and never sent again",
		},
	}
}

// window opens a few seconds after now and closes a minute later, in the zone
// in which the provider's hours are.
func window(now time.Time) (tariff.Window, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return tariff.Window{}, err
	}
	opens := now.Add(opensIn).Truncate(time.Second).In(loc)
	clock := func(t time.Time) (tariff.Clock, error) { return tariff.ParseClock(t.Format(time.TimeOnly)) }
	w := tariff.Window{Zone: zone, Buffer: time.Second}
	for _, c := range []struct {
		into *tariff.Clock
		at   time.Time
	}{
		{&w.Open, opens},
		{&w.StartAt, opens.Add(time.Second)},
		{&w.FinishBy, opens.Add(opensFor - 2*time.Second)},
		{&w.Close, opens.Add(opensFor)},
	} {
		if *c.into, err = clock(c.at); err != nil {
			return w, err
		}
	}
	return w, nil
}

// provider is the simulator with the play's hours, latencies and faults.
func provider(w tariff.Window) (*simulator.Server, error) {
	latency, err := simulator.ParseLatency(runsFor)
	if err != nil {
		return nil, err
	}
	o := simulator.Options{
		Accounts: []simulator.Account{{Name: "demo", Keys: []string{simulator.DefaultKey}, Credit: 100 * money.Dollar}},
		Window:   w, Latency: latency,
		Switches: simulator.Switches{LogLag: simulator.Duration(logLag)},
	}
	for _, c := range cues() {
		o.Faults = append(o.Faults, c.rule)
	}
	return simulator.Open(o)
}

// manifest is the batch as a user would hand it over.
func manifest(w tariff.Window) (json.RawMessage, error) {
	type agent struct {
		Name   string `json:"agent_name"`
		Model  string `json:"model_name"`
		Tokens int    `json:"max_tokens"`
	}
	type job struct {
		Name string `json:"name"`
		Task string `json:"task"`
	}
	var list []job
	for i := range jobs {
		list = append(list, job{fmt.Sprintf("Digest %02d", i+1), fmt.Sprintf("Summarize what sector %02d did today, in three sentences.", i+1)})
	}
	return json.Marshal(map[string]any{
		"name": name,
		"defaults": map[string]any{
			"swarm_type": "SequentialWorkflow",
			"agents":     []agent{{"Scanner", "gpt-4o-mini", 1024}, {"Synthesizer", "gpt-4o", 2048}},
			"expect":     map[string]int{"input_tokens": 2000, "output_tokens": 1200},
		},
		"window": map[string]string{
			"timezone": w.Zone, "open": w.Open.String(), "close": w.Close.String(),
			"start_at": w.StartAt.String(), "finish_by": w.FinishBy.String(), "buffer": w.Buffer.String(),
		},
		// single: what is on cue is to meet one job each, not those that share its request.
		"policy": map[string]string{"request_timeout": runTimeout.String(), "log_lag": logLag.String(), "mode": "single"},
		"jobs":   list,
	})
}
