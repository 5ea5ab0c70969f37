// Package once has a door do a request once, however often it comes: the answer
// to the first one is kept in the ledger, and everybody who asks the same under
// the same name gets it, from every server on these books and after a restart.
// starter/httpapi calls it for Idempotency-Key. Names and requests are kept as
// hashes, for ledger.KeepErrands (30 days).
package once

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/open"
)

// Desk is where errands are handed in. It is safe for concurrent use.
type Desk struct{ ledger *ledger.Ledger }

// Open opens the ledger that OFFPEAK_LEDGER names, to write. Books that aren't
// there are made: a server may be there before its first worker.
func Open(ctx context.Context, env config.Env) (*Desk, error) {
	c, err := config.Load(env)
	if err != nil {
		return nil, err
	}
	l, err := open.Ledger(ctx, c.Ledger, ledger.Options{})
	if err != nil {
		return nil, err
	}
	return &Desk{l}, nil
}

// Close lets go of the ledger.
func (d *Desk) Close() error { return d.ledger.Close() }

// ErrDiffers says that the name was given to another request before.
var ErrDiffers = errors.New("the name was given to another request")

// lease is how long one request may take before another takes over: longer than
// starting a night, which needs one answer of Temporal's.
const lease = time.Minute

// look is how often one that somebody else does is asked for.
const look = 100 * time.Millisecond

// Do does what name and request stand for, or returns the answer that it got
// before; replayed says that. The parts of name are who asks and what he calls
// it, those of request what is asked; hashes of both are kept. An error of do's
// is returned and not kept: the next one does it anew.
//
// Whoever dies between doing it and noting the answer leaves it undone; what do
// does must be able to bear a second time.
func (d *Desk) Do(ctx context.Context, name, request []string, do func() ([]byte, error)) (answer []byte, replayed bool, err error) {
	key, digest, owner := sum(name), sum(request), uuid.NewString()
	for {
		e, how, err := d.ledger.BeginErrand(ctx, key, digest, owner, lease)
		if err != nil {
			return nil, false, err
		}
		switch how {
		case ledger.ErrandDiffers:
			return nil, false, ErrDiffers
		case ledger.ErrandDone:
			return e.Answer, true, nil
		case ledger.ErrandYours:
			answer, err := do()
			if err != nil {
				answer = nil
			}
			// Noted also when whoever asked has left: he will ask again.
			end := d.ledger.EndErrand(context.WithoutCancel(ctx), key, owner, answer)
			return answer, false, errors.Join(err, end)
		}
		wait := time.NewTimer(look)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return nil, false, &batch.Fault{Kind: batch.Cancelling, Op: "wait for the same request", Detail: "interrupted", Err: ctx.Err()}
		}
	}
}

// sum is a hash of texts, each with its length before it: none can move into
// the next.
func sum(parts []string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p)) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}
