package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/watch"
)

// mornings gives the books what a bad morning leaves in them.
func (s *site) mornings() {
	s.Helper()
	at := time.Date(2026, 11, 7, 15, 0, 0, 0, time.UTC)
	ours, foreign := map[string]batch.Spend{}, map[string]batch.Spend{"2026-11-06": {Runs: 17, Dollars: 33 * money.Dollar}}
	for i := range 14 {
		ours[watch.Shift("2026-10-24", i)] = batch.Spend{Runs: 40, Dollars: money.Dollar * money.USD(8+i%4)}
	}
	a := watch.Rule{Floor: watch.DefaultFloor}.Account(watch.Sums{Account: "9f86d081", Logged: true, Ours: ours, Foreign: foreign, First: "2026-10-24"}, "2026-11-06", "2026-11-04", watch.Zone())
	a.Foreign = []batch.Stranger{{Name: evil, Model: "gpt-4.1", Spend: batch.Spend{Runs: 13, Dollars: 32 * money.Dollar}}}
	a.Rest = batch.Spend{Runs: 4, Dollars: money.Dollar}
	credits := watch.Credits(12*money.Dollar, at, []money.USD{10 * money.Dollar, 9 * money.Dollar}, 0)
	w := batch.UsageWatch{
		Day: "2026-11-06", Zone: "America/Los_Angeles", At: at, Accounts: []batch.AccountWatch{a}, Report: "not available: the provider answers 404", Credits: &credits,
		Differences: []batch.Difference{{
			Day: "2026-11-05", Zone: "America/Los_Angeles", By: money.Cent, Cause: "runs that the log leaves out",
			First: batch.Amount{Source: "ledger", Dollars: 10 * money.Dollar}, Second: batch.Amount{Source: "provider's log", Dollars: 999 * money.Cent},
		}},
		Advice: []batch.Advice{{Rule: "prune-agents", Text: "the agent fee is $6.00 of $10.00 (60 %)", Do: "take out agents"}},
		Alerts: watch.Alerts(a, watch.Memory{}, at),
	}
	s.note("watch", "2026-11-06", at, w)
	s.note(batch.DailyExport, "2026-11-06", at.Add(time.Hour), batch.LogExport{Rows: 1234, Parts: 2, Dollars: 12 * money.Dollar, Read: 99_999, To: "2026-11-06"})
	s.note(batch.DailyPurge, "2026-11-07", at.Add(2*time.Hour), batch.Purged{Day: "2026-11-07", Sums: []batch.PurgedSum{{What: "prompts", Batches: 3, Items: 1500}}})
	if _, err := s.books.RaiseAlerts(s.Context(), "test", append(w.Alerts, watch.CreditsAlert(credits, a.Account)), nil, time.Hour); err != nil {
		s.Fatal(err)
	}
}

func (s *site) note(kind, day string, at time.Time, result any) {
	s.Helper()
	b, err := json.Marshal(result)
	if err == nil {
		err = s.books.NoteDaily(s.Context(), kind, day, at, b)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// TestDaily: every morning's work by the books alone, before there was any and
// after a bad one.
func TestDaily(t *testing.T) {
	t.Parallel()
	s := serve(t)
	code, text, _ := s.get("/daily")
	for _, want := range []string{"No incident is open", "Nobody has watched yet", "starter logs export", "starter purge", `aria-current="page">Every day`} {
		if code != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("in new books the page (%d) doesn't say %q", code, want)
		}
	}
	s.mornings()
	_, text, _ = s.get("/daily")
	for _, want := range []string{
		"$42.00 spent with key 9f86d081 on 2026-11-06", "gpt-4.1", "&lt;script&gt;alert(1)", "$12.00 of credits are less than 1.5 times a night of $9.50", "the ledger says $10.00",
		"high", "the agent fee is $6.00", "1,234 rows of $12.00 in 2 parts", "deleted 1,500 prompts of 3 batch", "25 h", `class="bars"`, "critical",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("after a bad morning the page doesn't say %q", want)
		}
	}
	if strings.Contains(text, "<script>alert") || strings.Contains(text, "style=") {
		t.Error("it holds what a stranger wrote as it is, or a style that the policy refuses")
	}
}
