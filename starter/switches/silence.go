package switches

import (
	"context"
	"errors"
	"time"

	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/open"
)

// Silence has nobody told of an incident until then, its end excepted; a time
// that has passed ends a silence. It writes to the books themselves: people
// silence alerts when things are down.
func Silence(ctx context.Context, env config.Env, key string, until time.Time, by, why string) error {
	c, err := config.Load(env)
	if err != nil {
		return err
	}
	// Read first: opening to write makes books that aren't there.
	r, err := open.Reader(ctx, c.Ledger)
	if err != nil {
		return err
	}
	_, _, err = r.Incident(ctx, key)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	l, err := open.Ledger(ctx, c.Ledger, ledger.Options{})
	if err != nil {
		return err
	}
	_, err = l.SilenceIncident(ctx, key, ledger.Silence{Until: until, By: by, Why: why})
	return errors.Join(err, l.Close())
}
