// Package open opens the books that a setting names. It is the one place that
// knows every store: the worker opens them here to write, the operator's
// commands of the shell to read.
package open

import (
	"context"
	"net/url"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/postgres"
	"github.com/offpeak/offpeak/ledger/sqlite"
)

// Ledger opens the books of a setting, "sqlite:PATH" or
// "postgres://user@host/database", and makes them or brings their schema up to
// date where that is needed. BadInput for a setting that is neither.
func Ledger(ctx context.Context, setting string, opts ledger.Options) (*ledger.Ledger, error) {
	return choose(setting,
		func(path string) (*ledger.Ledger, error) { return sqlite.Open(ctx, path, opts) },
		func(url string) (*ledger.Ledger, error) { return postgres.Open(ctx, url, opts) })
}

// Reader opens the books of a setting to be read, beside the workers that write
// them. Nothing is made or changed: books that aren't there are NotFound, and
// whatever would write is refused.
func Reader(ctx context.Context, setting string) (*ledger.Ledger, error) {
	return choose(setting,
		func(path string) (*ledger.Ledger, error) { return sqlite.Read(ctx, path) },
		func(url string) (*ledger.Ledger, error) { return postgres.Read(ctx, url) })
}

func choose(setting string, file, server func(string) (*ledger.Ledger, error)) (*ledger.Ledger, error) {
	if path, ok := strings.CutPrefix(setting, "sqlite:"); ok {
		return file(path)
	}
	if strings.HasPrefix(setting, "postgres://") || strings.HasPrefix(setting, "postgresql://") {
		return server(setting)
	}
	return nil, &batch.Fault{
		Kind: batch.BadInput, Op: "open the ledger", Thing: Redacted(setting), Detail: "no such kind of books is known",
		Hint: "set OFFPEAK_LEDGER to sqlite:PATH or postgres://user@host/database",
	}
}

// Redacted is a setting without the password that a URL may hold.
func Redacted(setting string) string {
	u, err := url.Parse(setting)
	if err != nil {
		return "[unreadable]"
	}
	return u.Redacted()
}
