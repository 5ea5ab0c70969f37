package swiftia_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
	"github.com/offpeak/offpeak/simulator/swiftia"
)

func TestWebhook(t *testing.T) {
	calls := make(chan map[string]any, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var job map[string]any
		if err := json.NewDecoder(r.Body).Decode(&job); err != nil {
			t.Error(err)
		}
		calls <- job
		w.WriteHeader(http.StatusNoContent)
	}))
	defer hook.Close()
	s, c, clock := open(t, swiftia.Options{
		Latency: simulator.Latency{Kind: "fixed", Low: time.Minute},
		Options: stage.Options{Faults: []stage.Rule{
			{Match: "silent", Kind: swiftia.KindNoWebhook}, {Match: "twice", Kind: swiftia.KindDupWebhook}, {Match: "bad", Kind: swiftia.KindJobFailed},
		}},
	})
	submit := func(video, url string) string {
		return c.Post("/api/jobs", fmt.Sprintf(`{"functionName":"VideoShorts","youtubeVideoId":%q,"webhook":%q}`, video, url)).Want(200).Dig("jobId")
	}
	submit("silent", hook.URL)
	ids := map[any]int{submit("twice", hook.URL): 2, submit("bad", hook.URL): 1}
	submit("far", "https://hooks.example.com/x")
	if err := clock.AwaitWaiting(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if n := len(calls); n != 0 {
		t.Fatalf("%d calls before a job was done", n)
	}
	clock.Advance(time.Minute)
	for range 3 {
		job := <-calls
		ids[job["id"]]--
		if want := map[bool]string{true: "FAILED", false: "COMPLETED"}[job["title"] == "Video bad"]; job["status"] != want {
			t.Errorf("%v, want %s", job, want)
		}
	}
	for id, left := range ids {
		if left != 0 {
			t.Errorf("job %v was called back %d times too few", id, left)
		}
	}
	for len(s.Calls()) < 4 {
		c.Get("/__admin/webhooks").Want(200)
	}
	refused := 0
	for _, call := range s.Calls() {
		if call.Error != "" {
			refused++
		} else if call.Status != http.StatusNoContent {
			t.Errorf("%+v", call)
		}
	}
	if refused != 1 { // the one that isn't loopback
		t.Errorf("%+v", s.Calls())
	}
}

// A simulator that is closed calls nobody any more.
func TestCloseEndsWebhooks(t *testing.T) {
	s, c, clock := open(t, swiftia.Options{Latency: simulator.Latency{Kind: "fixed", Low: time.Minute}})
	c.Post("/api/jobs", `{"functionName":"VideoShorts","youtubeVideoId":"v","webhook":"http://127.0.0.1:1/"}`).Want(200)
	if err := clock.AwaitWaiting(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if n := len(s.Calls()); n != 0 {
		t.Errorf("%d calls", n)
	}
}
