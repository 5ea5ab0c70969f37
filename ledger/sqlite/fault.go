package sqlite

import (
	"context"
	"errors"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/offpeak/offpeak/batch"
)

// trouble is what SQLite's result codes mean for whoever runs the program.
var trouble = map[int]struct{ detail, hint string }{
	lib.SQLITE_FULL:     {"the disk is full", "make room: nothing was written, and everything goes on from where it is"},
	lib.SQLITE_READONLY: {"the file can't be written", "let this user write the file and its directory"},
	lib.SQLITE_IOERR:    {"the disk can't be read or written", "look at the disk and at the file's directory"},
	lib.SQLITE_CANTOPEN: {"the file can't be opened", "look whether its directory is still there and may be written"},
	lib.SQLITE_PERM:     {"the file may not be used", "let this user read and write the file and its directory"},
	lib.SQLITE_BUSY:     {"another process holds the file for too long", "look for a program that has a transaction open on it"},
	lib.SQLITE_LOCKED:   {"another connection holds the file for too long", "try again"},
	lib.SQLITE_NOMEM:    {"there is not enough memory", "make room"},
	lib.SQLITE_PROTOCOL: {"the file's locks don't work", "keep the file on a local disk"},
	// A call that took too long was interrupted.
	lib.SQLITE_INTERRUPT: {"it took too long", "look at the disk's load"},
}

// fault says what a driver's error means, and whether the connection may be
// used again.
func fault(op string, err error) (*batch.Fault, bool) {
	f := &batch.Fault{Kind: batch.Internal, Op: op, Detail: err.Error(), Err: err}
	var e *sqlite.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		f.Kind, f.Detail, f.Hint = batch.OutOfReach, "it took too long", "look at the disk's load"
		return f, false
	case !errors.As(err, &e):
		return f, true
	}
	code := e.Code() & 0xff // extended codes say more in the higher bits
	if t, ok := trouble[code]; ok {
		f.Kind, f.Detail, f.Hint = batch.OutOfReach, t.detail, t.hint
		return f, code == lib.SQLITE_BUSY || code == lib.SQLITE_FULL
	}
	switch code {
	case lib.SQLITE_NOTADB:
		f.Kind, f.Detail, f.Hint = batch.BadInput, "the file isn't a ledger", "name another file"
	case lib.SQLITE_CORRUPT:
		f.Detail, f.Hint = "the file is damaged: "+e.Error(), "stop, keep a copy, restore a backup"
	}
	return f, true
}
