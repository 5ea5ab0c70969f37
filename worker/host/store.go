package host

import (
	"context"
	"net/url"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/postgres"
	"github.com/offpeak/offpeak/ledger/sqlite"
)

// OpenLedger opens the books that a setting names: "sqlite:PATH" or
// "postgres://user@host/database".
func OpenLedger(ctx context.Context, setting string) (*ledger.Ledger, error) {
	if path, ok := strings.CutPrefix(setting, "sqlite:"); ok {
		return sqlite.Open(ctx, path, ledger.Options{})
	}
	if strings.HasPrefix(setting, "postgres://") || strings.HasPrefix(setting, "postgresql://") {
		return postgres.Open(ctx, setting, ledger.Options{})
	}
	return nil, &batch.Fault{
		Kind: batch.BadInput, Op: "open ledger", Thing: Redacted(setting), Detail: "this worker doesn't know such books",
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
