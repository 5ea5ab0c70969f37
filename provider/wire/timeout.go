package wire

import (
	"context"
	"time"
)

type timeoutKey struct{}

// WithTimeout makes every request under ctx take at most d, whatever its client
// was made with. A deadline of ctx itself still holds.
func WithTimeout(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, timeoutKey{}, d)
}

// TimeoutOf is what WithTimeout says; otherwise, the client's own.
func TimeoutOf(ctx context.Context, own time.Duration) time.Duration {
	if d, ok := ctx.Value(timeoutKey{}).(time.Duration); ok && d > 0 {
		return d
	}
	return own
}
