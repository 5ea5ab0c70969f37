package e2e

import (
	"context"
	"database/sql"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/postgres"
	"github.com/offpeak/offpeak/ledger/sqlite"
)

// TestBooksThatCantBeUsed: a worker that can't keep books doesn't start; it
// says what is wrong and never the password.
func TestBooksThatCantBeUsed(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	type bad struct {
		name, store string
		code        int
		says        []string
	}
	newer := filepath.Join(h.dir, "newer.db")
	cases := []bad{
		{"nobody listens", "postgres://ada:hunter2@" + nobody + "/books", batch.ExitOutOfReach, []string{"OutOfReach", "PostgreSQL runs and can be reached"}},
		{"a folder", "sqlite:" + h.dir, batch.ExitOutOfReach, []string{h.dir, "directory"}},
		{"something else", "sqlite:" + h.file("notes.txt", strings.Repeat("not a ledger ", 100)), batch.ExitBadInput, []string{"notes.txt", "isn't a ledger"}},
		{"a newer SQLite file", "sqlite:" + newer, batch.ExitBadInput, []string{newer, "version 999", "a newer offpeak wrote it"}},
	}
	fromTheFuture(t, "sqlite", newer, func() (*ledger.Ledger, error) { return sqlite.Open(t.Context(), newer, ledger.Options{}) })
	if thereIsPostgres() {
		url := pgtest.Database(t)
		fromTheFuture(t, "pgx", url, func() (*ledger.Ledger, error) { return postgres.Open(t.Context(), url, ledger.Options{}) })
		cases = append(cases, bad{"a newer PostgreSQL database", url, batch.ExitBadInput, []string{"version 999", "a newer offpeak wrote it"}})
	}
	for _, c := range cases {
		p := h.start("worker", []string{"OFFPEAK_LEDGER=" + c.store})
		<-p.ended
		if code := p.cmd.ProcessState.ExitCode(); code != c.code {
			t.Errorf("%s: exit %d, want %d", c.name, code, c.code)
		}
		for _, want := range append(c.says, "hint: ") {
			if !strings.Contains(p.text(), want) {
				t.Errorf("%s: %q isn't said:\n%s", c.name, want, p.text())
			}
		}
		if strings.Contains(p.text(), "hunter2") {
			t.Errorf("%s: the password is printed", c.name)
		}
	}
}

// fromTheFuture makes a ledger and has it look as if a newer program had been
// at it.
func fromTheFuture(t *testing.T, driver, place string, open func() (*ledger.Ledger, error)) {
	t.Helper()
	l, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open(driver, place)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, TRUE)"); err != nil {
		t.Fatal(err)
	}
}
