package pgtest_test

import (
	"database/sql"
	"errors"
	"net/url"
	"os"
	"testing"

	"github.com/offpeak/offpeak/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func ask(t *testing.T, url, question string) (answer string, err error) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.QueryRow(question).Scan(&answer)
	return answer, err
}

func TestDatabase(t *testing.T) {
	var gone string
	t.Run("lent", func(t *testing.T) {
		a, b := pgtest.Database(t), pgtest.Database(t)
		if a == b {
			t.Errorf("two tests share %s", a)
		}
		gone = a
		if n, err := ask(t, a, "SELECT COUNT(*)::text FROM pg_tables WHERE schemaname = 'public'"); err != nil || n != "0" {
			t.Errorf("%s tables in a new database, %v", n, err)
		}
		if on, err := ask(t, a, "SHOW fsync"); err != nil || os.Getenv(pgtest.Env) == "" && on != "on" {
			t.Errorf("fsync is %s, %v", on, err)
		}
	})
	if _, err := ask(t, gone, "SELECT 'there'"); err == nil {
		t.Error("a database outlived its test")
	}
}

// TestCluster stops, kills and starts a server: what was committed is there.
func TestCluster(t *testing.T) {
	c, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(c.URL("postgres"))
	if err != nil || u.Hostname() != "127.0.0.1" {
		t.Errorf("the server listens on %v, %v", u, err)
	}
	if _, err := ask(t, c.URL("postgres"), "CREATE TABLE kept AS SELECT 'kept'::text AS what"); !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	for _, end := range []func() error{c.Stop, c.Kill} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if _, err := ask(t, c.URL("postgres"), "SELECT 'up'"); err == nil {
			t.Error("an ended server answers")
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if got, err := ask(t, c.URL("postgres"), "SELECT what FROM kept"); err != nil || got != "kept" {
			t.Errorf("after a start: %q, %v", got, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}
