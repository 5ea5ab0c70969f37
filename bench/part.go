package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/worker/host"
)

// The two that are compared are programs of their own, so that neither shares a
// heap with the provider: this program again, as
//
//	bench as-worker       the product's worker, with its settings in the environment
//	bench as-loop URL N   N jobs without anything that lasts

// part runs this program as one of them, when it is called so.
func part(args []string) (code int, is bool) {
	switch {
	case len(args) == 1 && args[0] == "as-worker":
		return host.Main(nil, os.Environ(), os.Stdout, os.Stderr), true //nolint:forbidigo // it is the worker's main here
	case len(args) == 3 && args[0] == "as-loop":
		jobs, err := strconv.Atoi(args[2])
		if err == nil {
			err = loop(context.Background(), args[1], jobs)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "loop:", err)
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// loop is what anybody would write first.
func loop(ctx context.Context, url string, jobs int) error {
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}, Timeout: time.Minute}
	defer c.CloseIdleConnections()
	next := make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for range inFlight {
		wg.Go(func() {
			for i := range next {
				if err := post(ctx, c, url, i); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	wg.Wait()
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

const request = `{"swarm_type": "SequentialWorkflow", "agents": [{"agent_name": "Scanner", "model_name": "gpt-4o-mini", "max_tokens": 256}], "task": "Summarize item %d."}`

func post(ctx context.Context, c *http.Client, url string, i int) error {
	body, err := swarms.Payload(fmt.Appendf(nil, request, i), fmt.Sprintf("Job %05d", i), uuid.NewString())
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+swarms.PathCompletions, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("X-Api-Key", apiKey)
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	return err
}

// crew is a worker that runs.
type crew struct {
	cmd *exec.Cmd
	log *os.File
}

// hire starts a worker and waits until it polls. What it logs goes to a file,
// as a service's log does.
func hire(ctx context.Context, env []string, log string) (*crew, error) {
	w := &crew{}
	var err error
	if w.log, err = os.Create(log); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w.cmd = exec.CommandContext(ctx, self, "as-worker")
	w.cmd.Env, w.cmd.Stderr = env, w.log
	out, err := w.cmd.StdoutPipe()
	if err == nil {
		err = w.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "worker ready") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return w, nil
		}
	}
	said, _ := os.ReadFile(log)
	return nil, fmt.Errorf("the worker didn't start: %w: %s", w.cmd.Wait(), said)
}

// most is the most memory that it has had so far, in bytes; 0 where the system
// doesn't say.
func (w *crew) most() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// stop drains it.
func (w *crew) stop() error {
	err := w.cmd.Process.Signal(syscall.SIGTERM)
	return errors.Join(err, w.cmd.Wait(), w.log.Close())
}

// worked is the time of cores that it took, once it has stopped.
func (w *crew) worked() time.Duration {
	return w.cmd.ProcessState.UserTime() + w.cmd.ProcessState.SystemTime()
}
