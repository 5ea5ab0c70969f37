package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"testing"

	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/ledgertest"
	"github.com/offpeak/offpeak/ledger/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestExam(t *testing.T) {
	ledgertest.Run(t, func(t testing.TB) ledgertest.Place {
		url := pgtest.Database(t)
		return ledgertest.Place{
			Open: func(o ledger.Options) (*ledger.Ledger, error) { return postgres.Open(context.Background(), url, o) },
			Exec: func(statement string) error { return exec(url, statement) },
		}
	})
}

// exec runs statements past the ledger and its guards.
func exec(url, statements string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	_, err = db.Exec("SET search_path = offpeak; ALTER TABLE charges DISABLE TRIGGER USER; " + statements +
		"; ALTER TABLE charges ENABLE TRIGGER USER")
	return errors.Join(err, db.Close())
}

func BenchmarkNightJob(b *testing.B) {
	url := pgtest.Database(b)
	ledgertest.BenchmarkNightJob(b, func() (*ledger.Ledger, error) {
		return postgres.Open(context.Background(), url, ledger.Options{})
	})
}
