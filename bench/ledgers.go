package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/ledgertest"
	"github.com/offpeak/offpeak/ledger/postgres"
	"github.com/offpeak/offpeak/ledger/sqlite"
)

// ledgers measures the books alone: each job reserved, sent and settled, 64 at
// once, with every write on the disk.
func (b *bench) ledgers(ctx context.Context) error {
	testing.Init() // there its number of rounds is set
	if err := flag.Set("test.benchtime", fmt.Sprintf("%dx", b.books)); err != nil {
		return err
	}
	for _, kind := range b.stores() {
		var broken error
		result := testing.Benchmark(func(tb *testing.B) {
			setting, err := b.fresh(ctx, kind)
			if err != nil {
				broken = err
				tb.SkipNow()
			}
			ledgertest.BenchmarkNightJob(tb, func() (*ledger.Ledger, error) {
				if kind == "sqlite" {
					return sqlite.Open(ctx, setting[len("sqlite:"):], ledger.Options{})
				}
				return postgres.Open(ctx, setting, ledger.Options{})
			})
		})
		if broken == nil && result.N == 0 {
			broken = errors.New("the benchmark failed")
		}
		if broken != nil {
			return fmt.Errorf("measure the ledger on %s: %w", kind, broken)
		}
		b.rows = append(b.rows, row{what: "ledger alone, " + kind, jobs: result.N, took: result.T})
	}
	return nil
}

func (b *bench) stores() []string {
	if b.cluster == nil {
		return []string{"sqlite"}
	}
	return []string{"sqlite", "postgres"}
}

// fresh is an empty ledger's setting.
func (b *bench) fresh(ctx context.Context, kind string) (string, error) {
	b.dbs++
	name := fmt.Sprintf("bench_%d", b.dbs)
	if kind == "sqlite" {
		return "sqlite:" + filepath.Join(b.dir, name+".db"), nil
	}
	db, err := sql.Open("pgx", b.cluster.URL("postgres"))
	if err != nil {
		return "", err
	}
	_, err = db.ExecContext(ctx, "CREATE DATABASE "+name)
	return b.cluster.URL(name), errors.Join(err, db.Close())
}
