package devserver_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/internal/devserver"
)

func echo(_ workflow.Context, s string) (string, error) { return s, nil }

// runOne runs a workflow on the server and returns what it answered.
func runOne(t *testing.T, address, id, say string) string {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: address})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := worker.New(c, "echo", worker.Options{})
	w.RegisterWorkflow(echo)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: "echo"}, echo, say)
	if err != nil {
		t.Fatal(err)
	}
	var said string
	if err := run.Get(t.Context(), &said); err != nil {
		t.Fatal(err)
	}
	return said
}

// TestSurvives kills the server and starts it again: what was on its file is
// still there, at the same address.
func TestSurvives(t *testing.T) {
	s := devserver.ForTest(t, devserver.Options{
		DBFile:     filepath.Join(t.TempDir(), "temporal.db"),
		Attributes: map[string]string{"Colour": "Keyword"},
	})
	if got := runOne(t, s.Address, "before", "one"); got != "one" {
		t.Errorf("the workflow said %q", got)
	}
	if err := s.Restart(t.Context()); err == nil {
		t.Error("a running server was started again")
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if c, err := net.DialTimeout("tcp", s.Address, time.Second); err == nil {
		_ = c.Close()
		t.Error("a killed server still takes connections")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial(client.Options{HostPort: s.Address})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var said string
	if err := c.GetWorkflow(t.Context(), "before", "").Get(t.Context(), &said); err != nil || said != "one" {
		t.Errorf("after the crash the workflow's answer is %q, %v", said, err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("stopping twice: %v", err)
	}
}

// TestNotReady checks that a program that isn't a server is reported with what
// it said, and is gone.
func TestNotReady(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	_, err := devserver.Start(t.Context(), devserver.Options{Binary: script("quits", "echo no room >&2; exit 3")})
	if err == nil || !strings.Contains(err.Error(), "no room") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("a program that quits: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = devserver.Start(ctx, devserver.Options{Binary: script("hangs", "exec sleep 60")})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a program that hangs: %v", err)
	}
}

func TestFind(t *testing.T) {
	t.Setenv(devserver.Setting, "")
	if _, err := devserver.Find("/nowhere/temporal"); !errors.Is(err, devserver.ErrNoBinary) {
		t.Errorf("a named binary that isn't there: %v", err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", dir)
	if _, err := devserver.Find(""); !errors.Is(err, devserver.ErrNoBinary) || !strings.Contains(err.Error(), "scripts/need temporal") {
		t.Errorf("no binary anywhere: %v", err)
	}
	place := func(path string) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	find := func(want string) {
		t.Helper()
		got, err := devserver.Find("")
		if err != nil {
			t.Fatal(err)
		}
		if a, b := mustResolve(t, got), mustResolve(t, want); a != b {
			t.Errorf("found %s, want %s", a, b)
		}
	}
	find(place(filepath.Join(dir, "temporal"))) // PATH
	above := place(filepath.Join(dir, ".bin", "temporal"))
	below := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	find(above) // .bin of a folder above goes before PATH
	named := place(filepath.Join(dir, "c", "temporal"))
	t.Setenv(devserver.Setting, named)
	find(named)
}

func mustResolve(t *testing.T, path string) string {
	t.Helper()
	p, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
