package allswap_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/allswap"
	"github.com/offpeak/offpeak/simulator/stage"
)

// The answer to a swap is lost after it was made. Asked again, the API says
// that the quote is used up: by the client itself. The books know.
func ExampleNew() {
	sim := allswap.New(allswap.Options{Options: stage.Options{
		Clock: simulator.FrozenClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)),
		Faults: []stage.Rule{
			{Match: "bc1qme", Kind: stage.KindHTML502, AfterWork: true, Attempts: simulator.Attempts{From: 1, To: 1}},
		},
	}})
	defer sim.Close()
	api := httptest.NewServer(sim)
	defer api.Close()

	post := func(path, body string) string {
		req, err := http.NewRequest(http.MethodPost, api.URL+path, strings.NewReader(body))
		if err != nil {
			return err.Error()
		}
		req.Header.Set("X-Key-Id", allswap.DefaultKey.ID)
		req.Header.Set("Authorization", "Bearer "+allswap.DefaultKey.Secret)
		resp, err := api.Client().Do(req)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			return err.Error()
		}
		fmt.Println(path, resp.Status)
		return string(answer)
	}
	quote := post("/v1/quote", `{"from": "`+allswap.ETH+`", "to": "`+allswap.BTC+`", "amount": "1000000000000000000", "sender": "0xme", "recipient": "bc1qme"}`)
	_, id, _ := strings.Cut(quote, `"quoteId":"`)
	id, _, _ = strings.Cut(id, `"`)
	for range 2 {
		post("/v1/swap", `{"quoteId": "`+id+`"}`)
	}
	sum := sim.Summary()
	fmt.Println(len(sim.Swaps()), "swap;", len(sum.Lost), "of them unheard of;", sum.ByCode)
	// Output:
	// /v1/quote 200 OK
	// /v1/swap 502 Bad Gateway
	// /v1/swap 409 Conflict
	// 1 swap; 1 of them unheard of; map[quote_consumed:1]
}
