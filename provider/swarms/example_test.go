package swarms_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider/swarms"
)

// One run, and the question that decides what may follow a failure.
func ExampleClient_Complete() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer api.Close()
	client, err := swarms.New(swarms.Options{BaseURL: api.URL, Key: "sk-from-the-environment"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdle()

	request := json.RawMessage(`{"task":"Summarize.","agents":[{"agent_name":"A","max_tokens":1024}]}`)
	payload, err := swarms.Payload(request, "EU digest", "0b0e3c1a-7c57-4c1f-9d5e-3d1f4a2b6c7d")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, receipt, err := client.Complete(context.Background(), payload)
	var fault *batch.Fault
	if errors.As(err, &fault) {
		fmt.Println(receipt.Wrote, receipt.Status, fault.Kind, "money moved:", fault.Moved)
	}
	// Output: answered 502 OutcomeUnknown money moved: maybe
}

func ExampleTag() {
	tagged := swarms.Tag("EU digest", "0b0e3c1a-7c57-4c1f-9d5e-3d1f4a2b6c7d")
	id, ok := swarms.TagOf(tagged)
	fmt.Println(tagged)
	fmt.Println(id, ok)
	// Output:
	// EU digest [0b0e3c1a-7c57-4c1f-9d5e-3d1f4a2b6c7d]
	// 0b0e3c1a-7c57-4c1f-9d5e-3d1f4a2b6c7d true
}
