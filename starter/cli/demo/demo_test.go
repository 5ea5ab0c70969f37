package demo_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/cli/demo"
)

// TestDemo plays the whole of it: everything goes as staged, both sides' books
// agree, and nothing is left behind.
func TestDemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	got, err := demo.Run(t.Context(), demo.Options{Out: &out})
	if err != nil || !got.AsStaged || len(got.Checks) == 0 {
		t.Fatalf("%+v, %v\n%s", got, err, &out)
	}
	if got.Provider.Billed != got.Result.Money.Billed || got.Provider.Executions != got.Result.Jobs.Succeeded {
		t.Errorf("books disagree: %+v", got)
	}
	for _, want := range []string{"its UI is http://127.0.0.1:", "PASSED", "billed twice: 0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestDemoInterrupted ends everything in the middle of the play.
func TestDemoInterrupted(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := &trigger{on: "waiting for", then: interrupt}
	if _, err := demo.Run(ctx, demo.Options{Out: out}); batch.KindOf(err) != batch.Cancelling {
		t.Errorf("interrupted: %v, want kind Cancelling", err)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestDemoWithoutTemporal says how to get the binary.
func TestDemoWithoutTemporal(t *testing.T) {
	_, err := demo.Run(t.Context(), demo.Options{Out: &bytes.Buffer{}, Binary: "/nowhere/temporal"})
	if batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), "/nowhere/temporal") {
		t.Errorf("got %v", err)
	}
}

type trigger struct {
	mu   sync.Mutex
	on   string
	then func()
}

func (w *trigger) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.Contains(string(b), w.on) {
		w.then()
	}
	return len(b), nil
}
