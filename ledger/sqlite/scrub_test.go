package sqlite_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/ledgertest"
)

// TestScrub searches the files for prompts byte by byte: before a purge they
// are there, afterwards not one is, whether it filled pages of its own or shared
// one, and whatever was moved about while two batches were planned at once.
func TestScrub(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := opener(path)(ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const jobs = 600
	ids := []batch.ID{"one/2026-11-22", "two/2026-11-22", "three/2026-11-22"}
	for _, id := range ids {
		_, err := ledgertest.ClaimAs(l, id)
		ok(err)
	}
	secret := func(id batch.ID, seq int) string { return fmt.Sprintf("SECRET-%s-%d.", id.Name(), seq) }
	for from := 0; from < jobs; from += 20 {
		for _, id := range ids { // in turns, so that pages are split and rows moved
			chunk := ledgertest.Jobs(from, from+20)
			for i := range chunk {
				text := secret(id, from+i) + strings.Repeat("x", []int{40, 700, 5000}[i%3])
				chunk[i].Request = []byte(`{"task":"` + text + `"}`)
			}
			ok(l.Plan(ctx, id, chunk))
		}
	}
	found := func(id batch.ID) (n int) {
		t.Helper()
		var all []byte
		for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
			b, err := os.ReadFile(path + suffix)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
		for seq := range jobs {
			if bytes.Contains(all, []byte(secret(id, seq))) {
				n++
			}
		}
		return n
	}
	if n := found(ids[1]); n != jobs {
		t.Fatalf("%d of %d prompts are in the files", n, jobs)
	}
	b, err := l.Batch(ctx, ids[1])
	ok(err)
	_, err = l.BeginPurge(ctx, ledger.Purge{Batch: b.ID, What: batch.KeptPrompts, Rule: "test"}, b.Owner)
	ok(err)
	for from := 0; from < jobs; from += 100 {
		ok(l.PurgeStretch(ctx, b.ID, batch.KeptPrompts, b.Owner, from, from+100))
	}
	_, err = l.EndPurge(ctx, b.ID, batch.KeptPrompts)
	ok(err)
	ok(l.Scrub(ctx))
	if n := found(ids[1]); n != 0 {
		t.Errorf("%d prompts that were deleted can still be read in the files", n)
	}
	for _, id := range []batch.ID{ids[0], ids[2]} {
		if n := found(id); n != jobs {
			t.Errorf("%s: %d of %d prompts are left", id, n, jobs)
		}
	}
	if _, err := l.Verify(ctx); err != nil {
		t.Error(err)
	}
}

// TestScrubBesideReader: a program that still looks at what was there before
// keeps the log from being emptied, which is said; when it ends, it is done.
func TestScrubBesideReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := opener(path)(ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	id, err := ledgertest.Claim(l)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	snapshot, err := reader.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = snapshot.Rollback() }()
	var n int
	if err := snapshot.QueryRow("SELECT COUNT(*) FROM batches").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if err := l.Plan(t.Context(), id, ledgertest.Jobs(0, 5)); err != nil {
		t.Fatal(err)
	}
	if err := l.Scrub(t.Context()); batch.KindOf(err) != batch.OutOfReach || !strings.Contains(err.Error(), "still reads") {
		t.Errorf("beside a reader: %v, want OutOfReach", err)
	}
	if err := snapshot.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := l.Scrub(t.Context()); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("the log after it was emptied: %+v, %v", info, err)
	}
}
