//go:build unix

package devserver

import (
	"os"
	"os/exec"
	"syscall"
)

// detach puts the child into a process group of its own: Ctrl-C at a terminal
// goes to the whole group, and the server has to outlive the worker that
// drains against it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = attributes() }

// ask requests an orderly end.
func ask(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
