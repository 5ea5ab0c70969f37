package batch

import (
	"encoding/json"
	"testing"

	"github.com/offpeak/offpeak/money"
)

func TestResultExitCode(t *testing.T) {
	counts := func(total, succeeded int) Counts { return Counts{Total: total, Succeeded: succeeded} }
	for _, c := range []struct {
		what   string
		passed bool
		jobs   Counts
		want   int
	}{
		{"all succeeded", true, counts(3, 3), ExitDone},
		{"one left over", true, counts(3, 2), ExitIncomplete},
		{"skipped for want of room under a cap", true, Counts{Total: 3, Succeeded: 1, Parked: 1, Skipped: 1}, ExitMoney},
		{"the audit outweighs what was skipped", false, Counts{Total: 3, Succeeded: 2, Skipped: 1}, ExitAudit},
		{"the audit outweighs what is left over", false, counts(3, 2), ExitAudit},
		{"a failed audit with every job answered", false, counts(3, 3), ExitAudit},
		{"nothing was judged", false, Counts{}, ExitAudit},
	} {
		if got := (Result{Jobs: c.jobs, Audit: Audit{Passed: c.passed}}).ExitCode(); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.what, got, c.want)
		}
	}
	if (Result{}).ExitCode() == ExitDone {
		t.Error("a result that nobody filled in counts as a success")
	}
}

// The JSON is a contract with scripts: its names, its order, and dollars as
// strings with six places.
func TestResultJSON(t *testing.T) {
	r := Result{
		Batch: "market-digest/2026-11-22", Night: "2026-11-22", State: "done",
		Jobs:     Counts{Total: 3, Succeeded: 2, Parked: 1},
		Money:    Money{Billed: 134_500, DayPrice: 229_000, Saved: 94_500, Ceiling: 5 * money.Dollar},
		Discount: Discount{Landed: 2},
		Audit: Audit{Passed: true, Findings: []Finding{{
			Rule: DiscountMissed, Jobs: []string{"US Macro Digest"}, Count: 1, Dollars: money.Micro, Cause: "late", Remedy: "start earlier",
		}}},
	}
	const want = `{"batch":"market-digest/2026-11-22","night":"2026-11-22","state":"done",` +
		`"jobs":{"total":3,"succeeded":2,"rejected":0,"unknown":0,"parked":1,"skipped":0,"cancelled":0},` +
		`"money":{"billed":"0.134500","day_price":"0.229000","saved":"0.094500","ceiling":"5.000000"},` +
		`"discount":{"landed":2,"missed":0},` +
		`"audit":{"passed":true,"findings":[{"rule":"DiscountMissed","jobs":["US Macro Digest"],"count":1,"dollars":"0.000001","cause":"late","remedy":"start earlier"}]}}`
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
