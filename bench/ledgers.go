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

// atOnce is how many jobs are in hand together: what a shard has under way, and what
// lanes of an unlimited key have.
var atOnce = []int{64, 500}

// ledgers measures the books alone: each job reserved, sent and settled, with
// every write on the disk.
func (b *bench) ledgers(ctx context.Context) error {
	testing.Init() // there its number of rounds is set
	if err := flag.Set("test.benchtime", fmt.Sprintf("%dx", b.books)); err != nil {
		return err
	}
	for _, kind := range b.stores() {
		for _, n := range atOnce {
			if err := b.ledger(ctx, kind, n); err != nil {
				return fmt.Errorf("measure the ledger on %s: %w", kind, err)
			}
		}
	}
	return nil
}

func (b *bench) ledger(ctx context.Context, kind string, atOnce int) error {
	var broken error
	result := testing.Benchmark(func(tb *testing.B) {
		setting, err := b.fresh(ctx, kind)
		if err != nil {
			broken = err
			tb.SkipNow()
		}
		ledgertest.BenchmarkNightJob(tb, atOnce, func() (*ledger.Ledger, error) {
			if kind == "sqlite" {
				return sqlite.Open(ctx, setting[len("sqlite:"):], ledger.Options{})
			}
			return postgres.Open(ctx, setting, ledger.Options{})
		})
	})
	if broken != nil {
		return broken
	}
	if result.N == 0 {
		return errors.New("the benchmark failed")
	}
	b.add(fmt.Sprintf("ledger alone, %s, %d at once", kind, atOnce), result.N, round{took: result.T})
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
