package lake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/provider/swarms"
)

// faulty is a real archive whose n-th write goes wrong in one of three ways.
type faulty struct {
	store
	at   int // which write, from 1
	how  string
	n    int
	stop func() // what happens there
}

var errStore = errors.New("the store is gone")

const (
	before = "before" // nothing was written
	within = "within" // the content was cut short
	after  = "after"  // it is there, and nobody was told
)

func (f *faulty) write(do func(within func()) error) error {
	f.n++
	if f.n != f.at {
		return do(func() {})
	}
	fail := func() error {
		f.stop()
		return errStore
	}
	switch f.how {
	case before:
		return fail()
	case within:
		return do(func() { _ = fail() })
	}
	if err := do(func() {}); err != nil {
		return err
	}
	return fail()
}

func (f *faulty) Put(ctx context.Context, key string, content []byte) error {
	return f.write(func(half func()) error {
		cut := false
		return f.store.Create(ctx, key, func(w io.Writer) error {
			if half(); f.n == f.at && f.how == within && !cut {
				return errStore
			}
			_, err := w.Write(content)
			return err
		})
	})
}

func (f *faulty) Create(ctx context.Context, key string, write func(io.Writer) error) error {
	return f.write(func(half func()) error {
		return f.store.Create(ctx, key, func(w io.Writer) error {
			if err := write(w); err != nil {
				return err
			}
			half()
			if f.n == f.at && f.how == within {
				return errStore
			}
			return nil
		})
	})
}

// writes is how many writes an export of threeDays makes: JSONL, Parquet and
// manifest of two days of two keys.
const writes = 12

// TestFailedAtEveryWrite: wherever the store fails, before a write, in the
// middle of it or with its answer lost, the export that runs again makes the
// same lake, byte by byte, as one that nothing happened to.
func TestFailedAtEveryWrite(t *testing.T) {
	t.Parallel()
	whole := newWorld(t, threeDays()...)
	whole.export()
	want := files(t, whole.dir)
	if len(want) != writes {
		t.Fatalf("%d files, want %d", len(want), writes)
	}
	for _, how := range []string{before, within, after} {
		for at := 1; at <= writes; at++ {
			w := newWorld(t, threeDays()...)
			l := w.lake()
			l.store = &faulty{store: l.store, at: at, how: how, stop: func() {}}
			if _, err := l.Export(t.Context(), w.order()); !errors.Is(err, errStore) {
				t.Errorf("write %d %s: %v", at, how, err)
			}
			w.export()
			sameFiles(t, fmt.Sprintf("write %d %s", at, how), files(t, w.dir), want)
		}
	}
}

// TestFailedAndMoreCame: what comes between the death and the next export is a
// part of its own, and the orphan is made complete as it is.
func TestFailedAndMoreCame(t *testing.T) {
	t.Parallel()
	all := threeDays()
	for at := 1; at <= 6; at++ {
		for _, how := range []string{before, after} {
			w := newWorld(t, all[:20]...)
			l := w.lake()
			l.store = &faulty{store: l.store, at: at, how: how, stop: func() {}}
			if _, err := l.Export(t.Context(), w.order()); !errors.Is(err, errStore) {
				t.Fatalf("write %d %s: %v", at, how, err)
			}
			w.log(shuffled(all[3:], uint64(at))...) // three are lost meanwhile
			w.export()
			seen := map[string]int{}
			for _, ids := range w.kept() {
				for _, id := range ids {
					seen[id]++
				}
			}
			for i := 3; i < 47; i++ {
				if n := seen[strconv.Itoa(i+1)]; n != 1 {
					t.Errorf("write %d %s: row %d is there %d times", at, how, i+1, n)
				}
			}
			for _, id := range []string{"1", "2", "3"} { // kept when they were written before they were lost
				if seen[id] > 1 {
					t.Errorf("write %d %s: row %s is there %d times", at, how, id, seen[id])
				}
			}
		}
	}
}

// TestKilled: the same with processes that are killed, SIGKILL, at each write.
func TestKilled(t *testing.T) {
	t.Parallel()
	if at := os.Getenv("LAKE_KILL_AT"); at != "" {
		victim(t, at)
		return
	}
	whole := newWorld(t, threeDays()...)
	whole.export()
	want := files(t, whole.dir)
	rows := threeDays()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { writeLog(rw, rows) }))
	t.Cleanup(server.Close)
	for i, how := range []string{before, within, after} {
		for at := 1 + i; at <= writes; at += 3 { // each write once
			w := newWorld(t, threeDays()...)
			ctx, cancel := context.WithCancel(t.Context())
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilled$", "-test.count=1")
			cmd.Env = append(os.Environ(), fmt.Sprintf("LAKE_KILL_AT=%d %s", at, how), "LAKE_KILL_DIR="+w.dir, "LAKE_KILL_URL="+server.URL)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			said := bufio.NewScanner(out)
			there := false
			for !there && said.Scan() {
				there = strings.HasPrefix(said.Text(), "at the write")
			}
			if !there {
				t.Errorf("write %d %s: it ended before", at, how)
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // killed
			_ = in.Close()
			cancel()
			w.export()
			sameFiles(t, fmt.Sprintf("killed at write %d %s", at, how), files(t, w.dir), want)
		}
	}
}

// victim exports until it is at its write, says so, and waits to be killed.
func victim(t *testing.T, at string) {
	var n int
	var how string
	if _, err := fmt.Sscan(at, &n, &how); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, dir: os.Getenv("LAKE_KILL_DIR"), now: noon, client: client(t, os.Getenv("LAKE_KILL_URL"))}
	l := w.lake()
	l.store = &faulty{store: l.store, at: n, how: how, stop: func() {
		fmt.Println("at the write")
		_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or whoever was to do it is gone
	}}
	_, err := l.Export(t.Context(), w.order())
	t.Fatalf("it wasn't killed: %v", err)
}

// TestALogThatBreaks: of a log that ends in the middle nothing is taken.
func TestALogThatBreaks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(rw, `{"status":"success","logs":[%s,`, strings.Join(threeDays(), ","))
	}))
	t.Cleanup(server.Close)
	w.client = client(t, server.URL)
	if out, err := w.lake().Export(t.Context(), w.order()); err == nil || out.Parts != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	if have := files(t, w.dir); len(have) != 0 {
		t.Errorf("%d files", len(have))
	}
}

// TestOlderParquet: a Parquet file that another version of the program left
// behind counts when it has the same rows, and only then.
func TestOlderParquet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, threeDays()...)
	l := w.lake()
	l.store = &faulty{store: l.store, at: 2, how: before, stop: func() {}}
	if _, err := l.Export(t.Context(), w.order()); !errors.Is(err, errStore) {
		t.Fatal(err)
	}
	other := newWorld(t, threeDays()...)
	other.export()
	// The first day's rows, in two groups of rows.
	names := map[string]bool{}
	for name := range files(t, w.dir) {
		names[name] = true
	}
	for name := range names {
		parquet := strings.TrimSuffix(name, endJSONL) + endParquet
		p, _, _ := placeOf(name)
		a := w.lake().store
		err := a.Create(t.Context(), parquet, func(out io.Writer) error {
			table := newTable(out)
			_, err := l.scan(t.Context(), name, func(line []byte, row swarms.LogRow) error {
				r, err := recordOf(row, line, p.day)
				if err != nil {
					return err
				}
				return table.add(r, groupBytes) // a group for each row
			})
			return errors.Join(err, table.end())
		})
		if err != nil || errors.Is(err, archive.ErrDiffers) {
			t.Fatal(err)
		}
	}
	w.export()
	if got, want := files(t, w.dir), files(t, other.dir); len(got) != len(want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
	bad := newWorld(t, threeDays()...)
	name := partName(swarms.KeyID(otherKey), "2026-11-21", 1) + endParquet
	path := filepath.Join(bad.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	b := files(t, other.dir)[partName(swarms.KeyID(ourKey), "2026-11-21", 1)+endParquet]
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bad.lake().Export(t.Context(), bad.order()); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("other rows: %v", err)
	}
}
