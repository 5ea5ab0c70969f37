package report_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/report"
)

// kept is an archive of answers by key.
type kept map[string]string

func (k kept) read(_ context.Context, key string) ([]byte, error) {
	text, ok := k[key]
	if !ok {
		return nil, &batch.Fault{Kind: batch.NotFound, Op: "read archive", Thing: key}
	}
	return []byte(text), nil
}

// results are lines of jobs in pages of three.
func results(jobs []ledger.Entry, answer func(context.Context, string) ([]byte, error)) report.Results {
	return report.Results{
		Page: func(_ context.Context, after int) ([]ledger.Entry, bool, error) {
			from, to := after+1, min(after+4, len(jobs))
			return jobs[from:to], to < len(jobs), nil
		},
		Answer: answer,
		Output: func(text []byte) (json.RawMessage, error) {
			var a struct{ Output json.RawMessage }
			err := json.Unmarshal(text, &a)
			return a.Output, err
		},
	}
}

func entries(n int) []ledger.Entry {
	jobs := make([]ledger.Entry, n)
	for i := range jobs {
		jobs[i].Job = ledger.Job{Seq: i, Name: fmt.Sprint("job ", i), RequestID: fmt.Sprint("r", i), State: batch.Succeeded, Output: fmt.Sprint("a", i)}
	}
	return jobs
}

// TestResultsLines is the line's shape, word for word, for jobs in every
// plight.
func TestResultsLines(t *testing.T) {
	jobs := entries(8)
	jobs[0].Charges = []ledger.Charge{{Total: 67_250, DayPrice: 114_500, JobID: "swarms-1"}}
	jobs[1].Charges = []ledger.Charge{{Total: 1, DayPrice: 2, JobID: "swarms-2"}, {Total: 3, DayPrice: 4}}
	jobs[2].Job.State, jobs[2].Job.Why, jobs[2].Job.Output = batch.Rejected, "HTTP 422: <no> \x1b[31mmodel\u202e", ""
	jobs[3].Job.Output = ""
	jobs[7].Job.State, jobs[7].Job.Output = batch.Unknown, ""
	r := results(jobs, kept{
		"a0": "{\n  \"output\": [ {\"role\": \"A\",\n \"content\": \"a <b> \u009b31m \x7f \xff é 👩\u200d🚀 \U000e0041\"}, 1.50 ]}",
		"a1": `{"output": "text"}`, "a4": `{"output": null}`, "a5": `{"other": 1}`, "a6": `no JSON`,
	}.read)
	var far []int
	r.Wrote = func(l report.ResultLine) { far = append(far, l.Seq) }
	var out bytes.Buffer
	if err := r.Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := `{"seq":0,"name":"job 0","request_id":"r0","state":"succeeded","billed":"0.067250","day_price":"0.114500","job_id":"swarms-1","output":[{"role":"A","content":"a <b> \u009b31m \u007f \ufffd é 👩\u200d🚀 \udb40\udc41"},1.50]}
{"seq":1,"name":"job 1","request_id":"r1","state":"succeeded","billed":"0.000004","day_price":"0.000006","job_id":"swarms-2","output":"text"}
{"seq":2,"name":"job 2","request_id":"r2","state":"rejected","why":"HTTP 422: <no> \u001b[31mmodel\u202e","output":null}
{"seq":3,"name":"job 3","request_id":"r3","state":"succeeded","output":null,"output_missing":"no answer was kept"}
{"seq":4,"name":"job 4","request_id":"r4","state":"succeeded","output":null,"output_missing":"the answer has no output"}
{"seq":5,"name":"job 5","request_id":"r5","state":"succeeded","output":null,"output_missing":"the answer has no output"}
{"seq":6,"name":"job 6","request_id":"r6","state":"succeeded","output":null,"output_missing":"the answer in the archive can't be read: invalid character 'o' in literal null (expecting 'u')"}
{"seq":7,"name":"job 7","request_id":"r7","state":"unknown","output":null}
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if fmt.Sprint(far) != "[0 1 2 3 4 5 6 7]" {
		t.Errorf("told of %v", far)
	}
	if err := results(nil, nil).Write(t.Context(), io.Discard); err != nil {
		t.Errorf("no jobs: %v", err)
	}
}

// TestResultsAhead reads answers that take a while, each for another time: a
// few at once, and never more, and the lines come in order.
func TestResultsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		began := time.Now()
		r := results(entries(100), func(ctx context.Context, key string) ([]byte, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			var i int
			if _, err := fmt.Sscanf(key, "a%d", &i); err != nil {
				return nil, err
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Duration(1+(i*7)%5) * time.Second):
			}
			return fmt.Appendf(nil, `{"output": %d}`, i), nil
		})
		var out bytes.Buffer
		if err := r.Write(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			line, err := out.ReadString('\n')
			if err != nil {
				if i != 100 {
					t.Errorf("%d lines", i)
				}
				break
			}
			if !strings.HasPrefix(line, fmt.Sprintf(`{"seq":%d,`, i)) || !strings.Contains(line, fmt.Sprintf(`"output":%d}`, i)) {
				t.Errorf("line %d is %s", i, line)
			}
		}
		took := time.Since(began)
		if m := most.Load(); m < 3 || m > 4 || took > 150*time.Second { // 300 s one by one
			t.Errorf("%d answers were read at once, in %s", m, took)
		}
	})
}

// TestResultsStop: what goes wrong with a page, an answer or the writing ends
// it, and nobody reads on.
func TestResultsStop(t *testing.T) {
	away := &batch.Fault{Kind: batch.OutOfReach, Op: "read archive"}
	synctest.Test(t, func(t *testing.T) { // also: no goroutine is left behind
		r := results(entries(50), func(_ context.Context, key string) ([]byte, error) {
			if key == "a7" {
				return nil, away
			}
			return []byte(`{"output": 1}`), nil
		})
		var out bytes.Buffer
		if err := r.Write(t.Context(), &out); !errors.Is(err, away) || strings.Count(out.String(), "\n") != 7 {
			t.Errorf("%v after %d lines", err, strings.Count(out.String(), "\n"))
		}
		r = results(entries(50), func(context.Context, string) ([]byte, error) { return []byte(`{"output": 1}`), nil })
		page := r.Page
		r.Page = func(ctx context.Context, after int) ([]ledger.Entry, bool, error) {
			if after > 10 {
				return nil, false, away
			}
			return page(ctx, after)
		}
		if err := r.Write(t.Context(), io.Discard); !errors.Is(err, away) {
			t.Errorf("a page that can't be read: %v", err)
		}
		if err := r.Write(t.Context(), full{}); !errors.Is(err, errFull) {
			t.Errorf("a full disk: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r.Page = func(context.Context, int) ([]ledger.Entry, bool, error) { cancel(); return page(ctx, -1) }
		if err := r.Write(ctx, io.Discard); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }
