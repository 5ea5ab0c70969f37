package devserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// Options say how the server runs; the zero value is a server in memory on
// free ports, without a UI.
type Options struct {
	Binary     string            // path of the temporal binary; "" is looked for by Find
	DBFile     string            // SQLite file; "" keeps everything in memory
	Port       int               // of gRPC; 0 is a free one
	UI         bool              // serve the web UI
	UIPort     int               // 0 is a free one
	Attributes map[string]string // search attributes to register: name to type, "Keyword"
	Log        io.Writer         // the server's output; nil keeps only the end of it, for errors
	Args       []string          // further flags of `temporal server start-dev`
	Patience   time.Duration     // how long it may take until it is ready; 60 s by default
}

// Server is a development server. Its methods may be called from several
// goroutines.
type Server struct {
	Address string // of gRPC, "127.0.0.1:40123"
	UI      string // "http://127.0.0.1:40124"; "" without a UI

	binary  string
	options Options
	mu      sync.Mutex // held while the process is started or ended
	process *process
}

// attempts is how many sets of free ports are tried: between asking for a port
// and using it, somebody else may take it.
const attempts = 3

// Start runs a server and waits until it is ready. The server runs until Stop
// or Kill, not until ctx ends: ctx only bounds the waiting.
func Start(ctx context.Context, o Options) (*Server, error) {
	binary, err := Find(o.Binary)
	if err != nil {
		return nil, err
	}
	if o.Patience == 0 {
		o.Patience = time.Minute // a machine that compiles at the same time
	}
	var last error
	for range attempts {
		ports, err := freePorts(2)
		if err != nil {
			return nil, err
		}
		s := &Server{binary: binary, options: o}
		if o.Port == 0 {
			s.options.Port = ports[0]
		}
		if o.UIPort == 0 {
			s.options.UIPort = ports[1]
		}
		s.Address = "127.0.0.1:" + strconv.Itoa(s.options.Port)
		if o.UI {
			s.UI = "http://127.0.0.1:" + strconv.Itoa(s.options.UIPort)
		}
		if last = s.Restart(ctx); last == nil {
			return s, nil
		}
		var ended *endedError
		if !errors.As(last, &ended) || o.Port != 0 {
			break // it isn't the ports
		}
	}
	return nil, last
}

// Restart starts a server that was stopped or killed, at its old address and
// on its old file, and waits until it is ready.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return fmt.Errorf("start temporal at %s: it is running", s.Address)
	}
	p, err := run(s.binary, s.arguments(), s.options.Log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.options.Patience,
		fmt.Errorf("not ready after %s", s.options.Patience))
	defer cancel()
	if err := s.ready(ctx, p); err != nil {
		p.kill()
		return fmt.Errorf("start temporal at %s: %w%s", s.Address, err, p.said())
	}
	s.process = p
	return nil
}

// Stop ends the server in an orderly way, or kills it when that takes more
// than ten seconds. Stopping a server that isn't running is no error.
func (s *Server) Stop() error { return s.end((*process).stop) }

// Kill ends the server the hard way, as a crash would.
func (s *Server) Kill() error { return s.end((*process).kill) }

func (s *Server) end(how func(*process)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	how(s.process)
	s.process = nil
	return nil
}

func (s *Server) arguments() []string {
	o := s.options
	args := []string{
		"server", "start-dev", "--ip", "127.0.0.1", "--port", strconv.Itoa(o.Port),
		// A developer's own profile must not change what a test sees.
		"--disable-config-file", "--disable-config-env",
		"--log-format", "json", "--log-level", "error",
	}
	if o.UI {
		args = append(args, "--ui-port", strconv.Itoa(o.UIPort))
	} else {
		args = append(args, "--headless")
	}
	if o.DBFile != "" {
		// Three times the activities a second of the default journal.
		args = append(args, "--db-filename", o.DBFile,
			"--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal")
	}
	for name, kind := range o.Attributes {
		args = append(args, "--search-attribute", name+"="+kind)
	}
	return append(args, o.Args...)
}

// process is one run of the binary.
type process struct {
	cmd  *exec.Cmd
	tail *tail
	done chan struct{} // closed when it has ended
	err  error         // how, once done is closed
}

// run starts the binary and watches over it.
func run(binary string, args []string, log io.Writer) (*process, error) {
	p := &process{cmd: exec.Command(binary, args...), tail: &tail{to: log}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.tail, p.tail
	detach(p.cmd)
	started := make(chan error, 1)
	go func() {
		// On Linux the child is told of our death by the thread that started it,
		// so that thread must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	return p, nil
}

func (p *process) stop() {
	_ = ask(p.cmd.Process) // it may have ended by itself
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	select {
	case <-p.done:
	case <-late.C:
		p.kill()
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}
