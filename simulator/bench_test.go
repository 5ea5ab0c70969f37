package simulator_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

func open() simulator.Options {
	return simulator.Options{
		Latency:  simulator.Latency{Kind: "none"},
		Accounts: []simulator.Account{{Keys: []string{simulator.DefaultKey}, Credit: 1_000_000_000 * money.Dollar, Limits: &simulator.Limits{}}},
	}
}

// BenchmarkHandler is what a completion costs the simulator itself.
func BenchmarkHandler(b *testing.B) {
	sim := simulator.New(open())
	defer sim.Close()
	body := []byte(job(tag("bench", 1)))
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, swarm, bytes.NewReader(body))
		r.Header.Set("x-api-key", simulator.DefaultKey)
		rec := httptest.NewRecorder()
		if sim.ServeHTTP(rec, r); rec.Code != http.StatusOK {
			b.Fatal(rec.Body)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "completions/s")
}

// BenchmarkCompletions is the same over sockets, clients included.
func BenchmarkCompletions(b *testing.B) {
	w := start(b, open())
	body := job(tag("bench", 1))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequest(http.MethodPost, w.url+swarm, strings.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header.Set("x-api-key", w.key)
			resp, err := w.client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				b.Errorf("status %d, %v", resp.StatusCode, err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "completions/s")
}
