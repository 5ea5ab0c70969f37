package manifest

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/offpeak/offpeak/batch"
)

func streamManifest(t *testing.T, yaml string) batch.Manifest {
	t.Helper()
	m, err := Read("m", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// names is what Stream yields, and what it says.
func names(t *testing.T, m batch.Manifest, r io.Reader) ([]string, error) {
	t.Helper()
	var got []string
	err := Stream("f", m, r, func(j batch.Job) error {
		got = append(got, j.Name)
		return nil
	})
	return got, err
}

func TestStream(t *testing.T) {
	m := streamManifest(t, "name: a\ndefaults: {swarm_type: auto, priority: 3}\njobs_from: f\n")
	in := "\ufeff" + `{"name": " x ", "task": "one"}` + "\r\n\n  \t\n" + `{"task": "two", "seed": 1.50, "swarm_type": "GroupChat", "name": "y", "priority": 4}`
	for what, r := range map[string]io.Reader{"whole": strings.NewReader(in), "byte by byte": iotest.OneByteReader(strings.NewReader(in))} {
		var got []batch.Job
		if err := Stream("f", m, r, func(j batch.Job) error { got = append(got, j); return nil }); err != nil {
			t.Fatal(what, err)
		}
		if len(got) != 2 || got[0].Name != "x" || got[0].Priority != 3 || got[1].Priority != 4 ||
			string(got[0].Request) != `{"name":"x","swarm_type":"auto","task":"one"}` ||
			string(got[1].Request) != `{"name":"y","seed":1.50,"swarm_type":"GroupChat","task":"two"}` {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

func TestStreamProblems(t *testing.T) {
	m := streamManifest(t, "name: a\njobs: [{name: p, task: t}, {name: q, task: t}]\njobs_from: f\n")
	in := strings.Join([]string{
		`{"name": "x", "task": "t"}`, // yielded
		`{"name": "y", "task": }`,
		``,
		`{"name": "z", "task": "t"}`, // good, but after a problem
		`  {"name": "x", "task": "t"}`,
		`{"name": "q", "task": "t"}`,
		`["a"]`,
		`{"name": "b", "task": "t"} {}`,
		`{"name": "c", "task": "` + strings.Repeat("x", MaxLine) + `"}`,
		"{\"name\": \"d\xff\"}",
		`{"name": "e", "agents": [{"agent_name": "A", "max_tokens": 0}], "needed_by": "soon", "task": "t"}`,
		`{"name": "g", "task": "` + strings.Repeat("x", batch.MaxRequest) + `"}`,
		`{"name": "h", "task": "t"`,
	}, "\n")
	got, err := names(t, m, strings.NewReader(in))
	if !slices.Equal(got, []string{"x"}) {
		t.Errorf("yielded %q, want x alone", got)
	}
	want := []string{
		`2:23: task: has '}' where a value was expected (a comma before the end isn't allowed)`,
		`5:12: name: "x" is given twice, first in line 1 (a job's name is unique in its manifest)`,
		`6:10: name: "q" is given twice, first as jobs[1] of the manifest (a job's name is unique in its manifest)`,
		`7:1: want an object, got a list`,
		`8:28: has more text after its end (remove it; a document is one JSON object)`,
		`9:1: is a line of more than 1,114,112 bytes (one job a line; shorten it, or let the provider fetch what it is about)`,
		`10:12: has the byte 0xff, which isn't UTF-8 (save it as UTF-8)`,
		`11:60: agents[0].max_tokens: 0 is outside 1 to 1000000000`,
		`11:78: needed_by: "soon" is not an instant (write it with its offset from UTC, such as 2026-11-23T05:00:00-08:00)`,
		`12:1: is a request of 1,048,598 bytes, more than 1,048,576 (shorten it, or let the provider fetch what it is about)`,
		`13:26: ends where ',' or '}' was expected (the file may be cut off)`,
	}
	if got := said(t, err); !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// TestStreamEmpty: a generator that produced nothing isn't a mistake in the
// file; the night that it makes fails its audit.
func TestStreamEmpty(t *testing.T) {
	for _, in := range []string{"", "\n\n \n"} {
		if got, err := names(t, streamManifest(t, "name: a\njobs_from: f"), strings.NewReader(in)); len(got) != 0 || err != nil {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
}

// A file in the wrong format isn't read to its end.
func TestStreamStopsAfterMaxShown(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	go func() {
		for {
			if _, err := io.WriteString(w, "name,task\n"); err != nil {
				return // closed by the reader's end: the only way out
			}
		}
	}()
	_, err := names(t, streamManifest(t, "name: a\njobs_from: f"), r)
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != MaxShown {
		t.Errorf("%d problems", len(ps))
	}
}

func TestStreamErrors(t *testing.T) {
	m := streamManifest(t, "name: a\njobs_from: f")
	stop := errors.New("ledger is away")
	calls := 0
	err := Stream("f", m, strings.NewReader("{\"name\":\"x\",\"task\":\"t\"}\n{\"name\":\"y\",\"task\":\"t\"}"), func(batch.Job) error { calls++; return stop })
	if err != stop || calls != 1 {
		t.Errorf("%v after %d calls, want yield's own error after one", err, calls)
	}
	broken := io.MultiReader(strings.NewReader("{\"name\":\"x\",\"task\":\"t\"}\nbad\n{\"na"), iotest.ErrReader(stop))
	got, err := names(t, m, broken)
	var ps Problems
	if !errors.Is(err, stop) || !errors.As(err, &ps) || !strings.Contains(err.Error(), "read f, line 3: ledger is away") || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
	m.Defaults = []byte(`{"agents": 1}`)
	if _, err := names(t, m, strings.NewReader("{}")); err == nil || err.Error() != "f (defaults):1:12: defaults.agents: want a list of agents, got a number" {
		t.Error(err)
	}
}

func TestStreamRegulated(t *testing.T) {
	m := streamManifest(t, "name: a\npolicy: {compliance: regulated}\njobs_from: f")
	_, err := names(t, m, strings.NewReader(`{"name":"x","task":"t","agents":[{"agent_name":"A","model_name":"claude-opus-4-8"},{"agent_name":"B","model_name":"auto","temperature":0.0}]}`))
	if got := said(t, err); len(got) != 1 || !strings.Contains(got[0], "agents[1].model_name: auto is not a pinned model") {
		t.Errorf("%q", got)
	}
}

// 50,000 jobs of 2 kB pass through in the memory of a few.
func TestStreamMemory(t *testing.T) {
	const jobs, size = 50_000, 2_000
	r, w := io.Pipe()
	go func() {
		filler := strings.Repeat("x", size)
		for i := range jobs {
			if _, err := fmt.Fprintf(w, `{"name":"job %d","task":"%s"}`+"\n", i, filler); err != nil {
				return
			}
		}
		w.Close()
	}()
	m := streamManifest(t, "name: a\njobs_from: f")
	var most, before uint64
	seen := 0
	measure := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before = measure()
	err := Stream("f", m, r, func(batch.Job) error {
		if seen++; seen%10_000 == 0 {
			most = max(most, measure())
		}
		return nil
	})
	if err != nil || seen != jobs {
		t.Fatalf("%d jobs, %v", seen, err)
	}
	if limit := uint64(16 << 20); most > before+limit {
		t.Errorf("%d bytes are held for %d bytes of jobs, want less than %d", most-before, jobs*size, limit)
	}
}
