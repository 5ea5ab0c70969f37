package devserver

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// Setting names the environment variable that holds the path of the temporal
// binary.
const Setting = "OFFPEAK_TEMPORAL"

// ErrNoBinary is wrapped by Find's error when the temporal binary is nowhere.
var ErrNoBinary = errors.New("no temporal binary")

// Find is the path of the temporal binary: the one named, else the one that
// OFFPEAK_TEMPORAL names, else the one that `make` puts into .bin of this
// folder or of one above it, else the one on PATH.
//
// A binary that was named and isn't there is an error; it isn't replaced by
// another one in silence.
func Find(named string) (string, error) {
	if named == "" {
		named = os.Getenv(Setting)
	}
	if named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("find temporal: %w: %s is not a program that can be run", ErrNoBinary, named)
		}
		return path, nil
	}
	dir, err := os.Getwd()
	for err == nil {
		path := filepath.Join(dir, ".bin", "temporal")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("find temporal: %w", err)
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	path, err := exec.LookPath("temporal")
	if err != nil {
		return "", fmt.Errorf("find temporal: %w in .bin or on PATH; get one with scripts/need temporal, or set %s", ErrNoBinary, Setting)
	}
	return path, nil
}

// freePorts asks the system for n ports of loopback. They are free when this
// returns and may not be a moment later; Start tries again then.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		// Each listener stays open until all ports are known, so that no port
		// comes up twice.
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
