package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

// simArrival is a request at the simulator.
type simArrival = simulator.Arrival

// The size of the tests at scale. `make test` runs each once and small;
// `make crash` sets these.
var (
	scaleJobs  = setting("OFFPEAK_E2E_JOBS", 1000)
	scaleTimes = setting("OFFPEAK_E2E_TIMES", 1)
	scaleFull  = os.Getenv("OFFPEAK_E2E_JOBS") != "" // also the long versions of the tests against limits
)

func setting(name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		panic(fmt.Sprintf("%s=%s: want a number above 0", name, text))
	}
	return n
}

// scaleRow is one run of a test at scale, for the table at the end.
type scaleRow struct {
	test, store         string
	jobs                int
	lost, twice, atKill int
	unsettled           int
	took                time.Duration
	note                string
}

var scale struct {
	sync.Mutex
	rows []scaleRow
}

func (h *house) row(r scaleRow) {
	r.store, _, _ = strings.Cut(h.store, ":")
	r.test, _, _ = strings.Cut(h.t.Name(), "/")
	r.test = strings.TrimPrefix(r.test, "TestScale")
	scale.Lock()
	defer scale.Unlock()
	scale.rows = append(scale.rows, r)
	h.t.Logf("%+v", r)
}

// printScale prints the runs as a table when they were asked for at full size.
func printScale() {
	scale.Lock()
	defer scale.Unlock()
	if !scaleFull || len(scale.rows) == 0 {
		return
	}
	slices.SortStableFunc(scale.rows, func(a, b scaleRow) int {
		return cmp.Or(cmp.Compare(a.test, b.test), cmp.Compare(b.store, a.store))
	})
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	writeScale(table)
	_ = table.Flush()
}

func writeScale(w io.Writer) {
	fmt.Fprintln(w, "test\tstore\tjobs\tlost\ttwice\tunknown at the kill\tnot settled\tseconds\t  \t")
	for _, r := range scale.rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%.1f\t  %s\t\n", r.test, r.store, r.jobs, r.lost, r.twice, r.atKill, r.unsettled, r.took.Seconds(), r.note)
	}
}

// times runs a test as often as asked for, each time in a house of its own.
func times(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for i := range scaleTimes {
		t.Run(fmt.Sprint(i+1), test)
	}
}

// unlimited has no rate limits, and jobs of 20 ms.
func unlimited(o *simulator.Options) {
	o.Accounts[0].Limits = &simulator.Limits{}
	o.Accounts[0].Credit = 1_000_000 * money.Dollar
}

// many writes a manifest of n small jobs in a file beside it, so that they
// don't travel through Temporal.
func (h *house) many(name string, n int) string {
	h.t.Helper()
	var jobs strings.Builder
	for i := range n {
		fmt.Fprintf(&jobs, "{\"name\": \"Job %05d\", \"task\": \"Summarize item %d, %s.\"}\n", i, i, secretPrompt)
	}
	h.file(name+".jsonl", jobs.String())
	return h.file(name+".yaml", "name: "+name+"\n"+h.terms("budget: {per_job: 5.00, batch: 1000000.00}\n")+
		"defaults:\n  swarm_type: SequentialWorkflow\n  agents:\n    - {agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: 256}\n"+
		"jobs_from: "+filepath.Join(h.dir, name+".jsonl")+"\n")
}

// awaitArrivals waits until the provider has done n jobs.
func (h *house) awaitArrivals(n int) {
	h.t.Helper()
	h.awaitBooks(func(b *simulator.Books) bool { return b.Totals().Executions >= n })
}

// awaitFlight waits until at least n requests are under way at the provider.
func (h *house) awaitFlight(n int) {
	h.t.Helper()
	h.awaitBooks(func(b *simulator.Books) bool {
		flying := 0
		for a := range b.Arrivals() {
			if strings.HasSuffix(a.Path, "/completions") && a.Status == 0 {
				flying++
			}
		}
		return flying >= n
	})
}

func (h *house) awaitBooks(enough func(*simulator.Books) bool) {
	h.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	patience := time.NewTimer(5 * time.Minute)
	defer patience.Stop()
	for !enough(h.sim.Books()) {
		select {
		case <-tick.C:
		case <-patience.C:
			h.t.Fatalf("not after five minutes, with %d requests", len(h.books().posts))
		}
	}
}

func (h *house) batchID(name string) batch.ID { return batch.NewID(batch.Name(name), h.night()) }

// TestScaleKilledWorker: SIGKILL at 40 % of a large night. What was in flight
// is named unknown by the next worker, and settled by the provider's log;
// nothing is lost, nothing is bought twice.
func TestScaleKilledWorker(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, fresh func(*testing.T) string) {
		times(t, func(t *testing.T) {
			h := open(t, want{opens: -time.Minute, sim: unlimited, store: fresh(t)})
			path := h.many("killed", scaleJobs)
			first := h.worker()
			began := time.Now()
			follow := h.start("starter", nil, "run", "--json", path)
			h.awaitArrivals(scaleJobs * 2 / 5)
			h.awaitFlight(4) // at a moment that leaves something in doubt
			first.kill()
			died := h.sending("killed")
			if len(died) == 0 {
				t.Error("nothing was in flight at the kill: it proves nothing")
			}
			second := h.worker()
			<-follow.ended
			took := time.Since(began)
			h.wantWhole("killed", scaleJobs, follow.cmd.ProcessState.ExitCode(), follow)
			h.wantRecorded(h.batchID("killed"))
			h.row(h.tally("killed", died, took, ""))
			h.wantNamed(h.batchID("killed"), died, second)
		})
	})
}

// sending are the jobs that the books have as sending, by request id: after a
// kill, those whose outcome nobody knows.
func (h *house) sending(name string) map[string]ledger.Job {
	h.t.Helper()
	l := h.ledger()
	defer l.Close()
	found := map[string]ledger.Job{}
	for _, j := range h.jobs(l, h.batchID(name)) {
		if j.State == batch.Sending {
			found[j.RequestID] = j
		}
	}
	return found
}

// wantNamed wants the attempts that died to have been named unknown by the
// worker that came after, in its log and in the books, and to be settled.
func (h *house) wantNamed(id batch.ID, died map[string]ledger.Job, next *proc) {
	h.t.Helper()
	l := h.ledger()
	defer l.Close()
	named := map[string]bool{}
	for line := range strings.Lines(next.text()) {
		var said struct {
			ID string `json:"request_id"`
		}
		if strings.Contains(line, "the outcome is unknown") && json.Unmarshal([]byte(line), &said) == nil {
			named[said.ID] = true
		}
	}
	sources := map[string]ledger.Source{}
	err := l.Charges(h.t.Context(), id, func(c ledger.Charge) error { sources[c.RequestID] = c.Source; return nil })
	if err != nil {
		h.t.Fatal(err)
	}
	for request, j := range died {
		if !named[request] {
			h.t.Errorf("%s was in flight at the kill, and the next worker didn't name it", j.Name)
		}
		attempts, err := l.Attempts(h.t.Context(), j.Batch, j.Seq)
		if err != nil {
			h.t.Fatal(err)
		}
		// Either the log had it, or its absence was established and it was sent again.
		if a := attempts[j.Attempts-1]; sources[request] != ledger.FromLog && a.Outcome != batch.OutcomeUnknown {
			h.t.Errorf("%s was in flight at the kill, is charged from the %s, and its attempt is booked as %q", j.Name, sources[request], a.Outcome)
		}
		now, err := l.Job(h.t.Context(), j.Batch, j.Seq)
		if err != nil {
			h.t.Fatal(err)
		}
		if now.State != batch.Succeeded {
			h.t.Errorf("%s was in flight at the kill and ends %s", j.Name, now.State)
		}
	}
	for request := range named {
		if _, ok := died[request]; !ok {
			h.t.Errorf("%s was named unknown and wasn't in flight at the kill", request)
		}
	}
}

// tally counts how a night ended: by the provider's books what was lost and
// what was bought twice, by ours what isn't settled.
func (h *house) tally(name string, died map[string]ledger.Job, took time.Duration, note string) scaleRow {
	h.t.Helper()
	l := h.ledger()
	defer l.Close()
	ran := map[string]bool{}
	for _, p := range h.books().posts {
		ran[p.RequestID] = ran[p.RequestID] || p.Executed
	}
	r := scaleRow{atKill: len(died), twice: len(h.sim.Books().DoubleBilled()), took: took, note: note}
	for _, j := range h.jobs(l, h.batchID(name)) {
		r.jobs++
		if !ran[j.RequestID] {
			r.lost++
		}
		if j.State != batch.Succeeded {
			r.unsettled++
		}
	}
	return r
}
