package open_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/ledgertest"
	"github.com/offpeak/offpeak/ledger/open"
)

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

func TestRedacted(t *testing.T) {
	for in, want := range map[string]string{
		"postgres://ada:secret@db/books": "postgres://ada:xxxxx@db/books",
		"sqlite:/var/lib/books.db":       "sqlite:/var/lib/books.db",
		"://":                            "[unreadable]",
	} {
		if got := open.Redacted(in); got != want {
			t.Errorf("Redacted(%q) = %q, want %q", in, got, want)
		}
	}
	_, err := open.Ledger(t.Context(), "mysql://u:secret@h/d", ledger.Options{})
	if batch.KindOf(err) != batch.BadInput || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

// TestReader reads books that somebody else writes, and writes nothing itself:
// neither rows nor tables nor a file.
func TestReader(t *testing.T) {
	dir := t.TempDir()
	settings := map[string]string{"sqlite": "sqlite:" + filepath.Join(dir, "offpeak.db")}
	if servers {
		settings["postgres"] = pgtest.Database(t)
	} else if os.Getenv("CI") == "true" {
		t.Error("no PostgreSQL: scripts/need postgres installs it")
	}
	for store, setting := range settings {
		t.Run(store, func(t *testing.T) {
			for range 2 { // the first one must not have made any
				_, err := open.Reader(t.Context(), setting)
				if batch.KindOf(err) != batch.NotFound {
					t.Fatalf("books that aren't there: %v", err)
				}
			}
			if files, err := os.ReadDir(dir); err != nil || store == "sqlite" && len(files) != 0 {
				t.Errorf("something was made: %v, %v", files, err)
			}
			w, err := open.Ledger(t.Context(), setting, ledger.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			r, err := open.Reader(t.Context(), setting)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if v, err := r.Verify(t.Context()); err != nil || v.Charges != 0 {
				t.Errorf("%+v, %v", v, err)
			}
			ledgertest.OneCharge(t, w)
			v, err := r.Verify(t.Context())
			if err != nil || v.Charges != 1 || v.Jobs != 1 {
				t.Errorf("what was written meanwhile isn't seen: %+v, %v", v, err)
			}
			for what, err := range map[string]error{
				"plan":   r.Plan(t.Context(), "market-digest/2026-11-22", ledgertest.Jobs(1, 2)),
				"stop":   r.StopBatch(t.Context(), "market-digest/2026-11-22", "because"),
				"reopen": r.Reopen(t.Context(), "market-digest/2026-11-22"),
			} {
				if batch.KindOf(err) != batch.Internal || !strings.Contains(err.Error(), "opened to be read") {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

// TestReaderWithoutWorker reads a file that nobody has open, and leaves it as
// it was.
func TestReaderWithoutWorker(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offpeak.db")
	w, err := open.Ledger(t.Context(), "sqlite:"+path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.OneCharge(t, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := open.Reader(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := r.Verify(t.Context()); err != nil || v.Charges != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the file was changed, %v", err)
	}
	if left, err := filepath.Glob(path + "?*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestMigrationsSayTheSame: what could be written once for both databases
// stays the same text.
func TestMigrationsSayTheSame(t *testing.T) {
	const name = "00003_late.sql"
	var texts []string
	for _, store := range []string{"sqlite", "postgres"} {
		b, err := os.ReadFile(filepath.Join("..", store, "migrations", name))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(b))
	}
	if texts[0] != texts[1] {
		t.Errorf("%s differs between the stores:\n%s\n%s", name, texts[0], texts[1])
	}
}
