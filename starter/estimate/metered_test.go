package estimate

import (
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/money"
)

func TestMetered(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	read := func(text string) (batch.Manifest, Jobs) {
		t.Helper()
		m, err := manifest.Read("x.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return m, Local(m, nil)
	}
	env := config.Env{"HOME=" + t.TempDir(), "OFFPEAK_DIALECTS=../../examples/custom/glyphmill.yaml"}
	m, jobs := read("name: x\nprovider: custom\ndialect: glyphmill\ndefaults: {ceiling: 0.50}\njobs: [{name: a, estimate: 0.20, request: {language: eng, document: {}}}, {name: b, request: {language: eng, document: {}}}]")
	if c, err := Check(m, jobs, env, now); err != nil || c.Jobs != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	terms, err := Ask(t.Context(), env, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	e, err := Price(m, jobs, terms, now)
	if err != nil || !e.Card.None() || e.Night != 70*money.Cent || e.Ceiling != money.Dollar || e.Saving != 0 || len(e.Notes) != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	m, jobs = read("name: x\nprovider: custom\ndialect: glyphmill\njobs: [{name: a, request: {document: 1, page: 2}}]")
	const says = `"a": request.document isn't an object, request.language is missing, request.page is no field of glyphmill: known are document, language, it has no ceiling`
	if _, err := Check(m, jobs, env, now); batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), says) {
		t.Errorf("%v", err)
	}
	if _, err := Price(m, jobs, terms, now); batch.KindOf(err) != batch.BadInput {
		t.Errorf("%v", err)
	}
	// Where the worker's declaration isn't at hand, the jobs' own words count.
	m, jobs = read("name: x\nprovider: custom\ndialect: elsewhere\njobs: [{name: a, ceiling: 2.00, request: {}}]")
	if c, err := Check(m, jobs, env, now); err != nil || c.Jobs != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if e, err := Price(m, jobs, terms, now); err != nil || e.Ceiling != 2*money.Dollar || !strings.Contains(strings.Join(e.Notes, " "), "OFFPEAK_DIALECTS") {
		t.Errorf("%+v, %v", e, err)
	}
}
