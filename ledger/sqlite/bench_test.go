package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/ledgertest"
	"github.com/offpeak/offpeak/ledger/sqlite"
)

func BenchmarkNightJob(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ledger.db")
	ledgertest.BenchmarkNightJob(b, 64, func() (*ledger.Ledger, error) {
		return sqlite.Open(context.Background(), path, ledger.Options{})
	})
}

func BenchmarkFullDay(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ledger.db")
	ledgertest.BenchmarkFullDay(b, func() (*ledger.Ledger, error) { return opener(path)(ledger.Options{}) },
		func(statement string) error { return behind(path, statement) })
}

func BenchmarkReading(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ledger.db")
	ledgertest.BenchmarkReading(b, func() (*ledger.Ledger, error) { return opener(path)(ledger.Options{}) })
}
