// Package migrate brings a ledger's database to the schema that this program
// knows. The stores call it when they open.
package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/offpeak/offpeak/batch"
)

// rounds is how often a migration is tried: another process that opens the
// same new database at the same time makes one of the two fail, and then finds
// the work done. A race can be lost at each migration, so it is some more than
// there are of them.
const rounds = 30

// Up runs the migrations that are missing, each in a transaction. A database
// with a newer schema than the newest migration is refused: this program
// would not keep what the newer one wrote.
func Up(ctx context.Context, dialect goose.Dialect, db *sql.DB, files fs.FS, opts ...goose.ProviderOption) error {
	p, err := goose.NewProvider(dialect, db, files, opts...)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	for round := 1; ; round++ {
		have, want, err := p.GetVersions(ctx)
		switch {
		case err == nil && have > want:
			return newer(have, want)
		case err == nil && have == want:
			return nil
		case err == nil:
			if _, err = p.Up(ctx); err == nil {
				continue
			}
		}
		if round >= rounds || ctx.Err() != nil {
			return err
		}
	}
}

// Check is Up for who only reads: the schema must be the one that this program
// knows, and nothing is written. exists is a question with one answer, whether
// the table is there in which the schema's version is kept.
func Check(ctx context.Context, dialect goose.Dialect, db *sql.DB, files fs.FS, exists string) error {
	p, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	var there bool
	if err := db.QueryRowContext(ctx, exists).Scan(&there); err != nil {
		return err
	}
	if !there {
		return &batch.Fault{
			Kind: batch.NotFound, Op: "open the ledger", Detail: "there are no books in it",
			Hint: "set OFFPEAK_LEDGER as it is set for the worker, which makes the books when it starts",
		}
	}
	have, want, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return err
	case have > want:
		return newer(have, want)
	case have < want:
		return &batch.Fault{
			Kind: batch.BadInput, Op: "open the ledger",
			Detail: fmt.Sprintf("its schema is version %d, this program reads version %d", have, want),
			Hint:   "an older offpeak wrote it: start a worker of this version, which brings the books up to date",
		}
	}
	return nil
}

func newer(have, want int64) error {
	return &batch.Fault{
		Kind: batch.BadInput, Op: "open the ledger",
		Detail: fmt.Sprintf("its schema is version %d, this program knows up to %d", have, want),
		Hint:   "a newer offpeak wrote it: use that one, or another ledger",
	}
}
