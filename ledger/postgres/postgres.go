// Package postgres keeps a ledger in PostgreSQL (13 or newer): for production,
// and for workers on several machines. Whoever reads the settings opens it
// ("postgres://...").
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/internal/migrate"
	"github.com/offpeak/offpeak/ledger/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// connections bounds one process: one that writes, the others read.
const connections = 8

// schema is where the tables are, so that the database may be shared.
const schema = "offpeak"

// Open opens the ledger in the database that url names, and makes its tables,
// in a schema "offpeak", when they aren't there. A server that doesn't answer
// is OutOfReach; a wrong URL, user or database, or a schema that a newer
// program wrote, is BadInput. No error shows the URL, which may hold a
// password.
func Open(ctx context.Context, url string, opts ledger.Options) (*ledger.Ledger, error) {
	db, place, err := pool(url, nil)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, db); err != nil {
		return nil, errors.Join(explain(err, place), db.Close())
	}
	return ledger.New(sqlstore.New(db, db, dialect), opts), nil
}

// Read opens the ledger in the database that url names to be read, beside the
// workers that write it: nothing is made, migrated or changed, and a user who
// may only read will do. A database without books is NotFound; for the rest see
// Open.
func Read(ctx context.Context, url string) (*ledger.Ledger, error) {
	db, place, err := pool(url, map[string]string{"default_transaction_read_only": "on"})
	if err != nil {
		return nil, err
	}
	sub, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = migrate.Check(ctx, goose.DialectPostgres, db, sub, "SELECT to_regclass('"+schema+".goose_db_version') IS NOT NULL")
	}
	if err != nil {
		return nil, errors.Join(explain(err, place), db.Close())
	}
	return ledger.New(sqlstore.New(nil, db, dialect), ledger.Options{}), nil
}

// pool is connections to the database that url names, and that database's name
// for messages.
func pool(url string, more map[string]string) (db *sql.DB, place string, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, "", notURL(err)
	}
	config.RuntimeParams["application_name"] = "offpeak"
	config.RuntimeParams["search_path"] = schema
	// Money: an answered commit is on the disk, whatever the server's default.
	config.RuntimeParams["synchronous_commit"] = "on"
	// Every question has its index. A plan that was made and kept when the
	// tables were small would read 100,000 jobs for each one that is sent.
	config.RuntimeParams["enable_seqscan"] = "off"
	config.RuntimeParams["jit"] = "off"
	maps.Copy(config.RuntimeParams, more)
	db = stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, fmt.Sprintf("%s:%d/%s", config.Host, config.Port, config.Database), nil
}

var dialect = sqlstore.Dialect{
	// A writer that was stopped while it held the lock must not keep it for ever.
	// And lists are arrays, of whose length a plan knows nothing: each of their
	// rows has its index here too, whatever the tables' statistics say.
	Setup: "SET idle_in_transaction_session_timeout = '30s'; SET enable_hashjoin = off; SET enable_mergejoin = off",
	// What is read after the lock must be what the writer before has left: that
	// is READ COMMITTED, since a snapshot would be taken before the wait.
	Begin: "BEGIN ISOLATION LEVEL READ COMMITTED",
	Lock:  " FOR UPDATE",
	Read:  &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	Fault: fault,
	Send:  send,
	Array: array,
}

func prepare(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema); err != nil && !there(err) {
		return err
	}
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return migrate.Up(ctx, goose.DialectPostgres, db, sub)
}

// explain names the place in an error of Open's.
func explain(err error, place string) error {
	var known *batch.Fault
	if !errors.As(err, &known) {
		known, _ = fault("open the ledger", err)
	}
	known.Thing = place
	return known
}
