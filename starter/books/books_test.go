package books_test

import (
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/open"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
)

const night = batch.ID("digest/2026-11-22")

// servers: there is a PostgreSQL to test with.
var servers bool

func TestMain(m *testing.M) {
	_, err := pgtest.Binaries()
	servers = err == nil || os.Getenv(pgtest.Env) != ""
	if servers {
		os.Exit(pgtest.Main(m))
	}
	os.Exit(m.Run())
}

// writer is a worker's handle on some books.
type writer struct {
	*testing.T
	*ledger.Ledger
	setting string
}

func newWriter(t *testing.T, setting string) *writer {
	t.Helper()
	l, err := open.Ledger(t.Context(), setting, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return &writer{t, l, setting}
}

func file(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "offpeak.db") }

// plan plans n jobs with ceilings of a dollar.
func (w *writer) plan(id batch.ID, n int) {
	w.Helper()
	_, err := w.Claim(w.Context(), ledger.Claim{Batch: ledger.Batch{
		ID: id, Provider: "swarms", Key: "k-1a2b", Digest: "d", Owner: ledger.Owner{WorkflowID: id.WorkflowID(), RunID: "r"},
		Budget: batch.Budget{PerJob: money.Dollar, Batch: money.Dollar.Times(int64(n))},
	}})
	for from := 0; err == nil && from < n; from += 500 {
		var jobs []ledger.Job
		for i := from; i < min(from+500, n); i++ {
			jobs = append(jobs, ledger.Job{Name: fmt.Sprintf("job %d of many, with a name of usual length", i), Request: []byte(`{}`), Ceiling: money.Dollar, Models: []string{"gpt-4o"}})
		}
		err = w.Plan(w.Context(), id, jobs)
	}
	if err == nil {
		err = w.Seal(w.Context(), id, n, 0, 0)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// charge sends a job and settles it.
func (w *writer) charge(ctx context.Context, id batch.ID, seq int, c ledger.Charge) error {
	_, n, err := w.Admit(ctx, ledger.Ask{Batch: id, Seq: seq}, func(ledger.Standing) ledger.Verdict { return ledger.Verdict{Action: ledger.Go} })
	if err == nil {
		_, err = w.Settle(ctx, ledger.Closing{Batch: id, Seq: seq, Attempt: n, Status: 200, Receipt: []byte(`{"wrote":"answered"}`)}, c, "answers/x")
	}
	return err
}

// charges settles many at once: total is 50,000 micro-dollars and the number.
func (w *writer) charges(id batch.ID, n int) {
	w.Helper()
	var crew sync.WaitGroup
	seqs := make(chan int)
	for range 64 {
		crew.Go(func() {
			for seq := range seqs {
				if err := w.charge(w.Context(), id, seq, bill(seq)); err != nil {
					w.Error(err)
				}
			}
		})
	}
	for seq := range n {
		seqs <- seq
	}
	close(seqs)
	crew.Wait()
}

func bill(seq int) ledger.Charge {
	yes := true
	total := 50_000 + money.USD(seq)
	return ledger.Charge{
		JobID: fmt.Sprintf("swarms-%032d", seq), Source: ledger.FromAnswer, Total: total, TotalText: total.String(), DayPrice: 2*total + 1, NightPrice: total,
		Input: 1, Output: 2, Agent: total - 3, HasParts: true, InputTokens: 6000, OutputTokens: 3000, HasTokens: true, Agents: 2,
		NightApplied: &yes, DiscountType: "night_time", DiscountPercentage: "50",
	}
}

func (w *writer) books() *books.Books {
	w.Helper()
	b, err := books.Open(w.Context(), config.Env{"OFFPEAK_LEDGER=" + w.setting, "HOME=" + w.TempDir()})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := b.Close(); err != nil {
			w.Error(err)
		}
	})
	return b
}

func silent(int) {}

// dollars is a decimal of six places as a fraction: nothing of ours reads it.
func dollars(t *testing.T, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok || s != r.FloatString(6) {
		t.Fatalf("%q isn't dollars with six decimals", s)
	}
	return r
}

// TestParquet reads the file as another program would: by its own schema.
func TestParquet(t *testing.T) {
	w := newWriter(t, file(t))
	w.plan(night, 30)
	w.charges(night, 20)
	poor := ledger.Charge{Total: 7, DayPrice: 7, Source: ledger.FromCeiling} // nothing is known of it
	if err := w.charge(t.Context(), night, 20, poor); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "night.parquet")
	e, err := w.books().Export(t.Context(), books.Order{Out: out}, silent)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	p, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	for _, c := range p.Root().Columns() {
		types[c.Name()] = fmt.Sprintf("%s %s optional=%v", c.Type().Kind(), c.Type().LogicalType(), c.Optional())
	}
	for name, want := range map[string]string{
		"billed":        "INT64 DECIMAL(18,6) optional=true", // precision and scale
		"saved":         "INT64 DECIMAL(18,6) optional=true",
		"agent_cost":    "INT64 DECIMAL(18,6) optional=true",
		"sent_at":       "INT64 TIMESTAMP(isAdjustedToUTC=true,unit=MICROS) optional=true",
		"ended_at":      "INT64 TIMESTAMP(isAdjustedToUTC=true,unit=MICROS) optional=true",
		"night":         "INT32 DATE optional=false",
		"request_id":    "BYTE_ARRAY STRING optional=false",
		"discount_type": "BYTE_ARRAY STRING optional=true",
		"input_tokens":  "INT64 INT(64,true) optional=true",
	} {
		if types[name] != want {
			t.Errorf("%s is %s, want %s", name, types[name], want)
		}
	}

	// The sum of the column as it lies in the file, in micro-dollars.
	column := func(name string) (sum int64, nulls int) {
		c := p.Root().Column(name)
		pages := c.Pages()
		defer pages.Close()
		for {
			page, err := pages.ReadPage()
			if err != nil {
				return sum, nulls
			}
			values := make([]parquet.Value, page.NumValues())
			if n, _ := page.Values().ReadValues(values); n != len(values) {
				t.Fatalf("%d of %d values of %s", n, len(values), name)
			}
			for _, v := range values {
				if v.IsNull() {
					nulls++
					continue
				}
				sum += v.Int64()
			}
		}
	}
	totals, err := w.Totals(t.Context(), night)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		sum   money.USD
		nulls int
	}{
		"billed":        {totals.Charged, 9},
		"day_price":     {totals.DayPrice, 9},
		"saved":         {totals.DayPrice - totals.Charged, 9},
		"input_cost":    {20, 10},
		"input_tokens":  {20 * 6000, 10},
		"output_tokens": {20 * 3000, 10},
	} {
		if sum, nulls := column(name); sum != int64(want.sum) || nulls != want.nulls {
			t.Errorf("%s: sum %d and %d nulls, want %d and %d", name, sum, nulls, int64(want.sum), want.nulls)
		}
	}
	if p.NumRows() != 30 || e.Rows != 30 || e.Money.Billed != totals.Charged || e.Money.Charges != 21 || e.Bytes != info.Size() {
		t.Errorf("%d rows; %+v", p.NumRows(), e)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("bills that others may read: %v", info.Mode())
	}

	// Both kinds of file have the same columns in the same order.
	csvOut := strings.TrimSuffix(out, "parquet") + "CSV" // the ending's case doesn't matter
	if _, err := w.books().Export(t.Context(), books.Order{Out: csvOut}, silent); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range p.Root().Columns() {
		names = append(names, c.Name())
	}
	head, _, _ := strings.Cut(read(t, csvOut), "\n")
	if head != strings.Join(names, ",") {
		t.Errorf("CSV has %s\nParquet has %s", head, strings.Join(names, ","))
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestLarge takes 20,000 charges out without having them in memory, and proves
// them.
func TestLarge(t *testing.T) {
	const n = 20_000
	w := newWriter(t, file(t))
	w.plan(night, n)
	w.charges(night, n)
	b := w.books()
	totals, err := w.Totals(t.Context(), night)
	if err != nil {
		t.Fatal(err)
	}
	live := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for _, ending := range []string{"csv", "parquet"} {
		out := filepath.Join(t.TempDir(), "charges."+ending)
		before, most, told := live(), int64(0), 0
		e, err := b.Export(t.Context(), books.Order{Out: out}, func(rows int) {
			told++
			most = max(most, live()-before)
		})
		if err != nil {
			t.Fatal(err)
		}
		if e.Rows != n || e.Money.Billed != totals.Charged || e.Money.DayPrice != totals.DayPrice || told != n/1000 {
			t.Errorf("%s: %+v, told %d times; the ledger has %+v", ending, e, told, totals)
		}
		t.Logf("%s: %d bytes, at most %d KiB in memory", ending, e.Bytes, most>>10)
		if most > 12<<20 {
			t.Errorf("%s: %d KiB in memory for %d rows", ending, most>>10, n)
		}
		if ending == "csv" {
			rows, err := csv.NewReader(strings.NewReader(read(t, out))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			sum := new(big.Rat)
			for _, r := range rows[1:] {
				sum.Add(sum, dollars(t, r[7]))
			}
			if sum.Cmp(totals.Charged.Rat()) != 0 {
				t.Errorf("the file adds up to %s, the ledger to %s", sum.FloatString(6), totals.Charged)
			}
		}
	}
	told := 0
	v, err := b.Verify(t.Context(), func(books.Checked) { told++ })
	if err != nil || v.Charges != n || v.Jobs != n || v.Total != totals.Charged || told < 2*n/1000 {
		t.Errorf("%+v, told %d times, %v", v, told, err)
	}
}

// beside reads books over and over while a night goes on: every reading is of
// one moment, and the night isn't disturbed.
func beside(t *testing.T, w *writer) {
	const n = 600
	w.plan(night, n)
	b := w.books()
	var crew sync.WaitGroup
	crew.Go(func() { w.charges(night, n) })
	done := make(chan struct{})
	go func() { crew.Wait(); close(done) }()
	dir := t.TempDir()
	for round := 0; ; round++ {
		over := false
		select {
		case <-done:
			over = true // once more, when all is in
		default:
		}
		for _, ending := range []string{"csv", "parquet"} {
			out := filepath.Join(dir, fmt.Sprintf("%d.%s", round, ending))
			e, err := b.Export(t.Context(), books.Order{Out: out, Batch: "digest"}, silent)
			if err != nil {
				t.Fatal(err)
			}
			if over && (e.Money.Charges != n || e.Rows != n) {
				t.Errorf("%+v at the end", e)
			}
		}
		if _, err := b.Verify(t.Context(), func(books.Checked) {}); err != nil {
			t.Fatal(err)
		}
		p, err := b.Jobs(t.Context(), "digest", books.Query{After: -1, Limit: books.MaxLimit})
		if err != nil || len(p.Jobs) != n {
			t.Fatalf("%d jobs, %v", len(p.Jobs), err)
		}
		var sum money.USD
		for _, j := range p.Jobs {
			sum += j.Billed
		}
		if sum != p.Money.Billed {
			t.Errorf("jobs of %s in a batch of %s", sum, p.Money.Billed)
		}
		if over {
			break
		}
	}
	totals, err := w.Totals(t.Context(), night)
	if err != nil || totals.Jobs.Succeeded != n {
		t.Errorf("%+v, %v", totals, err)
	}
}

func TestBesideSQLite(t *testing.T) { beside(t, newWriter(t, file(t))) }

// postgres is a new database and a user who may only read it; "" for both
// where there is no server.
func postgres(t *testing.T) (owner, auditor string) {
	t.Helper()
	if !servers {
		if os.Getenv("CI") == "true" {
			t.Fatal("no PostgreSQL: scripts/need postgres installs it")
		}
		t.Skip("no PostgreSQL on this machine: scripts/need postgres installs it where apt is")
	}
	role := fmt.Sprintf("auditor_%d", os.Getpid())
	server := ""
	t.Cleanup(func() { // after the database, in which it has rights
		if server != "" {
			behind(t, server, "DROP ROLE "+role)
		}
	})
	owner = pgtest.Database(t)
	u, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/postgres"
	server = u.String()
	behind(t, server, "CREATE ROLE "+role+" LOGIN PASSWORD 'look-only'")
	u, _ = url.Parse(owner)
	u.User = url.UserPassword(role, "look-only")
	return owner, u.String()
}

// behind runs statements past the ledger.
func behind(t *testing.T, url, statements string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
}

// TestPostgres does it on a server, as a user who may only read.
func TestPostgres(t *testing.T) {
	owner, auditor := postgres(t)
	w := newWriter(t, owner)
	role, _, _ := strings.Cut(strings.TrimPrefix(auditor, "postgres://"), ":")
	behind(t, owner, fmt.Sprintf("GRANT USAGE ON SCHEMA offpeak TO %[1]s; GRANT SELECT ON ALL TABLES IN SCHEMA offpeak TO %[1]s", role))
	w.setting = auditor
	beside(t, w)

	b := w.books()
	if strings.Contains(b.Place(), "look-only") {
		t.Errorf("the password is shown: %s", b.Place())
	}
	// A flipped amount.
	behind(t, owner, "SET search_path = offpeak; ALTER TABLE charges DISABLE TRIGGER USER; UPDATE charges SET total = total + 1 WHERE n = 77; ALTER TABLE charges ENABLE TRIGGER USER")
	v, err := b.Verify(t.Context(), func(books.Checked) {})
	if batch.KindOf(err) != batch.BooksDisagree || !strings.Contains(err.Error(), "charge 77") || v.Charges != 76 {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := b.Export(t.Context(), books.Order{Out: filepath.Join(t.TempDir(), "x.csv")}, silent); batch.KindOf(err) != batch.BooksDisagree {
		t.Errorf("exported all the same: %v", err)
	}
}

// TestForce never writes over what is there without it, and doesn't follow a
// name that was taken while it wrote.
func TestForce(t *testing.T) {
	w := newWriter(t, file(t))
	w.plan(night, 2000)
	b := w.books()
	out := filepath.Join(t.TempDir(), "charges.csv")
	mine := []byte("mine")
	_, err := b.Export(t.Context(), books.Order{Out: out}, func(int) {
		if err := os.WriteFile(out, mine, 0o600); err != nil {
			t.Error(err)
		}
	})
	if batch.KindOf(err) != batch.BadInput || read(t, out) != string(mine) {
		t.Errorf("a file that came meanwhile: %v", err)
	}
	if _, err := b.Export(t.Context(), books.Order{Out: out, Force: true}, silent); err != nil || !strings.HasPrefix(read(t, out), "request_id,") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := b.Export(ctx, books.Order{Out: out, Force: true}, func(int) { cancel() }); batch.KindOf(err) != batch.Cancelling {
		t.Errorf("interrupted: %v", err)
	}
	if files, err := os.ReadDir(filepath.Dir(out)); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}
