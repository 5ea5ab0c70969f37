package manifest

import (
	"encoding/json"
	"testing"

	"github.com/offpeak/offpeak/batch"
)

func TestDigest(t *testing.T) {
	sum := func(in string) string {
		t.Helper()
		m, err := Read("f", []byte(in))
		if err != nil {
			t.Fatal(err)
		}
		return Digest(m)
	}
	base := sum("name: a\njobs: [{name: x, task: t, seed: 1.0}, {name: y, task: u}]\n")
	for what, in := range map[string]string{
		"JSON":                 `{"jobs": [{"seed": 1.0, "task": "t", "name": "x"}, {"task": "u", "name": "y"}], "name": "a"}`,
		"another budget":       "name: a\nbudget: {batch: 99}\njobs: [{name: x, task: t, seed: 1.0}, {name: y, task: u}]\n",
		"another policy":       "name: a\npolicy: {mode: single}\njobs: [{name: x, task: t, seed: 1.0}, {name: y, task: u}]\n",
		"another priority":     "name: a\njobs: [{name: x, task: t, seed: 1.0, priority: 9}, {name: y, task: u}]\n",
		"the same by defaults": "name: a\ndefaults: {task: t}\njobs: [{name: x, seed: 1.0}, {name: y, task: u}]\n",
	} {
		if sum(in) != base {
			t.Errorf("%s changes the sum", what)
		}
	}
	for what, in := range map[string]string{
		"another name":    "name: b\njobs: [{name: x, task: t, seed: 1.0}, {name: y, task: u}]\n",
		"another task":    "name: a\njobs: [{name: x, task: T, seed: 1.0}, {name: y, task: u}]\n",
		"another literal": "name: a\njobs: [{name: x, task: t, seed: 1.00}, {name: y, task: u}]\n",
		"one job less":    "name: a\njobs: [{name: x, task: t, seed: 1.0}]\n",
		"another order":   "name: a\njobs: [{name: y, task: u}, {name: x, task: t, seed: 1.0}]\n",
	} {
		if sum(in) == base {
			t.Errorf("%s isn't noticed", what)
		}
	}
	if len(base) != 64 {
		t.Errorf("%q is not a SHA-256 in hexadecimal", base)
	}
}

// Text can't move from one part to the next without being noticed, and a sum
// in between changes nothing.
func TestDigester(t *testing.T) {
	a, b := NewDigester(batch.Manifest{}), NewDigester(batch.Manifest{})
	a.Add(batch.Job{Name: "ab", Request: json.RawMessage("c")})
	b.Add(batch.Job{Name: "a", Request: json.RawMessage("bc")})
	if a.Sum() == b.Sum() {
		t.Error("ab+c is a+bc")
	}
	m := batch.Manifest{Name: "n", Provider: "swarms", Jobs: []batch.Job{{Name: "x"}, {Name: "y"}}}
	d := NewDigester(m)
	for _, j := range m.Jobs {
		d.Sum()
		d.Add(j)
	}
	if d.Sum() != Digest(m) {
		t.Error("step by step gives another sum")
	}
}

func TestRef(t *testing.T) {
	for in, want := range map[string]string{
		`{"manifest": "file:///srv/night.yaml"}`:        "file:///srv/night.yaml",
		" \n{\"manifest\":\"s3://bucket/a?region=eu\"}": "s3://bucket/a?region=eu",
	} {
		if ref, ok, err := Ref(json.RawMessage(in)); ref.URL != want || ref.Window != nil || !ok || err != nil {
			t.Errorf("%s: %+v, %v, %v", in, ref, ok, err)
		}
	}
	with := `{"manifest": "file:///x", "window": {"open": "14:00", "close": "15:00", "timezone": "UTC"}}`
	if ref, ok, err := Ref(json.RawMessage(with)); ref.Window == nil || ref.Window.Zone != "UTC" || ref.Window.Open.String() != "14:00" || !ok || err != nil {
		t.Errorf("%s: %+v, %v, %v", with, ref, ok, err)
	}
	for _, in := range []string{``, `null`, `[]`, `"file:///x"`, `{}`, `{"name": "a", "jobs_from": "f"}`, `{"manifest": `, "manifest: file:///x"} {
		if ref, ok, err := Ref(json.RawMessage(in)); ref.URL != "" || ok || err != nil {
			t.Errorf("%s: %+v, %v, %v: Read should judge this", in, ref, ok, err)
		}
	}
	for in, want := range map[string]string{
		`{"manifest": "file:///x", "name": "a"}`:               `input:1:27: name: can't stand beside "manifest" (hand over a whole manifest, or only where it is)`,
		`{"manifest": 5}`:                                      `input:1:14: manifest: want text, got a number (for text, quote it: "5")`,
		`{"manifest": "file:///x", "window": {"open": "9pm"}}`: `input:1:46: window.open: "9pm" is not a time of day (write it as "20:00", from 00:00 to 23:59)`,
		`{"manifest": ""}`:                                     `input:1:14: manifest: is empty (give it a value or remove the key)`,
		`{"manifest": "night.yaml"}`:                           `input:1:14: manifest: is not a URL (write file:///...)`,
		`{"manifest": "https://me:hunter2@host/x"}`:            `input:1:14: manifest: has a user or a password in its URL (give secrets to the worker, not to an input)`,
		`{"manifest": "file:///x", "manifest": "file:///y"}`:   `input:1:27: manifest: is given twice, first in line 1 (keep one)`,
	} {
		if ref, ok, err := Ref(json.RawMessage(in)); ref.URL != "" || !ok || err == nil || err.Error() != want {
			t.Errorf("%s: %+v, %v\ngot  %v\nwant %s", in, ref, ok, err, want)
		}
	}
}
