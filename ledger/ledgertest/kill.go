package ledgertest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// ChildEnv names the books that a child process works on; a test binary that
// finds it set runs Child instead of its tests.
const ChildEnv = "OFFPEAK_LEDGERTEST_CHILD"

const killJobs = 5000

// Child sends and settles jobs, and says so on standard output as soon as the
// ledger has told it that they are written. It is there to be killed.
func Child(l *ledger.Ledger, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx := context.Background()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for seq := int(next.Add(1)) - 1; seq < killJobs; seq = int(next.Add(1)) - 1 {
				_, n, err := l.Admit(ctx, ledger.Ask{Batch: night, Seq: seq}, always(ledger.Go))
				if err != nil {
					continue // an earlier child had it
				}
				fmt.Printf("sent %d\n", seq)
				_, err = l.Settle(ctx, ledger.Closing{Batch: night, Seq: seq, Attempt: n, Status: 200}, chargeOf(97_250), "x")
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Printf("paid %d\n", seq)
			}
		})
	}
	wg.Wait()
}

// Kill kills a process with SIGKILL while it works on the books, three times,
// and wants to find everything that it had been told was written: no job that
// was sent may look unsent, whatever the moment. books is what Child's process
// gets in ChildEnv.
func Kill(t *testing.T, books string, open func(ledger.Options) (*ledger.Ledger, error)) {
	r := &room{place: Place{Open: open}, clock: newClock()}
	d := &desk{tb: t, Ledger: r.open(t), clock: r.clock, ctx: context.Background(), id: night, key: keyID}
	c := claimOf(night, "w")
	c.Batch.Budget.Batch = killJobs * ceil15
	_, err := d.Claim(d.ctx, c)
	d.ok(err)
	for from := 0; from < killJobs; from += 500 {
		d.ok(d.Plan(d.ctx, night, jobsOf(from, from+500, ceil15)))
	}
	told := map[int]string{}
	for round, lines := range []int{1, 50, 333} {
		before := len(told)
		work(t, books, lines, told)
		if len(told) == before {
			t.Fatalf("round %d: the child did nothing", round)
		}
		rows, err := d.Jobs(d.ctx, night, 0, killJobs)
		d.ok(err)
		sums := d.totals()
		for _, j := range rows {
			if told[j.Seq] == "paid" && j.State != batch.Succeeded ||
				told[j.Seq] == "sent" && j.State != batch.Succeeded && j.State != batch.Sending {
				t.Errorf("round %d: job %d was %s before the kill and is %s", round, j.Seq, told[j.Seq], j.State)
			}
			if j.State == batch.Sending {
				_, err := d.Crashed(d.ctx, night, j.Seq, 0, 0)
				d.ok(err)
				told[j.Seq] = "unknown"
			}
		}
		if sums.Charges != sums.Jobs.Succeeded {
			t.Errorf("round %d: %d charges for %d jobs", round, sums.Charges, sums.Jobs.Succeeded)
		}
		if v := d.sound(); v.Charges != int64(sums.Charges) {
			t.Errorf("round %d: %d charges in the chain, %d in the sums", round, v.Charges, sums.Charges)
		}
	}
}

// work runs a child until it has said so many lines, kills it, and notes what
// it said until the end.
func work(t *testing.T, books string, lines int, told map[int]string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), ChildEnv+"="+books)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for n := 1; said.Scan(); n++ {
		var what string
		var seq int
		if _, err := fmt.Sscanf(said.Text(), "%s %d", &what, &seq); err != nil {
			t.Fatalf("the child said %q", said.Text())
		}
		told[seq] = what
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child ended before it was killed")
	}
}
