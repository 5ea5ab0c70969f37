package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/ledgertest"
	"github.com/offpeak/offpeak/ledger/sqlite"
)

func TestExam(t *testing.T) {
	ledgertest.Run(t, func(t testing.TB) ledgertest.Place {
		path := filepath.Join(t.TempDir(), "ledger.db")
		return ledgertest.Place{
			Open: func(o ledger.Options) (*ledger.Ledger, error) { return sqlite.Open(context.Background(), path, o) },
			Exec: func(statement string) error {
				db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
				if err != nil {
					return err
				}
				defer db.Close()
				_, err = db.Exec("DROP TRIGGER IF EXISTS charges_are_not_changed; DROP TRIGGER IF EXISTS charges_are_not_deleted; " + statement)
				return err
			},
		}
	})
}
