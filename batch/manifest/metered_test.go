package manifest

import (
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

const swaps = `name: swaps
provider: allswap
defaults: {ceiling: 0.50, request: {from: a, to: b}}
jobs:
  - {name: one, request: {amount: "12345678901234567890"}}
  - {name: two, ceiling: 1.00, estimate: 0.25, priority: 3, request: {to: c, amount: "1"}}
`

func TestMetered(t *testing.T) {
	m, err := Read("swaps.yaml", []byte(swaps))
	if err != nil {
		t.Fatal(err)
	}
	if m.Provider != "allswap" || !m.Metered() || !m.Window.Always || m.Policy.RequestTimeout != time.Minute || m.Policy.LogLag != 0 {
		t.Errorf("%+v", m)
	}
	if j := m.Jobs[0]; string(j.Request) != `{"amount":"12345678901234567890","from":"a","to":"b"}` || j.Ceiling != 50*money.Cent {
		t.Errorf("%s, %+v", j.Request, j)
	}
	if j := m.Jobs[1]; string(j.Request) != `{"amount":"1","from":"a","to":"c"}` || j.Ceiling != money.Dollar || j.Estimate != 25*money.Cent || j.Priority != 3 {
		t.Errorf("%s, %+v", j.Request, j)
	}
	// A file of jobs is read the same way, with the same defaults.
	var got batch.Job
	err = Stream("jobs.jsonl", m, strings.NewReader(`{"name": "three", "request": {"amount": "7"}}`), func(j batch.Job) error { got = j; return nil })
	if err != nil || string(got.Request) != `{"amount":"7","from":"a","to":"b"}` || got.Ceiling != 50*money.Cent {
		t.Errorf("%+v, %v", got, err)
	}
	// Other cheap hours are the manifest's to say.
	m, err = Read("x", []byte(strings.Replace(swaps, "jobs:", "window: {timezone: Europe/Vienna, open: '22:00', close: '06:00', multiplier: 0.8}\njobs:", 1)))
	if err != nil || m.Window.Always || m.Window.Zone != "Europe/Vienna" {
		t.Errorf("%+v, %v", m.Window, err)
	}
	m, err = Read("x", []byte("name: x\nprovider: custom\ndialect: glyphmill\njobs: [{name: a, request: {}}]"))
	if err != nil || m.Provider != "glyphmill" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestMeteredStrict(t *testing.T) {
	for old, with := range map[string][2]string{
		"provider: allswap": {"provider: alswap", `did you mean allswap?`},
		"name: swaps":       {"name: swaps\ndialect: x", "goes with provider: custom only"},
		"ceiling: 0.50":     {"cieling: 0.50", "defaults.cieling: is not a field of the defaults"},
		"priority: 3":       {"task: x", "is not a field of a job"},
		"estimate: 0.25":    {"estimate: 2.00", "above the ceiling of $1.00"},
		"request: {to: c,":  {"request: 7, x: {", "request: want an object"},
		"from: a, to: b":    {"", ""},
	} {
		_, err := Read("x", []byte(strings.Replace(swaps, old, with[0], 1)))
		if with[1] != "" && (err == nil || !strings.Contains(err.Error(), with[1])) {
			t.Errorf("%s: %v, want %q", with[0], err, with[1])
		}
	}
	for text, says := range map[string]string{
		"provider: custom\njobs: [{name: a, request: {}}]":                                         "dialect: is missing",
		"provider: custom\ndialect: ./mine.yaml\njobs: [{name: a, request: {}}]":                   "OFFPEAK_DIALECTS",
		"provider: swiftia\npolicy: {compliance: regulated}\njobs: [{name: a, request: {}}]":       "only provider swarms has",
		"provider: swiftia\njobs: [{name: a}]":                                                     "request: is missing",
		"provider: swiftia\ndefaults: {request: {a: 1}}\njobs: [{name: a}, {name: a, ceiling: 1}]": "is given twice",
	} {
		if _, err := Read("x", []byte("name: x\n"+text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
