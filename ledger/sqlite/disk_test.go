package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/ledgertest"
)

// fullEnv has the test binary fill up a ledger instead of testing.
const fullEnv = "OFFPEAK_LEDGERTEST_FULL"

// TestDiskFull has the kernel refuse to let the file grow, in a process of its
// own: what was written stays, what wasn't is OutOfReach, nothing is half done,
// and with room everything goes on.
func TestDiskFull(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fullEnv+"="+filepath.Join(t.TempDir(), "ledger.db"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "went on") {
		t.Errorf("%v: %s", err, out)
	}
}

func fillUp(path string) {
	fail := func(format string, args ...any) {
		fmt.Printf(format+"\n", args...)
		os.Exit(1)
	}
	l, err := opener(path)(ledger.Options{})
	if err != nil {
		fail("%v", err)
	}
	b, err := ledgertest.Claim(l)
	if err != nil {
		fail("%v", err)
	}
	limit := func(size uint64) {
		var l syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			fail("%v", err)
		}
		l.Cur = size
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			fail("%v", err)
		}
	}
	ctx := context.Background()
	limit(1 << 20)
	written := 0
	for {
		err = l.Plan(ctx, b, ledgertest.Jobs(written, written+50))
		if err != nil {
			break
		}
		written += 50
	}
	if batch.KindOf(err) != batch.OutOfReach || written == 0 {
		fail("after %d jobs: %v", written, err)
	}
	check := func() {
		v, err := l.Verify(ctx)
		if err != nil || v.Jobs != written {
			fail("%d jobs were written, %d are there, %v", written, v.Jobs, err)
		}
	}
	check()
	limit(^uint64(0))
	if err := l.Plan(ctx, b, ledgertest.Jobs(written, written+50)); err != nil {
		fail("with room again: %v", err)
	}
	written += 50
	check()
	if err := l.Close(); err != nil {
		fail("%v", err)
	}
	fmt.Println("went on")
}
