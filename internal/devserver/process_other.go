//go:build !unix

package devserver

import (
	"os"
	"os/exec"
)

func detach(*exec.Cmd) {}

// ask can only kill where there are no signals; the server's file is
// transactional and survives it.
func ask(p *os.Process) error { return p.Kill() }
