package e2e

import (
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/offpeak/offpeak/simulator"
)

// TestAFullDisk: in mid-night the kernel refuses the worker's files to grow.
// Nothing leaves that can't be written down; with room again the night goes on.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) { slowly(o); unlimited(o) }})
	worker := h.worker()
	follow := h.start("starter", nil, "run", "--json", h.manifest("full", 600, "budget: {per_job: 5.00, batch: 1000.00}\n"))
	h.awaitArrivals(100)
	limitFiles(t, worker.cmd.Process.Pid, 64<<10) // less than the books have by now: no page of them can be written
	worker.await("OutOfReach")
	h.quiet()
	limitFiles(t, worker.cmd.Process.Pid, ^uint64(0))
	<-follow.ended
	h.wantWhole("full", 600, follow.cmd.ProcessState.ExitCode(), follow)
	h.wantRecorded(h.batchID("full"))
}

// limitFiles sets how large a process's files may grow (prlimit, RLIMIT_FSIZE).
func limitFiles(t *testing.T, pid int, size uint64) {
	t.Helper()
	limit := syscall.Rlimit{Cur: size, Max: ^uint64(0)}
	//nolint:gosec // the system call's own signature
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
}
