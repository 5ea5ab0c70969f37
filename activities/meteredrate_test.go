package activities_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
	"github.com/offpeak/offpeak/simulator/swiftia"
)

// wall is the machine's clock, for the one test that measures.
type wall struct{}

func (wall) Now() time.Time { return time.Now() }

func (wall) Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// TestSwiftiaRate measures, by the machine's clock, how much of an organisation's
// limit three workers use: a few seconds of it by default; all sixty videos, some
// four minutes, with OFFPEAK_FULL=1, where it must be 95 %.
func TestSwiftiaRate(t *testing.T) {
	t.Parallel()
	jobs, full := 3, os.Getenv("OFFPEAK_FULL") != ""
	if full {
		jobs = 60
	}
	c := wall{}
	api := swiftia.New(swiftia.Options{
		Options: stage.Options{Clock: simulator.NewClock()}, Latency: simulator.Latency{Kind: "fixed", Low: 10 * time.Millisecond},
		Organisations: []swiftia.Organisation{{Name: "acme", Keys: []string{"acme-key-1", "acme-key-2", "acme-key-3"}}},
	})
	base := serve(t, api, httptest.NewServer(api)) + "/api"
	f := newFactory(t, c)
	workers := make([]*activities.Hands, 3)
	for i := range workers {
		workers[i] = f.worker("swiftia", map[string]string{"SWIFTIA_API_KEY": fmt.Sprintf("acme-key-%d", i+1), "SWIFTIA_ORGANISATION": "acme", "SWIFTIA_BASE_URL": base})
	}
	plan := f.planned(workers[0], videos("acme", jobs))
	var wg sync.WaitGroup
	for seq := range jobs {
		wg.Go(func() {
			if !full { // buying alone: the looks come 20 s later
				_, err := workers[seq%3].SubmitRequest(t.Context(), batch.Submit{Batch: plan.Batch, Seq: seq, Span: plan.Start.Span, RequestTimeout: time.Minute})
				if err != nil {
					t.Error(err)
				}
				return
			}
			if out := f.finish(plan, seq, workers[seq%3]); out.State != batch.Succeeded {
				t.Errorf("job %d: %+v", seq, out)
			}
		})
	}
	wg.Wait()
	seen := api.Books().Arrivals()
	took := seen[len(seen)-1].At.Sub(seen[0].At)
	least := time.Duration(len(seen)-1) * 2 * time.Second
	closest, _ := api.Books().Closest("acme")
	t.Logf("%d requests in %s, at least %s: %d %% of the possible rate; the closest two %s apart", len(seen), took, least, 100*least/max(took, 1), closest)
	if closest < 2*time.Second || api.Books().Refused("acme") != 0 || len(api.Books().Purchases()) != jobs {
		t.Errorf("%d refused, the closest two %s apart, %d bought", api.Books().Refused("acme"), closest, len(api.Books().Purchases()))
	}
	if full && 100*least < 95*took {
		t.Errorf("%s for what %s would do", took, least)
	}
}
