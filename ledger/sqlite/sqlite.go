// Package sqlite keeps a ledger in one SQLite file: the embedded default, for
// one machine. Several processes may have the file open. Whoever reads the
// settings opens it ("sqlite:PATH").
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite", SQLite in Go

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/internal/migrate"
	"github.com/offpeak/offpeak/ledger/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// busy is how long whoever finds the file locked waits for it.
const busy = 10 * time.Second

// readers is how many snapshots may be open at once beside the writer.
const readers = 4

// Open opens the ledger at path, and makes it, readable for its owner only,
// with its directory, when it isn't there. The file must lie on a local disk:
// SQLite's locks don't hold on network file systems.
//
// A file or directory that can't be used is OutOfReach; a file that isn't a
// ledger, or that a newer program wrote, is BadInput.
func Open(ctx context.Context, path string, opts ledger.Options) (*ledger.Ledger, error) {
	store, err := open(ctx, path)
	if err != nil {
		return nil, err
	}
	return ledger.New(store, opts), nil
}

func open(ctx context.Context, path string) (*sqlstore.Store, error) {
	path, err := create(path)
	if err != nil {
		return nil, err
	}
	write, err := pool(path, 1,
		"_txlock=immediate",
		// Money: an answered commit is on the disk. In WAL mode NORMAL would lose
		// the last ones with the power.
		"_pragma=synchronous(FULL)",
		"_pragma=journal_mode(WAL)",
		"_pragma=journal_size_limit(67108864)",
		// What a purge deletes is overwritten. It costs nothing while nothing is
		// deleted, and a night deletes nothing.
		"_pragma=secure_delete(ON)",
		// KiB. Request ids are random, and so are the pages of their index: of
		// SQLite's own 2 MiB a big batch would read one from the file for each.
		"_pragma=cache_size(-32768)",
	)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, write, path); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := pool(path, readers, "_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return sqlstore.New(write, read, dialect), nil
}

var dialect = sqlstore.Dialect{
	// A transaction that began as a reader can't be made a writer without the
	// risk of SQLITE_BUSY, for which no timeout waits.
	Begin:     "BEGIN IMMEDIATE",
	Fault:     fault,
	Marks:     true,
	Unhurried: true,
	Scrub:     scrub,
}

// Read opens the ledger at path to be read, beside the workers that write it:
// nothing is made, migrated or changed. No file, or one without books, is
// NotFound; for the rest see Open.
func Read(ctx context.Context, path string) (*ledger.Ledger, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		f := &batch.Fault{
			Kind: batch.OutOfReach, Op: "open the ledger", Thing: path, Detail: err.Error(), Err: err,
			Hint: "let this user read the file and its directory",
		}
		if errors.Is(err, fs.ErrNotExist) {
			f.Kind, f.Detail = batch.NotFound, "there is no such file"
			f.Hint = "set OFFPEAK_LEDGER as it is set for the worker, which makes the books when it starts"
		}
		return nil, f
	}
	db, err := pool(path, readers, "_pragma=query_only(1)")
	if err != nil {
		return nil, err
	}
	err = ready(ctx, db, path, func(files fs.FS) error {
		return migrate.Check(ctx, goose.DialectSQLite3, db, files,
			"SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version')")
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return ledger.New(sqlstore.New(nil, db, dialect), ledger.Options{}), nil
}

// create makes the file before SQLite does, which would leave it readable for
// everybody. Its helpers (-wal, -shm) inherit the mode.
func create(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(abs), 0o700)
	}
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(abs, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
			err = f.Close()
		}
	}
	if err == nil {
		return abs, nil
	}
	f := &batch.Fault{
		Kind: batch.OutOfReach, Op: "open the ledger", Thing: path, Detail: err.Error(), Err: err,
		Hint: "name a file that can be made and written, on a local disk",
	}
	if errors.Is(err, fs.ErrPermission) {
		f.Hint = "let this user read and write the file and its directory, or name another one"
	}
	return "", f
}

func pool(path string, conns int, params ...string) (*sql.DB, error) {
	// Whoever finds the file locked waits: without a timeout most writers of two
	// busy processes are sent away.
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String() + fmt.Sprintf("?mode=rw&_pragma=busy_timeout(%d)", busy.Milliseconds())
	for _, p := range params {
		dsn += "&" + p
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		f, _ := fault("open the ledger", err)
		return nil, f
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func prepare(ctx context.Context, db *sql.DB, path string) error {
	return ready(ctx, db, path, func(files fs.FS) error { return migrate.Up(ctx, goose.DialectSQLite3, db, files) })
}

// ready says what is wrong with a file by its name.
func ready(ctx context.Context, db *sql.DB, path string, schema func(fs.FS) error) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err = reach(ctx, db); err == nil {
		err = schema(sub)
	}
	if err == nil {
		return nil
	}
	var known *batch.Fault
	if !errors.As(err, &known) {
		known, _ = fault("open the ledger", err)
	}
	known.Thing = path
	if known.Kind == batch.Internal {
		known.Detail = fmt.Sprintf("its schema can't be brought up to date: %s", known.Detail)
	}
	return known
}
