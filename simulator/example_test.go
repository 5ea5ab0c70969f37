package simulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/offpeak/offpeak/simulator"
)

// A job whose answer is lost after it was billed, sent again without a look
// into the log: the books name it.
func ExampleNew() {
	sim := simulator.New(simulator.Options{
		Clock:   simulator.FrozenClock(time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)), // 9 PM Pacific
		Latency: simulator.Latency{Kind: "none"},
		Tokens:  simulator.Tokens{In: 6000, Out: 3000},
		Faults: []simulator.Rule{
			{Match: "Digest", Kind: simulator.KindStatus, Status: 500, AfterWork: true, Attempts: simulator.Attempts{From: 1, To: 1}},
		},
	})
	defer sim.Close()
	api := httptest.NewServer(sim)
	defer api.Close()

	for range 2 {
		job := strings.NewReader(`{"name": "EU Digest [00000000-0000-4000-8000-000000000001]", "task": "Summarize.", "agents": [{"model_name": "gpt-4o"}]}`)
		req, err := http.NewRequest(http.MethodPost, api.URL+"/v1/swarm/completions", job)
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("x-api-key", simulator.DefaultKey)
		resp, err := api.Client().Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	fmt.Println(sim.Books().Totals().Billed.Dollars(), "billed; more than once:", sim.Books().DoubleBilled())
	// Output:
	// 500 Internal Server Error
	// 200 OK
	// $0.1145 billed; more than once: [00000000-0000-4000-8000-000000000001]
}
