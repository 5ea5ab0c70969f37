// Package pgtest gives tests a PostgreSQL server of their own, or lends them a
// database on one that is already there (OFFPEAK_TEST_POSTGRES). The tests of
// ledger/postgres use it.
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Env names the setting with the URL of a server to use instead: a user who
// may create databases there.
const Env = "OFFPEAK_TEST_POSTGRES"

// shared is the server of this test process.
var shared struct {
	sync.Mutex
	cluster *Cluster
	failed  error
	ready   bool // Main runs
}

// Main runs a package's tests, and stops the server that they shared. Where
// there is no PostgreSQL it says so, and fails under CI=true:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
func Main(m *testing.M) int {
	if _, err := Binaries(); err != nil && os.Getenv(Env) == "" {
		fmt.Fprintf(os.Stderr, "pgtest: these tests did not run: %v\n", err)
		if os.Getenv("CI") == "true" {
			return 1
		}
		return 0
	}
	shared.ready = true
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster != nil {
		if err := shared.cluster.Close(); err != nil {
			fmt.Fprintf(os.Stderr, "pgtest: stop the server: %v\n", err)
			return max(code, 1)
		}
	}
	return code
}

// server is the URL of the server that all tests of the process share.
func server() (string, error) {
	if u := os.Getenv(Env); u != "" {
		return u, nil
	}
	shared.Lock()
	defer shared.Unlock()
	if !shared.ready {
		return "", errors.New("call pgtest.Main from TestMain")
	}
	if shared.cluster == nil && shared.failed == nil {
		shared.cluster, shared.failed = New()
	}
	if shared.failed != nil {
		return "", shared.failed
	}
	return shared.cluster.URL("postgres"), nil
}

var databases atomic.Int64

// Database is the URL of a new, empty database, dropped when the test ends.
func Database(t testing.TB) string {
	t.Helper()
	admin, err := server()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("offpeak_%d_%d", os.Getpid(), databases.Add(1))
	if err := run(admin, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run(admin, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("%s is not a URL", Env)
	}
	u.Path = "/" + name
	return u.String()
}

// run does one statement on a connection of its own.
func run(url, statement string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(context.Background(), statement)
	return errors.Join(err, db.Close())
}
