package host

import (
	"context"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/open"
)

// OpenLedger opens the books that a setting names as a worker does: made, or
// brought up to date, where that is needed.
func OpenLedger(ctx context.Context, setting string) (*ledger.Ledger, error) {
	return open.Ledger(ctx, setting, ledger.Options{})
}
