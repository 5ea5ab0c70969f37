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
// the work done.
const rounds = 5

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
			return &batch.Fault{
				Kind: batch.BadInput, Op: "open the ledger",
				Detail: fmt.Sprintf("its schema is version %d, this program knows up to %d", have, want),
				Hint:   "a newer offpeak wrote it: use that one, or another ledger",
			}
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
