package activities_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/sqlite"
	"github.com/offpeak/offpeak/provider/swarms"
)

const aDay = 24 * time.Hour

var keeps = map[batch.Kept]time.Duration{batch.KeptPrompts: 30 * aDay, batch.KeptAnswers: 20 * aDay}

// keeping is a worker with these settings, of whose nights none runs any more.
func (w *world) keeping(keep map[batch.Kept]time.Duration) {
	w.newHands(w.server.URL)
	w.deps.Keep = keep
	w.deps.Running = func(context.Context, string, string) (bool, error) { return false, nil }
	w.hands = activities.New(w.deps)
}

func (w *world) purge(in batch.PurgeInput) batch.Purged {
	w.Helper()
	out, err := w.hands.PurgeOld(w.Context(), batch.PurgeRequest{PurgeInput: in, Asked: w.clock.Now()})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// after has the clock go on to so long after the night's close.
func (w *world) after(d time.Duration) {
	w.Helper()
	to := w.plan.Start.Span.Closes.Add(d)
	_ = w.clock.Wait(context.Background(), to.Sub(w.clock.Now()))
}

// aNight is one of six jobs: four answered, one parked, one never sent.
func aNight(t *testing.T) *world {
	w := newWorld(t, nil).planned(manifest(6, ""))
	for seq := range 4 {
		w.send(seq)
	}
	if _, err := w.books.Give(t.Context(), w.plan.Batch, 4, batch.Parked, "too late"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.audit(); err != nil {
		t.Fatal(err)
	}
	w.keeping(keeps)
	return w
}

// files are those that have a text in them.
func (w *world) files(text string) (found []string) {
	w.Helper()
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return found
}

// TestPurge: what is too old goes when it is too old, and not a day before;
// money, states, digests and the proof of the books stay, and what is gone says
// since when and why.
func TestPurge(t *testing.T) {
	w := aNight(t)
	id := w.plan.Batch
	before, err := w.books.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	totals, _ := w.books.Totals(t.Context(), id)
	w.after(20*aDay - time.Second)
	if out := w.purge(batch.PurgeInput{}); len(out.Sums) != 0 || out.Looked != 0 || len(out.Held) != 0 {
		t.Errorf("a second too early: %+v", out)
	}
	w.after(20 * aDay)
	answers := batch.PurgedSum{What: batch.KeptAnswers, Batches: 1, Items: 5} // with results.jsonl
	for _, dry := range []bool{true, true, false} {
		out := w.purge(batch.PurgeInput{DryRun: dry})
		if len(out.Sums) != 1 || out.Sums[0].Bytes == 0 {
			t.Fatalf("answers that are due: %+v", out)
		}
		answers.Bytes = out.Sums[0].Bytes
		if out.Sums[0] != answers || out.Looked != 1 || out.Batches[0].Rule != "OFFPEAK_KEEP_ANSWERS=20d" {
			t.Errorf("dry run %t: %+v", dry, out)
		}
		_, err := w.store.Get(t.Context(), w.job(0).Output)
		if gone := batch.KindOf(err) == batch.NotFound; gone == dry {
			t.Errorf("dry run %t: reading an answer: %v", dry, err)
		}
	}
	if len(w.files("CONFIDENTIAL-PROMPT")) == 0 || w.job(0).Request == nil {
		t.Fatal("prompts went with the answers")
	}
	w.after(31 * aDay)
	out := w.purge(batch.PurgeInput{})
	if len(out.Sums) != 1 || out.Sums[0].What != batch.KeptPrompts || out.Sums[0].Items != 6 || out.Day != "2026-12-24" {
		t.Errorf("prompts that are due: %+v", out)
	}
	if again := w.purge(batch.PurgeInput{}); len(again.Sums) != 0 || again.Looked != 0 {
		t.Errorf("once more: %+v", again)
	}
	if left := w.files("CONFIDENTIAL-PROMPT"); len(left) != 0 {
		t.Errorf("prompts are still in %v", left)
	}

	// The books are whole, and say what is missing.
	w.honest()
	after, err := w.books.Verify(t.Context())
	if err != nil || after != before {
		t.Errorf("the books were %+v, are %+v, %v", before, after, err)
	}
	if now, _ := w.books.Totals(t.Context(), id); now != totals {
		t.Errorf("sums were %+v, are %+v", totals, now)
	}
	attempts, err := w.books.Attempts(t.Context(), id, 0)
	if err != nil || len(attempts) != 1 || len(attempts[0].Receipt) == 0 {
		t.Errorf("receipts are kept for ever here: %+v, %v", attempts, err)
	}
	dailies, err := w.books.Dailies(t.Context(), batch.DailyPurge, 9)
	if err != nil || len(dailies) != 2 {
		t.Fatalf("%d results are kept for the page, %v", len(dailies), err)
	}
	var kept batch.Purged
	if err := json.Unmarshal(dailies[0].Result, &kept); err != nil || kept.Day != "2026-12-24" {
		t.Errorf("the last one: %s, %v", dailies[0].Result, err)
	}

	// Judged again, the night gets new results, beside those that are gone.
	if _, err := w.hands.AuditDiscount(t.Context(), batch.AuditRequest{Batch: id, Span: w.plan.Start.Span, Again: true}); err != nil {
		t.Fatal(err)
	}
	for _, line := range w.lines(2)[:4] {
		if string(line.Output) != "null" || line.OutputMissing != "the answer was deleted on 2026-12-13 under OFFPEAK_KEEP_ANSWERS=20d" {
			t.Errorf("%+v", line)
		}
	}
	if _, err := w.store.Get(t.Context(), archive.ResultsKey(id, 1)); batch.KindOf(err) != batch.NotFound {
		t.Errorf("a name was used again: %v", err)
	}
}

// TestPurgedNightRunsAgain: without its manifest a batch whose prompts are gone
// is refused; with it, its jobs are known by their digests, what was paid for
// isn't sent again, and the rest is.
func TestPurgedNightRunsAgain(t *testing.T) {
	w := aNight(t)
	id := w.plan.Batch
	first := w.job(4)
	w.after(31 * aDay)
	w.purge(batch.PurgeInput{})
	again := func(input string) error {
		_, err := w.hands.PlanNight(t.Context(), batch.PlanRequest{
			Input: json.RawMessage(input), WorkflowID: "nightly/digest/2026-11-22", RunID: "run-2", Asked: nine,
		})
		return err
	}
	go1 := fmt.Sprintf(`{"batch": %q}`, id)
	if err := again(go1); kindOf(t, err) != batch.BadInput || !strings.Contains(err.Error(), "its prompts were deleted on 2026-12-24 under OFFPEAK_KEEP_PROMPTS=30d") {
		t.Errorf("without its prompts: %v", err)
	}
	if err := again(strings.Replace(w.input, "Summarize item 4.", "Something else.", 1)); kindOf(t, err) != batch.ManifestDiffers {
		t.Errorf("changed work: %v", err)
	}
	if err := again(w.input); err != nil {
		t.Fatal(err)
	}
	for seq, want := range []bool{false, false, false, false, true, true} {
		if j := w.job(seq); (j.Request != nil) != want {
			t.Errorf("job %d, %s: its prompt is there: %t, want %t", seq, j.State, j.Request != nil, want)
		}
	}
	if j := w.job(4); j.RequestID != first.RequestID || !bytes.Equal(j.Request, first.Request) {
		t.Errorf("the job came back as %+v, was %+v", j, first)
	}
	if err := again(go1); err != nil {
		t.Errorf("with its prompts back: %v", err)
	}
}

// TestPurgeHolds: what runs, or may still be found in the provider's log, is
// left alone and named; the rest goes.
func TestPurgeHolds(t *testing.T) {
	w := newWorld(t, nil).faults(lostAnswer("job-1")).planned(manifest(3, `"policy": {"on_unknown": "hold"},`))
	w.send(0)
	w.send(1)
	if j := w.job(1); j.State != batch.Unknown {
		t.Fatalf("job 1 is %s", j.State)
	}
	w.keeping(keeps)
	w.after(100 * aDay)
	out := w.purge(batch.PurgeInput{})
	if len(out.Sums) != 0 || len(out.Held) != 1 || out.Held[0].Batch != w.plan.Batch || !strings.Contains(out.Held[0].Why, "1 of its jobs isn't known") ||
		!strings.Contains(out.Held[0].Why, "starter reconcile digest/2026-11-22") {
		t.Errorf("an outcome isn't known: %+v", out)
	}
	if _, err := w.hands.PurgeOld(t.Context(), batch.PurgeRequest{PurgeInput: batch.PurgeInput{Batch: w.plan.Batch}, Asked: w.clock.Now()}); kindOf(t, err) != batch.OutcomesUnknown {
		t.Errorf("asked for just this one: %v", err)
	}
	w.deps.Running = func(context.Context, string, string) (bool, error) { return true, nil }
	w.hands = activities.New(w.deps)
	if out := w.purge(batch.PurgeInput{}); len(out.Held) != 1 || !strings.Contains(out.Held[0].Why, "has this night in hand") {
		t.Errorf("it runs: %+v", out)
	}
	w.deps.Running = func(context.Context, string, string) (bool, error) { return false, errors.New("no answer") }
	w.hands = activities.New(w.deps)
	if _, err := w.hands.PurgeOld(t.Context(), batch.PurgeRequest{Asked: w.clock.Now()}); kindOf(t, err) != batch.OutOfReach {
		t.Errorf("nobody knows whether it runs: %v", err)
	}
	if w.job(0).Request == nil || len(w.files("CONFIDENTIAL-PROMPT")) == 0 {
		t.Error("something went")
	}
}

// TestPurgeOneBatch: somebody asks for one batch, of one kind, long before its
// time; the note has who that was.
func TestPurgeOneBatch(t *testing.T) {
	w := aNight(t)
	w.keeping(nil)
	in := batch.PurgeInput{Batch: w.plan.Batch, What: []batch.Kept{batch.KeptAnswers}, By: "ada@desk", DryRun: true}
	if out := w.purge(in); len(out.Sums) != 1 || out.Sums[0].Items != 5 {
		t.Errorf("what it would be: %+v", out)
	}
	in.DryRun = false
	w.purge(in)
	notes, err := w.books.Purges(t.Context(), w.plan.Batch)
	if err != nil || len(notes) != 1 || notes[0].Said() != "deleted on 2026-11-23, as ada@desk asked" || notes[0].Files != 1 {
		t.Errorf("%+v, %v", notes, err)
	}
	if w.job(0).Request == nil {
		t.Error("its prompts went, too")
	}
	if dailies, err := w.books.Dailies(t.Context(), batch.DailyPurge, 1); err != nil || len(dailies) != 0 {
		t.Errorf("it passes for the daily one: %v, %v", dailies, err)
	}
	for _, wrong := range []batch.PurgeInput{
		{Batch: "digest"}, {What: []batch.Kept{"charges"}}, {Batch: w.plan.Batch, What: []batch.Kept{batch.KeptLogs}}, {What: []batch.Kept{batch.KeptUploads}},
	} {
		_, err := w.hands.PurgeOld(t.Context(), batch.PurgeRequest{PurgeInput: wrong, Asked: nine})
		if kindOf(t, err) != batch.BadInput {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	_, err = w.hands.PurgeOld(t.Context(), batch.PurgeRequest{PurgeInput: batch.PurgeInput{Batch: "nobody/2026-11-22"}, Asked: nine})
	if kindOf(t, err) != batch.NotFound {
		t.Errorf("a batch that isn't there: %v", err)
	}
}

// TestPurgeUploads: files of jobs that came over HTTP have prompts in them, and
// go by their age.
func TestPurgeUploads(t *testing.T) {
	w := aNight(t)
	if err := w.store.Put(t.Context(), archive.Uploads+"/6f0c1f0e-5a0b-4c57-9d2f-9a6f2b8f4e11.jsonl", []byte(`{"task": "CONFIDENTIAL-PROMPT"}`)); err != nil {
		t.Fatal(err)
	}
	var made time.Time // by the machine's clock
	for o, err := range w.store.List(t.Context(), archive.Uploads) {
		if err != nil {
			t.Fatal(err)
		}
		made = o.At
	}
	for _, c := range []struct {
		asked time.Time
		gone  int64
	}{{made.Add(30*aDay - time.Second), 0}, {made.Add(30 * aDay), 1}} {
		out, err := w.hands.PurgeOld(t.Context(), batch.PurgeRequest{PurgeInput: batch.PurgeInput{What: []batch.Kept{batch.KeptPrompts}}, Asked: c.asked})
		if err != nil {
			t.Fatal(err)
		}
		var uploads int64
		for _, s := range out.Sums {
			if s.What == batch.KeptUploads {
				uploads = s.Items
			}
		}
		if uploads != c.gone {
			t.Errorf("asked %s after it was made: %d went, want %d", c.asked.Sub(made), uploads, c.gone)
		}
	}
}

// dieEnv has the test binary purge instead of testing, and die at the n-th time
// that the ledger begins to write.
const dieEnv = "OFFPEAK_TEST_PURGE_DIES"

// TestPurgeKilled kills a process that purges before every write of the ledger,
// which is before and after every deletion in the archive. Whatever the moment: nothing that the
// books point to is gone without a note, the books verify, and the next one
// makes it whole.
func TestPurgeKilled(t *testing.T) {
	if order := os.Getenv(dieEnv); order != "" {
		purgeAndDie(order)
		return
	}
	t.Parallel()
	w := aNight(t)
	w.keeping(map[batch.Kept]time.Duration{batch.KeptPrompts: 20 * aDay, batch.KeptAnswers: 20 * aDay, batch.KeptReceipts: 20 * aDay})
	before, err := w.books.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sound := func(what string) (gone int) {
		t.Helper()
		if after, err := w.books.Verify(t.Context()); err != nil || after != before {
			t.Fatalf("%s: the books were %+v, are %+v, %v", what, before, after, err)
		}
		notes, err := w.books.Purges(t.Context(), w.plan.Batch)
		if err != nil {
			t.Fatal(err)
		}
		noted := map[batch.Kept]bool{}
		for _, n := range notes {
			noted[n.What] = true
		}
		missing := func(k batch.Kept, is bool) {
			if is {
				gone++
				if !noted[k] {
					t.Errorf("%s: %s are gone without a note", what, k)
				}
			}
		}
		for seq := range 6 {
			j := w.job(seq)
			missing(batch.KeptPrompts, j.Request == nil)
			if j.Output != "" {
				_, err := w.store.Get(t.Context(), j.Output)
				missing(batch.KeptAnswers, err != nil)
			}
			attempts, err := w.books.Attempts(t.Context(), w.plan.Batch, seq)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range attempts {
				missing(batch.KeptReceipts, len(a.Receipt) == 0)
			}
		}
		return gone
	}
	if gone := sound("before"); gone != 0 {
		t.Fatalf("%d things are gone before it begins", gone)
	}
	died, last := 0, 0
	for n := 1; ; n++ {
		whole := w.child(n)
		gone := sound(fmt.Sprintf("killed at write %d", n))
		if gone < last {
			t.Errorf("%d things were gone, %d are", last, gone)
		}
		last = gone
		if whole {
			break
		}
		died++
	}
	if died < 3 { // each that follows goes on, and so has fewer writes left
		t.Errorf("it died %d times", died)
	}
	if want := 6 + 4 + 4; last != want {
		t.Errorf("%d things are gone in the end, want %d", last, want)
	}
	notes, err := w.books.Purges(t.Context(), w.plan.Batch)
	for _, n := range notes {
		if n.DoneAt.IsZero() {
			t.Errorf("not noted as done: %+v", n)
		}
	}
	if err != nil || len(notes) != 3 {
		t.Errorf("%d notes, %v", len(notes), err)
	}
	if left := w.files("CONFIDENTIAL-PROMPT"); len(left) != 0 {
		t.Errorf("prompts are still in %v", left)
	}
}

// child purges in a process of its own that dies at a write; true: it ended
// before.
func (w *world) child(n int) bool {
	w.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestPurgeKilled$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %s", dieEnv, n, w.plan.Start.Span.Closes.Add(21*aDay).Unix(), w.dir))
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	said, whole := bufio.NewScanner(out), false
	for said.Scan() {
		whole = whole || said.Text() == "whole"
	}
	err = cmd.Wait()
	if !whole {
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			w.Fatalf("it ended otherwise: %v", err)
		}
	}
	return whole
}

func purgeAndDie(order string) {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	parts := strings.SplitN(order, " ", 3)
	n, err := strconv.ParseInt(parts[0], 10, 64)
	asked, err2 := strconv.ParseInt(parts[1], 10, 64)
	if err := errors.Join(err, err2); err != nil {
		fail(err)
	}
	ctx, dir := context.Background(), parts[2]
	clock := &leaping{at: time.Unix(asked, 0)}
	var writes atomic.Int64
	books, err := sqlite.Open(ctx, filepath.Join(dir, "offpeak.db"), ledger.Options{Now: func() time.Time {
		if writes.Add(1) == n { // asked for once a write, before anything is in it
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return clock.Now()
	}})
	if err != nil {
		fail(err)
	}
	store, err := archive.Open(ctx, "file://"+filepath.Join(dir, "archive"))
	if err != nil {
		fail(err)
	}
	client, err := swarms.New(swarms.Options{BaseURL: "http://127.0.0.1:1", Key: apiKey})
	if err != nil {
		fail(err)
	}
	keep := map[batch.Kept]time.Duration{batch.KeptPrompts: 20 * aDay, batch.KeptAnswers: 20 * aDay, batch.KeptReceipts: 20 * aDay}
	hands := activities.New(activities.Deps{
		Ledger: books, Archive: store, Swarms: client, Clock: clock, Keep: keep,
		Running: func(context.Context, string, string) (bool, error) { return false, nil },
	})
	if _, err := hands.PurgeOld(ctx, batch.PurgeRequest{Asked: clock.Now()}); err != nil {
		fail(err)
	}
	fmt.Println("whole")
}
