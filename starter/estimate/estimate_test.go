package estimate_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/estimate"
)

var evening = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC) // noon in California

const defaults = `{"name":"many","jobs_from":"s3://bucket/jobs.jsonl?region=r","defaults":{"agents":[{"agent_name":"A","model_name":"gpt-4o-mini","max_tokens":64}]}}`

func read(t *testing.T, text string) batch.Manifest {
	t.Helper()
	m, err := manifest.Read("input", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// lines makes jobs as they are read: nobody could hold all of them.
type lines struct {
	n, of int
	rest  string
	most  int // the most bytes that were asked for at once
}

func (l *lines) Read(b []byte) (int, error) {
	l.most = max(l.most, len(b))
	if l.rest == "" {
		if l.n == l.of {
			return 0, io.EOF
		}
		l.rest = fmt.Sprintf(`{"name":"job %d","task":"t","expect":{"input_tokens":1000,"output_tokens":500}}`+"\n", l.n)
		l.n++
	}
	n := copy(b, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// Jobs are priced one by one as they stream by: a hundred times as many cost a
// hundred times as much, and never lie in memory together.
func TestPriceStreams(t *testing.T) {
	m := read(t, defaults)
	terms, err := estimate.Ask(t.Context(), config.Env{"HOME=/nowhere", "OFFPEAK_LIMITS=1/1s"}, nil)
	if err != nil || terms.Credits != nil || len(terms.Notes) != 1 {
		t.Fatalf("%+v, %v", terms, err)
	}
	price := func(n int) estimate.Estimate {
		from := &lines{of: n}
		e, err := estimate.Price(m, estimate.All(m, func(string) (io.ReadCloser, string, error) { return io.NopCloser(from), "jobs", nil }), terms, evening)
		if err != nil || e.Jobs != n || from.most > 1<<21 {
			t.Fatalf("%d jobs of %d, %d bytes at once, %v", e.Jobs, n, from.most, err)
		}
		return e
	}
	few, many := price(100), price(10_000)
	if few.Night <= 0 || many.Night != few.Night.Times(100) || many.Ceiling != few.Ceiling.Times(100) || many.Saving != many.Day-many.Night {
		t.Errorf("100 jobs: %+v\n10,000 jobs: %+v", few, many)
	}
	if few.Batch != "many/2026-11-22" || !few.Fit.Fits || many.Fit.Has <= 0 {
		t.Errorf("%+v", few)
	}
}

// What can't be read from here is said, not guessed; what is wrong is said at
// once.
func TestJobsElsewhere(t *testing.T) {
	m := read(t, defaults)
	env := config.Env{"HOME=/nowhere"}
	c, err := estimate.Check(m, estimate.Local(m, nil), env, evening)
	if err != nil || c.JobsRead || c.Jobs != 0 {
		t.Errorf("jobs in a bucket: %+v, %v", c, err)
	}
	e, err := estimate.Price(m, estimate.Local(m, nil), estimate.Terms{}, evening)
	if err != nil || len(e.Notes) != 1 || !strings.Contains(e.Notes[0], "aren't counted") {
		t.Errorf("jobs in a bucket: %+v, %v", e, err)
	}
	bad := `{"name":"a","task":"t"}` + "\n" + `{"name":"a","task":"t"}` + "\n" + `{"title":"b"}`
	_, err = estimate.Check(m, estimate.All(m, func(string) (io.ReadCloser, string, error) {
		return io.NopCloser(strings.NewReader(bad)), "jobs.jsonl", nil
	}), env, evening)
	var ps manifest.Problems
	if !errors.As(err, &ps) || len(ps) < 2 || ps[0].Line != 2 || ps[0].Source != "jobs.jsonl" {
		t.Errorf("%v", err)
	}
	local := m
	local.JobsFrom = "file:///nowhere/jobs.jsonl"
	if _, err = estimate.Check(local, estimate.Local(local, nil), env, evening); batch.KindOf(err) != batch.NotFound {
		t.Errorf("%v", err)
	}
	c, err = estimate.Check(m, estimate.Local(m, nil), append(env, "OFFPEAK_LIMITS=many"), evening)
	if err != nil || !strings.Contains(c.Limits, "OFFPEAK_LIMITS") {
		t.Errorf("%+v, %v", c, err)
	}
}

// The night-mode guide's team: 1,000 jobs of 5 agents, 6,000 and 3,000 tokens.
// By day $144.50, by night $97.25; a month saves $1,417.50 and a year $17,010
// (Swarms docs, guides/night-mode).
func TestTheGuidesWorkload(t *testing.T) {
	agents := strings.TrimSuffix(strings.Repeat(`{"agent_name":"A","model_name":"gpt-4o-mini","max_tokens":64},`, 5), ",")
	m := read(t, `{"name":"guide","jobs_from":"file:///jobs","defaults":{"agents":[`+agents+`],"expect":{"input_tokens":6000,"output_tokens":3000}}}`)
	terms, err := estimate.Ask(t.Context(), config.Env{"HOME=/nowhere"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var jobs strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&jobs, `{"name":"job %d","task":"t"}`+"\n", i)
	}
	e, err := estimate.Price(m, estimate.All(m, func(string) (io.ReadCloser, string, error) {
		return io.NopCloser(strings.NewReader(jobs.String())), "jobs", nil
	}), terms, evening)
	if err != nil {
		t.Fatal(err)
	}
	const dollar = money.Dollar
	want := []estimate.Part{{"input tokens", 39 * dollar, 19*dollar + dollar/2}, {"output tokens", 55*dollar + dollar/2, 27*dollar + 3*dollar/4}, {"agents", 50 * dollar, 50 * dollar}}
	if e.Jobs != 1000 || e.Day != 144*dollar+dollar/2 || e.Night != 97*dollar+dollar/4 || e.Percent != "32.7" || !slices.Equal(e.Parts, want) {
		t.Errorf("%+v", e)
	}
	if e.Month != (estimate.Going{Day: 4335 * dollar, Night: 2917*dollar + dollar/2, Saving: 1417*dollar + dollar/2}) || e.Year.Saving != 17_010*dollar {
		t.Errorf("a month %+v, a year %+v", e.Month, e.Year)
	}
}
