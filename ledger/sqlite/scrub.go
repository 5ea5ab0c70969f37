package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// soon is how long readers are waited for: nobody writes meanwhile.
const soon = time.Second

// scrub empties the write-ahead log into the file. The connection overwrites
// what it deletes with zeros (secure_delete), so that afterwards neither has
// it: the pages are free, and the next nights use them before the file grows.
// It stays as large as it is; VACUUM, which copies all of it while nobody may
// write, is left to people.
func scrub(ctx context.Context, conn *sql.Conn) error {
	defer func() { _, _ = conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", busy.Milliseconds())) }()
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", soon.Milliseconds())); err != nil {
		f, _ := fault("scrub the ledger", err)
		return f
	}
	var held, pages, moved int
	if err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&held, &pages, &moved); err != nil {
		f, _ := fault("scrub the ledger", err)
		return f
	}
	if held != 0 {
		return &batch.Fault{
			Kind: batch.OutOfReach, Op: "scrub the ledger", Detail: "another program still reads what was there before",
			Hint: "what was deleted is gone from the books, and can still be read in the file with -wal at the end of its name until that program ends",
		}
	}
	return nil
}
