package dialect

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
)

// least is the shortest declaration that says enough.
const least = `dialect: 1
name: tiny
base_url: https://api.example.com
secrets: {key: {from: TINY_KEY}}
headers: {X-Key: "{secret.key}"}
wait: {else: 1s}
steps:
  - {name: buy, paid: true, method: POST, path: /buy, body: "{job}"}
price: {fixed: 0.01}
`

func TestLeast(t *testing.T) {
	d, err := Parse("tiny.yaml", []byte(least))
	if err != nil {
		t.Fatal(err)
	}
	if d.AtOnce != 16 || d.Backoff.Most != 4 || d.Backoff.Jitter != Full || d.Wait.Rule != Verbatim || d.Paid() != 0 {
		t.Errorf("defaults: %+v", d)
	}
}

// TestStrict has one mistake after the other put into a good declaration; each
// is named with its line, and what to do.
func TestStrict(t *testing.T) {
	for _, c := range []struct{ old, with, says string }{
		{"dialect: 1", "dialect: 2", "1:10: dialect: 2 is no version"},
		{"name: tiny", "name: Tiny API", `2:7: name: "Tiny API" is no name`},
		{"name: tiny", "title: tiny", "2:1: title: is no field here: known are dialect, name,"},
		{"https://api", "http://api", "would send the key in clear"},
		{"TINY_KEY", "SWARMS_API_KEY", "belongs to the worker itself"},
		{"TINY_KEY", "tiny-key", "no name of a variable"},
		{"{secret.key}", "secret", "name one as {secret.key}"},
		{"{secret.key}", "{secret.kee}", "{secret.kee} is nothing that can stand here"},
		{"X-Key:", "Idempotency-Key:", "sends a request that carries it twice"},
		{"else: 1s", "else: soon", `"soon" is not a length of time`},
		{"wait: {else: 1s}", "wait: {}", "wait.else: is missing"},
		{"paid: true", "paid: yes please", "want true or false"},
		{"paid: true, ", "", "exactly one step of a job moves money"},
		{"method: POST", "method: BUY", "none of GET, POST"},
		{"path: /buy", "path: /buy?x=1", "must begin with / and have no query"},
		{"path: /buy", "path: '/buy/{secret.key}'", "{secret.key} is nothing that can stand here"},
		{`body: "{job}"`, `body: {n: "{quote.id}"}`, "{quote.id} is nothing that can stand here"},
		{`body: "{job}"`, `body: {n: "{job.amount}"}`, "a job's field is declared in job.fields"},
		{`body: "{job}"`, `once: buy`, "names an earlier step"},
		{`body: "{job}"`, `until: {at: /s, done: [x], going: [y]}`, "only a step after the paid one"},
		{"fixed: 0.01", "fixed: 0.01, at: [/cost], unit: dollars", "one of the two"},
		{"fixed: 0.01", "at: [cost], unit: dollars", "pointers begin with /"},
		{"fixed: 0.01", "fixed: 1e-3x", "is not an amount of dollars"},
		{"price: {fixed: 0.01}", "limits: [{name: day, span: 24h}]", "nobody says how many"},
		{"price: {fixed: 0.01}", "told: {window: day, limit: L, remaining: R}", "none of the limits"},
		{"price: {fixed: 0.01}", "answers: [{do: redo, status: 409, from: buy}]", "redo begins with a step before the paid one"},
		{"price: {fixed: 0.01}", "answers: [{do: spent, status: 409}]", "declare that step's once"},
		{"price: {fixed: 0.01}", "answers: [{do: reject}]", "needs codes or status"},
		{"price: {fixed: 0.01}", "lookup: {method: GET, path: /x}", "how it says that there is none"},
		{"price: {fixed: 0.01}", "price: [1]", "want an object"},
		{`body: "{job}"`, "body: &b {x: *b}", "has an alias"},
		{"price: {fixed: 0.01}", "name: again", "is given twice, first in line 2"},
	} {
		text := strings.Replace(least, c.old, c.with, 1)
		if text == least {
			t.Fatalf("%q isn't there", c.old)
		}
		_, err := Parse("tiny.yaml", []byte(text))
		if batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "tiny.yaml:") {
			t.Errorf("%s: %v, want %q", c.with, err, c.says)
		}
	}
	_, err := Parse("tiny.yaml", []byte("dialect: 7\nname: 1\nsteps: []\nsecrets: 5\n"))
	for _, line := range []string{"tiny.yaml:2:7: name: want text", "tiny.yaml:4:10: secrets: want an object"} {
		if !strings.Contains(fmt.Sprint(err), line) {
			t.Errorf("not all at once: %v lacks %q", err, line)
		}
	}
	for _, text := range []string{"", "[", "- 1", strings.Repeat("#", MaxSize+1), "a: &a [*a]"} {
		if _, err := Parse("x", []byte(text)); batch.KindOf(err) != batch.BadInput {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// TestBody fills templates: no number is read and written again.
func TestBody(t *testing.T) {
	d, err := Parse("tiny.yaml", []byte(strings.Replace(least, `body: "{job}"}`,
		`body: {ref: "{id}", amount: "{job.amount}", note: "{job.note?}", list: ["{job.note?}", 1.50, true], text: "to {job.to}: {job.note?}"}}
job: {fields: {amount: {type: number}, to: {type: text}, note: {type: text}}}`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	f := Facts{ID: "i-1", Job: json.RawMessage(`{"amount": 12345678901234567890.10, "to": "A \"B\" <c>"}`)}
	got, err := d.Steps[0].Body.fill(f.find(&Client{d: d}))
	const want = `{"ref":"i-1","amount":12345678901234567890.10,"list":[1.50,true],"text":"to A \"B\" <c>: "}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	if _, err := d.Steps[0].Body.fill(Facts{Job: json.RawMessage(`{}`)}.find(&Client{d: d})); err == nil || !strings.Contains(err.Error(), "there is no job.") {
		t.Errorf("a field that isn't there: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(least))
	for _, d := range []string{"swiftia", "allswap"} {
		text, err := files.ReadFile("builtin/" + d + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse("x.yaml", text)
		if (d == nil) == (err == nil) {
			t.Fatal("neither a declaration nor an error, or both")
		}
		if err == nil {
			if _, err := New(d, Options{Value: func(string) string { return "0123456789" }}); err != nil && batch.KindOf(err) != batch.BadInput {
				t.Fatal(err)
			}
		}
	})
}
