package devserver

import "syscall"

// attributes also tie the child's life to ours: a test that is killed must not
// leave a server behind.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
