package books

import (
	"context"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// Checked is what Verify went through.
type Checked struct {
	Charges int64     `json:"charges"`
	Total   money.USD `json:"total"`
	Batches int       `json:"batches"`
	Jobs    int       `json:"jobs"`
	Keys    int       `json:"keys"`
	Head    string    `json:"head"` // hash of the last charge; noted elsewhere, it proves later that none was cut off
}

// Verify walks the chain of charges and adds up everything again, and says now
// and then how far it is. The first row that doesn't hold is named by a fault of
// kind BooksDisagree, beside what was gone through before it.
func (b *Books) Verify(ctx context.Context, far func(Checked)) (Checked, error) {
	v, err := b.ledger.VerifyWith(ctx, func(v ledger.Verified) { far(checked(v)) })
	return checked(v), stopped(ctx, err)
}

func checked(v ledger.Verified) Checked {
	return Checked{v.Charges, v.Total, v.Batches, v.Jobs, v.Keys, v.Head}
}
