package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// reach opens the first connection. Of two processes that open a new file in
// the same moment, both want to switch it to WAL, and SQLite sends one away at
// once, whatever the timeout: waiting for each other would last for ever. That
// one comes again. A file that is really held was waited for already.
func reach(ctx context.Context, db *sql.DB) error {
	for began := time.Now(); ; {
		err := db.PingContext(ctx)
		var e *sqlite.Error
		if !errors.As(err, &e) || e.Code()&0xff != lib.SQLITE_BUSY || time.Since(began) > busy {
			return err
		}
	}
}
