package web

import (
	"errors"
	"io"
	"net/http"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/report"
	"github.com/offpeak/offpeak/starter/estimate"
)

type estimateView struct {
	Text     string
	Estimate *estimate.Estimate
	Off      string // percent by which the night price of tokens is lower
	Problems manifest.Problems
	Fault    *batch.Fault
	Short    bool // of credits
	Refused  string
}

// example is what a person sees first.
const example = `name: market-digest
defaults:
  swarm_type: SequentialWorkflow
  agents:
    - {agent_name: Scanner,     model_name: gpt-4o-mini, max_tokens: 1024}
    - {agent_name: Synthesizer, model_name: gpt-4o,      max_tokens: 2048}
jobs:
  - name: EU Market Digest
    task: "Summarize today's EU SaaS funding announcements."
    expect: {input_tokens: 6000, output_tokens: 3000}
`

func (s *site) estimate(*http.Request) (view, error) {
	return view{Page: "estimate", Title: "Estimate", Data: estimateView{Text: example}}, nil
}

// maxManifest bounds a manifest that is pasted or uploaded: the most that a
// night's input may hold.
const maxManifest = batch.MaxInline

// estimated prices the manifest of the form. What is wrong with it is part of
// the page: the text stays where it was written.
func (s *site) estimated(r *http.Request) (view, error) {
	text, err := handed(r)
	if err != nil {
		return view{}, err
	}
	v := estimateView{Text: string(text)}
	out := func() (view, error) { return view{Page: "estimate", Title: "Estimate", Data: v}, nil }
	wrong := func(err error) (view, error) {
		if errors.As(err, &v.Problems) || errors.As(err, &v.Fault) {
			return out()
		}
		return view{}, err
	}
	m, err := manifest.Read("the manifest", text)
	if err != nil {
		return wrong(err)
	}
	terms, err := estimate.Ask(r.Context(), s.Env, s.Now)
	if err != nil {
		return wrong(err)
	}
	e, err := estimate.Price(m, estimate.All(m, elsewhere), terms, s.Now())
	if err != nil {
		return wrong(err)
	}
	v.Estimate = &e
	v.Off = report.Percent(money.USD(money.One-e.Card.Night), money.USD(money.One))
	v.Short = e.Credits != nil && *e.Credits < e.Needed
	switch {
	case len(e.OverPerJob) > 0:
		v.Refused = "the ceiling of " + count(len(e.OverPerJob), "job") + " is above the cap of a job, " + e.Budget.PerJob.Dollars()
	case e.Night > e.Budget.Batch:
		v.Refused = "the night price is above the cap of the batch, " + e.Budget.Batch.Dollars()
	}
	return out()
}

// elsewhere is every jobs_from: a page reads no file of the server's.
func elsewhere(string) (io.ReadCloser, string, error) { return nil, "", nil }

// handed is the manifest of the form: the file, when one was chosen, else the
// text.
func handed(r *http.Request) ([]byte, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, 2*maxManifest+maxForm)
	tooMuch := func(err error) error {
		return &batch.Fault{Kind: batch.BadInput, Op: "read manifest", Detail: "it is larger than the most that fits here, or not sent as a form", Err: err, Hint: "put the jobs into a file of their own: starter estimate prices those"}
	}
	if err := r.ParseForm(); err != nil {
		return nil, tooMuch(err)
	}
	if err := r.ParseMultipartForm(2 * maxManifest); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return nil, tooMuch(err)
	}
	if f, _, err := r.FormFile("file"); err == nil {
		defer func() { _ = f.Close() }()
		text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
		if err != nil || len(text) > maxManifest {
			return nil, tooMuch(err)
		}
		if len(text) > 0 {
			return text, nil
		}
	}
	return []byte(r.PostFormValue("manifest")), nil
}
