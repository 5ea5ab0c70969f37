package devserver

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// endedError says that the server ended before it was ready.
type endedError struct{ err error }

func (e *endedError) Error() string {
	if e.err == nil {
		return "it ended by itself"
	}
	return "it ended by itself: " + e.err.Error()
}

// ready waits until the server answers for the default namespace and until its
// task queues do: the two parts of it that start last.
func (s *Server) ready(ctx context.Context, p *process) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		if last = answers(ctx, s.Address); last == nil {
			return nil
		}
		select {
		case <-p.done:
			return &endedError{p.err}
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), last)
		case <-tick.C:
		}
	}
}

// answers asks the server the two questions once.
func answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{HostPort: address, Logger: quiet{}})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: client.DefaultNamespace})
	if err != nil {
		return err
	}
	_, err = c.DescribeTaskQueue(ctx, "devserver-ready", enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	return err
}

// quiet is a logger for connections that are expected to be refused.
type quiet struct{}

var _ log.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// tail passes output on and keeps the end of it for error messages.
type tail struct {
	mu   sync.Mutex
	to   io.Writer
	kept []byte
}

const tailBytes = 2048

// Write never fails: a full log must not end the server.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.to != nil {
		_, _ = t.to.Write(b)
	}
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - tailBytes; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(b), nil
}

// said is the end of the server's output, for an error.
func (p *process) said() string {
	p.tail.mu.Lock()
	defer p.tail.mu.Unlock()
	if text := strings.TrimSpace(string(p.tail.kept)); text != "" {
		return "; it said:\n" + text
	}
	return ""
}
