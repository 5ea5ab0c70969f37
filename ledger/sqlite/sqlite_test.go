package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/ledgertest"
	"github.com/offpeak/offpeak/ledger/sqlite"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(ledgertest.ChildEnv); path != "" {
		ledgertest.Child(sqlite.Open(context.Background(), path, ledger.Options{}))
		return
	}
	if path := os.Getenv(fullEnv); path != "" {
		fillUp(path)
		return
	}
	goleak.VerifyTestMain(m)
}

func opener(path string) func(ledger.Options) (*ledger.Ledger, error) {
	return func(o ledger.Options) (*ledger.Ledger, error) { return sqlite.Open(context.Background(), path, o) }
}

func TestExam(t *testing.T) {
	ledgertest.Run(t, func(t testing.TB) ledgertest.Place {
		path := filepath.Join(t.TempDir(), "ledger.db")
		return ledgertest.Place{Open: opener(path), Exec: func(statement string) error {
			return behind(path, "DROP TRIGGER IF EXISTS charges_are_not_changed; DROP TRIGGER IF EXISTS charges_are_not_deleted; "+statement)
		}, Ask: func(question string) ([][]string, error) {
			db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
			if err != nil {
				return nil, err
			}
			defer db.Close()
			return ledgertest.Ask(db, question)
		}}
	})
}

func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	ledgertest.Kill(t, path, opener(path))
}

// behind runs statements past the ledger.
func behind(path, statements string) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statements)
	return err
}

func TestAppendOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := opener(path)(ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ledgertest.OneCharge(t, l)
	for _, statement := range []string{"UPDATE charges SET total = 0", "DELETE FROM charges"} {
		if err := behind(path, statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// TestFiles opens what isn't, or isn't quite, a ledger.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }

	// A new one, in a directory that isn't there, with a name that a URL would
	// take apart: only its owner may read it.
	fine := at("a b/c?d#e%20/ledger.db")
	l, err := opener(fine)(ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{fine: 0o600, fine + "-wal": 0o600, filepath.Dir(fine): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	write := func(name, content string) string {
		if err := os.WriteFile(at(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return at(name)
	}
	newer := at("newer.db")
	if l, err = opener(newer)(ledger.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := behind(newer, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, path string
		kind       batch.Kind
		says       string
	}{
		{"a directory", dir, batch.OutOfReach, "directory"},
		{"below a file", filepath.Join(write("file", ""), "ledger.db"), batch.OutOfReach, "not a directory"},
		{"another file", write("note.txt", strings.Repeat("This is not a database. ", 100)), batch.BadInput, "isn't a ledger"},
		{"a newer schema", newer, batch.BadInput, "version 99"},
	} {
		_, err := opener(c.path)(ledger.Options{})
		if batch.KindOf(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: got %v, want %s that says %q", c.what, err, c.kind, c.says)
		}
	}
}
