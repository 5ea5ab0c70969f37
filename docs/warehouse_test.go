package docs

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/ledgertest"
	"github.com/offpeak/offpeak/ledger/postgres"
	"github.com/offpeak/offpeak/ledger/sqlite"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

// query is one of the document's, and the line before its first one that says
// where it runs.
type query struct{ where, text string }

// queries are the blocks of SQL in the document, in order.
func queries(t *testing.T) (all []query) {
	t.Helper()
	for i, block := range strings.Split(text(t, "docs/warehouse.md"), "```sql\n") {
		if i == 0 {
			continue
		}
		block, _, _ = strings.Cut(block, "```")
		where, text, found := strings.Cut(block, "\n")
		if !found || !strings.HasPrefix(where, "-- ") {
			t.Fatalf("a query doesn't say where it runs: %s", block)
		}
		all = append(all, query{strings.TrimPrefix(where, "-- "), text})
	}
	if len(all) < 12 {
		t.Fatalf("%d queries: the document isn't read", len(all))
	}
	return all
}

// leaping is a clock for which waiting takes no time.
type leaping struct {
	mu sync.Mutex
	at time.Time
}

func (c *leaping) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *leaping) Wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(max(d, 0))
	return ctx.Err()
}

// nights plays three nights, two of them around the end of a month, into books:
// jobs of two models, one that is refused, one that is sent twice, and one night
// at the day's price.
func nights(t *testing.T, open func(ledger.Options) (*ledger.Ledger, error)) (sum ledger.Totals) {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const key = "sk-warehouse-0123456789"
	evenings := []time.Time{
		time.Date(2026, 10, 31, 4, 30, 0, 0, time.UTC), // 30 October, 21:30 PDT
		time.Date(2026, 11, 2, 5, 0, 0, 0, time.UTC),   // 1 November, 21:00 PST: the clocks went back that day
		time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC),
	}
	clock := &leaping{at: evenings[0]}
	api, err := simulator.Open(simulator.Options{
		Clock: clock, Latency: simulator.Latency{Kind: "fixed", Low: 20 * time.Second}, Tokens: simulator.Tokens{In: 6000, Out: 3001},
		Accounts: []simulator.Account{{Name: "finance", Keys: []string{key}, Credit: 1000 * money.Dollar}},
		Faults: []simulator.Rule{
			{Match: "refused", Kind: simulator.KindStatus, Status: 422},
			{Match: "busy", Kind: simulator.KindStatus, Status: 503, Attempts: simulator.Attempts{From: 1, To: 1}},
			{Match: "dear", Kind: simulator.KindFullPrice},
		},
	})
	ok(err)
	web := httptest.NewServer(api)
	defer func() { api.Close(); web.CloseClientConnections(); web.Close() }()
	books, err := open(ledger.Options{Now: clock.Now})
	ok(err)
	defer func() { ok(books.Close()) }()
	store, err := archive.Open(t.Context(), "file://"+filepath.Join(t.TempDir(), "archive"))
	ok(err)
	defer func() { ok(store.Close()) }()
	client, err := swarms.New(swarms.Options{BaseURL: web.URL, Key: key, Now: clock.Now})
	ok(err)
	defer client.CloseIdle()
	hands := activities.New(activities.Deps{
		Ledger: books, Archive: store, Swarms: client, Clock: clock, Keep: map[batch.Kept]time.Duration{batch.KeptPrompts: 20 * 24 * time.Hour},
		Running: func(context.Context, string, string) (bool, error) { return false, nil },
	})
	for i, evening := range evenings {
		clock.mu.Lock()
		clock.at = evening
		clock.mu.Unlock()
		input := fmt.Sprintf(`{"name": "digest", "policy": {"log_lag": "0s"}, "defaults": {"expect": {"input_tokens": 6000, "output_tokens": 3001}, "agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 4096}]}, "jobs": [
			{"name": "one", "task": "CONFIDENTIAL one"}, {"name": "busy", "task": "CONFIDENTIAL two"}, {"name": "refused", "task": "CONFIDENTIAL three"},
			{"name": %q, "task": "CONFIDENTIAL four", "agents": [{"agent_name": "B", "model_name": "gpt-4o", "max_tokens": 4096}]}]}`, []string{"four", "four", "dear"}[i])
		plan, err := hands.PlanNight(t.Context(), batch.PlanRequest{Input: json.RawMessage(input), WorkflowID: fmt.Sprintf("nightly/digest/%d", i), RunID: "run", Asked: evening})
		ok(err)
		for seq := range 4 {
			for {
				if _, err = hands.SubmitSwarm(t.Context(), batch.Submit{Batch: plan.Batch, Seq: seq, Span: plan.Start.Span, RequestTimeout: plan.Policy.RequestTimeout}); err == nil {
					break
				}
				delay, again := delayOf(err)
				if !again {
					t.Fatalf("job %d: %v", seq, err)
				}
				ok(clock.Wait(t.Context(), delay))
			}
		}
		if _, err := hands.AuditDiscount(t.Context(), batch.AuditRequest{Batch: plan.Batch, Span: plan.Start.Span}); err != nil && i < 2 {
			t.Fatal(err) // the third one fails, and its result is kept all the same
		}
		totals, err := books.Totals(t.Context(), plan.Batch)
		ok(err)
		sum.Charged += totals.Charged
		sum.DayPrice += totals.DayPrice
		sum.Charges += totals.Charges
	}
	_, err = hands.PurgeOld(t.Context(), batch.PurgeRequest{Asked: clock.Now()})
	ok(err)
	if _, err := books.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sum.Charges != 9 || sum.Charged == 0 {
		t.Fatalf("the nights came to %+v", sum)
	}
	return sum
}

// columnSum adds up a column of an answer: dollars, or micro-dollars.
func columnSum(t *testing.T, rows [][]string, column int) money.USD {
	t.Helper()
	var sum money.USD
	for _, r := range rows {
		v, err := money.Parse(r[column])
		if err != nil {
			t.Fatalf("%s is no money: %v", r[column], err)
		}
		sum += v
	}
	return sum
}

func micros(t *testing.T, rows [][]string, column int) (sum money.USD) {
	t.Helper()
	for _, r := range rows {
		v, err := strconv.ParseInt(r[column], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += money.USD(v)
	}
	return sum
}

// answers checks what the queries came to, by the names of their columns: what
// is billed adds up to the ledger's own sum wherever all of it is asked for.
func answers(t *testing.T, sum ledger.Totals, ask func(string) [][]string) {
	t.Helper()
	for _, c := range []struct {
		like   string // what the query is known by
		rows   int
		billed int // the column of dollars that adds up to everything; -1 for none
		micros int
	}{
		{"SUM(billed) AS billed, SUM(saved) AS saved\nFROM warehouse_charges", 6, 3, -1},
		{"SUM(billed_micros) AS billed_micros, SUM(saved_micros)", 6, -1, 3},
		{"FROM warehouse_nights", 3, 3, -1},
		{"lost_micros", 1, -1, -1},
		{"billed_on_repeats_micros", 3, -1, -1},
		{"HAVING COUNT(*) > 1", 0, -1, -1},
		{"percentile_cont", 3, -1, -1},
		{"MAX(ceiling)", 4, -1, 4},
		{"more_than_last_month", 2, 3, -1},
		{"mean_of_seven", 24, 1, -1},
		{"FROM warehouse_purges", 1, -1, -1},
	} {
		found := false
		for _, q := range queries(t) {
			if !strings.Contains(q.text, c.like) {
				continue
			}
			found = true
			if ask(q.text) == nil { // not for this database
				continue
			}
			rows := ask(q.text)
			if len(rows) != c.rows {
				t.Errorf("%d rows, want %d: %s\n%v", len(rows), c.rows, q.text, rows)
				continue
			}
			if c.billed >= 0 {
				if got := columnSum(t, rows, c.billed); got != sum.Charged {
					t.Errorf("adds up to %s, the ledger says %s: %s", got.Dollars(), sum.Charged.Dollars(), q.text)
				}
			}
			if c.micros >= 0 {
				if got := micros(t, rows, c.micros); got != sum.Charged {
					t.Errorf("adds up to %s, the ledger says %s: %s", got.Dollars(), sum.Charged.Dollars(), q.text)
				}
			}
		}
		if !found {
			t.Errorf("the document has no query with %q", c.like)
		}
	}
}

// TestTheWarehouseOnSQLite runs the queries that are for both.
func TestTheWarehouseOnSQLite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "offpeak.db")
	sum := nights(t, func(o ledger.Options) (*ledger.Ledger, error) { return sqlite.Open(t.Context(), path, o) })
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	answers(t, sum, func(text string) [][]string {
		for _, q := range queries(t) {
			if q.text == text && q.where != "both" {
				return nil
			}
		}
		rows, err := ledgertest.Ask(db, text)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if rows == nil {
			rows = [][]string{}
		}
		return rows
	})
}

// TestTheWarehouseOnPostgreSQL runs every query by psql, as somebody who may
// read the views and nothing else.
func TestTheWarehouseOnPostgreSQL(t *testing.T) {
	t.Parallel()
	bin, err := pgtest.Binaries()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	psql := filepath.Join(bin, "psql")
	cluster, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	place := cluster.URL("postgres")
	sum := nights(t, func(o ledger.Options) (*ledger.Ledger, error) { return postgres.Open(t.Context(), place, o) })
	run := func(as, text string) ([][]string, error) {
		u, err := url.Parse(place)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), psql, u.String(), "-X", "-q", "-A", "-t", "-F", "|", "-v", "ON_ERROR_STOP=1")
		cmd.Env = append(os.Environ(), "PGOPTIONS=-c search_path=offpeak -c role="+as)
		cmd.Stdin = strings.NewReader(text)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, errs.String())
		}
		rows := [][]string{}
		for line := range strings.Lines(out.String()) {
			rows = append(rows, strings.Split(strings.TrimRight(line, "\n"), "|"))
		}
		return rows, nil
	}
	for _, q := range queries(t) {
		if strings.HasPrefix(q.where, "PostgreSQL, as") {
			if _, err := run("none", q.text); err != nil {
				t.Fatal(err)
			}
		}
	}
	const analyst = "offpeak_analyst"
	answers(t, sum, func(text string) [][]string {
		rows, err := run(analyst, text)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return rows
	})
	for _, table := range []string{"requests", "jobs", "attempts", "charges", "results", "purges", "goose_db_version"} {
		if _, err := run(analyst, "SELECT * FROM "+table+" LIMIT 1"); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("who may read the views reads %s, too: %v", table, err)
		}
	}
	for _, view := range []string{"charges", "jobs", "attempts", "nights", "keys", "purges"} {
		rows, err := run(analyst, "SELECT * FROM warehouse_"+view)
		if err != nil || len(rows) == 0 {
			t.Errorf("warehouse_%s: %d rows, %v", view, len(rows), err)
		}
		if strings.Contains(fmt.Sprint(rows), "CONFIDENTIAL") {
			t.Errorf("warehouse_%s shows a prompt", view)
		}
	}
	if rows, err := run(analyst, "DELETE FROM warehouse_purges"); err == nil {
		t.Errorf("who may read deletes: %v", rows)
	}
}

// delayOf is when Temporal would try again.
func delayOf(err error) (time.Duration, bool) {
	var e *temporal.ApplicationError
	if !errors.As(err, &e) || e.NonRetryable() || e.NextRetryDelay() <= 0 {
		return 0, false
	}
	return e.NextRetryDelay(), true
}
