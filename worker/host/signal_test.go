package host

import (
	"os"
	"syscall"
	"testing"
)

// The first signal drains, the second cuts.
func TestSignals(t *testing.T) {
	ctx, cut, done := untilSignal()
	defer done()
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if ctx.Err() != nil {
			select {
			case <-cut:
				t.Fatal("cut by the first signal")
			default:
			}
		}
		if err := self.Signal(s); err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
	}
	<-cut
}
