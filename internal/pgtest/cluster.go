package pgtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Cluster is a private server: its data in a directory of its own, a free port
// on loopback, and syncing to the disk as in production.
type Cluster struct {
	bin  string
	dir  string
	port int
	as   *syscall.Credential // nil when we aren't root
	cmd  *exec.Cmd
	log  chan error // the server's last lines, when it has ended
}

// Binaries is the directory with initdb and postgres.
func Binaries() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Reverse(dirs) // the newest first
	for _, d := range append(dirs, filepath.SplitList(os.Getenv("PATH"))...) {
		if executable(filepath.Join(d, "initdb")) && executable(filepath.Join(d, "postgres")) {
			return d, nil
		}
	}
	return "", fmt.Errorf("no initdb and postgres in /usr/lib/postgresql/*/bin or PATH: install PostgreSQL, or set %s to a server's URL", Env)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0 && !info.IsDir()
}

// New makes a cluster and starts it. Close stops it and removes its data.
func New() (*Cluster, error) { return create(func(*Cluster) error { return nil }) }

// create has more done between making the cluster and starting it.
func create(more func(*Cluster) error) (*Cluster, error) {
	bin, err := Binaries()
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin}
	if c.dir, err = os.MkdirTemp("", "offpeak-pg-"); err != nil {
		return nil, err
	}
	if err = c.dropRoot(); err == nil {
		err = c.init()
	}
	if err == nil {
		err = more(c)
	}
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	return c, nil
}

// dropRoot finds another user when we are root, whom PostgreSQL refuses.
func (c *Cluster) dropRoot() error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return err
		}
		c.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return os.Chown(c.dir, int(uid), int(gid))
	}
	return errors.New("PostgreSQL doesn't run as root, and there is neither a user postgres nor nobody")
}

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+c.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Setpgid: true} // Ctrl-C is for the tests
	return cmd
}

func (c *Cluster) init() error {
	out, err := c.command("initdb", "-D", filepath.Join(c.dir, "data"), "-U", "offpeak", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

// Start starts the server, on the port that it had before if it had one, and
// returns when it takes connections.
func (c *Cluster) Start() error {
	if c.port == 0 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		c.port = l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return err
		}
	}
	c.cmd = c.command("postgres", "-D", filepath.Join(c.dir, "data"), "-k", c.dir,
		"-h", "127.0.0.1", "-p", strconv.Itoa(c.port), "-c", "max_connections=300", "-c", "logging_collector=off")
	out, err := c.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	ready := make(chan struct{})
	c.log = make(chan error, 1)
	go c.follow(out, ready)
	select {
	case <-ready:
		return nil
	case err := <-c.log:
		_ = c.cmd.Wait()
		c.cmd = nil
		return fmt.Errorf("the server didn't start: %w", err)
	}
}

// follow reads the server's log until it ends.
func (c *Cluster) follow(out io.Reader, ready chan struct{}) {
	var last []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if last = append(last, lines.Text()); len(last) > 20 {
			last = last[1:]
		}
		if ready != nil && strings.Contains(lines.Text(), "database system is ready to accept connections") {
			close(ready)
			ready = nil
		}
	}
	c.log <- errors.New(strings.Join(last, "\n"))
}

// URL names a database of the cluster.
func (c *Cluster) URL(database string) string {
	return fmt.Sprintf("postgres://offpeak@127.0.0.1:%d/%s?sslmode=disable", c.port, database)
}

// Stop ends the server as an administrator does: connections are cut, data is
// safe.
func (c *Cluster) Stop() error { return c.signal(syscall.SIGINT) }

// Kill ends it as a power cut does: nothing is written any more, and the next
// Start recovers.
func (c *Cluster) Kill() error { return c.signal(syscall.SIGQUIT) }

func (c *Cluster) signal(s syscall.Signal) error {
	if c.cmd == nil {
		return nil
	}
	if err := c.cmd.Process.Signal(s); err != nil {
		return err
	}
	<-c.log          //nolint:errcheck // how the reading of the log ended is of no interest
	_ = c.cmd.Wait() // says only how it ended, which we know
	c.cmd = nil
	return nil
}

// Close stops the server and removes its data.
func (c *Cluster) Close() error { return errors.Join(c.Stop(), os.RemoveAll(c.dir)) }
