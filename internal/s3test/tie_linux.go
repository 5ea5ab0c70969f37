package s3test

import (
	"os/exec"
	"syscall"
)

// tie ends the server with us: a test that is killed must not leave one behind.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
