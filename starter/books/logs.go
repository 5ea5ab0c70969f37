package books

import (
	"context"

	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/lake"
)

// Logs is the log lake, open until Close: what the provider's log ever showed.
type Logs struct{ lake *lake.Lake }

// What the lake says.
type (
	LogListing = lake.Listing
	LogDay     = lake.Day
	LogDays    = lake.Days
	LogsProven = lake.Checked
)

// OpenLogs opens the lake that OFFPEAK_LAKE names, to read. One that isn't
// there is NotFound.
func OpenLogs(ctx context.Context, env config.Env) (*Logs, error) {
	c, err := config.Load(env)
	if err != nil {
		return nil, err
	}
	l, err := lake.Reader(ctx, c.Lake)
	if err != nil {
		return nil, stopped(ctx, err)
	}
	return &Logs{l}, nil
}

// Close lets go of it.
func (l *Logs) Close() error { return l.lake.Close() }

// List adds up what the lake has of the days, of one API key by its id, or of
// all for "".
func (l *Logs) List(ctx context.Context, key string, days LogDays) (LogListing, error) {
	out, err := l.lake.List(ctx, key, days)
	return out, stopped(ctx, err)
}

// Verify proves what the lake has of the days; far is told how much that was
// so far.
func (l *Logs) Verify(ctx context.Context, key string, days LogDays, far func(LogsProven)) (LogsProven, error) {
	out, err := l.lake.Verify(ctx, key, days, far)
	return out, stopped(ctx, err)
}
