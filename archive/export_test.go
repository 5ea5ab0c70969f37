package archive

import (
	"context"
	"runtime"
)

// HoldPackers has everybody who comes to Gather wait, as they do while packs
// are being written, until release is called, which waits for that many.
func (a *Archive) HoldPackers(ctx context.Context) (release func(waiting int)) {
	a.gather.mu.Lock()
	defer a.gather.mu.Unlock()
	a.gather.busy = packers
	return func(waiting int) {
		for come := 0; come < waiting && ctx.Err() == nil; runtime.Gosched() {
			a.gather.mu.Lock()
			come = len(a.gather.queue)
			a.gather.mu.Unlock()
		}
		for range packers {
			go a.pack(ctx)
		}
	}
}
