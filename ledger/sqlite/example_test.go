package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/sqlite"
	"github.com/offpeak/offpeak/money"
)

// A night with one job: claimed, planned, admitted, answered, verified.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "offpeak")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	clock := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	books, err := sqlite.Open(ctx, filepath.Join(dir, "ledger.db"), ledger.Options{Now: func() time.Time { return clock }})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer books.Close()

	id := batch.ID("market-digest/2026-11-22")
	if _, err := books.Claim(ctx, ledger.Claim{Batch: ledger.Batch{
		ID: id, Provider: "swarms", Key: "k-1a2b", Digest: "d", Owner: ledger.Owner{WorkflowID: id.WorkflowID(), RunID: "r"},
		Budget: batch.Budget{PerJob: 5 * money.Dollar, Batch: 50 * money.Dollar},
	}}); err != nil {
		fmt.Println(err)
		return
	}
	jobs := []ledger.Job{{Name: "EU", Request: []byte(`{"task":"Summarize."}`), Ceiling: 15 * money.Cent}}
	if err := books.Plan(ctx, id, jobs); err != nil {
		fmt.Println(err)
		return
	}

	verdict, attempt, err := books.Admit(ctx, ledger.Ask{Batch: id, Seq: 0}, func(s ledger.Standing) ledger.Verdict {
		fmt.Println("held:", s.Held.Dollars(), "charged:", s.Charged.Dollars())
		return ledger.Verdict{Action: ledger.Go} // the gate's place
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(verdict.Action, "attempt", attempt)

	// ... one HTTP request ...

	job, err := books.Settle(ctx, ledger.Closing{Batch: id, Seq: 0, Attempt: attempt, Status: 200},
		ledger.Charge{Total: 97_250, TotalText: "0.09725"}, "outputs/eu.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := books.Verify(ctx)
	fmt.Println(job.State, v.Charges, v.Total.Dollars(), err)
	// Output:
	// held: $0.00 charged: $0.00
	// go attempt 1
	// succeeded 1 $0.09725 <nil>
}
