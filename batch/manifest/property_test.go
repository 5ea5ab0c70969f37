package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/batch"
)

// anyValue draws a JSON value as a tree, numbers as literals.
func anyValue(depth int) *rapid.Generator[*node] {
	return rapid.Custom(func(t *rapid.T) *node {
		n := &node{kind: rapid.SampledFrom([]kind{nothing, boolean, number, text, list, object}).Draw(t, "kind")}
		if depth == 0 && n.kind >= list {
			n.kind = text
		}
		switch n.kind {
		case nothing:
			n.literal = "null"
		case boolean:
			n.literal = rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool")
		case number:
			n.literal = rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?`).Draw(t, "number")
		case text:
			n.literal = strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x00", "0")
		case list:
			n.items = rapid.SliceOfN(anyValue(depth-1), 0, 3).Draw(t, "items")
		case object:
			for _, key := range rapid.SliceOfNDistinct(rapid.String(), 0, 3, rapid.ID).Draw(t, "keys") {
				key = strings.ReplaceAll(key, "\x00", "0")
				if n.get(key) == nil {
					n.fields = append(n.fields, field{key: key, value: anyValue(depth-1).Draw(t, "value")})
				}
			}
		}
		n.measure()
		return n
	})
}

// escaped is the value as JSON with every text in ASCII escapes, which the
// reader must undo.
func escaped(n *node) string {
	b := n.encode(nil, false)
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r >= 0x10000:
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04X`, r)
		}
	}
	return out.String()
}

// Whatever else stands in a request reaches the provider as it was written,
// through YAML (of which JSON is a part), JSON and JSONL.
func TestExtraFieldsPassVerbatim(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := anyValue(3).Draw(t, "value")
		if n := value.encode(nil, false); len(n) != value.size || !json.Valid(n) {
			t.Fatalf("size %d, but %d bytes: %s", value.size, len(n), n)
		}
		key := "x" + rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "key")
		line := fmt.Sprintf(`{"name":"j","task":"t",%q:%s}`, key, escaped(value))
		want := fmt.Sprintf(`{"name":"j","task":"t",%q:%s}`, key, value.encode(nil, true))

		m, err := Read("f", []byte(`{"name":"a","jobs":[`+line+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(m.Jobs[0].Request); got != want {
			t.Fatalf("Read:\ngot  %s\nwant %s", got, want)
		}
		err = Stream("f", batch.Manifest{}, strings.NewReader(line), func(j batch.Job) error {
			if got := string(j.Request); got != want {
				t.Fatalf("Stream:\ngot  %s\nwant %s", got, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := JSON("f", []byte(`{"name":"a","jobs":[`+line+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Read("payload", payload); err != nil || cmp.Diff(m, again) != "" {
			t.Fatalf("after JSON: %v\n%s", err, payload)
		}
	})
}

// A manifest has the same problems in one run as in the next, in order.
func TestProblemsAreInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := anyValue(4).Draw(t, "manifest")
		_, err := Read("f", value.encode(nil, false))
		_, again := Read("f", value.encode(nil, false))
		if fmt.Sprint(err) != fmt.Sprint(again) {
			t.Fatalf("%v\nand then\n%v", err, again)
		}
		ps, _ := err.(Problems)
		if !slices.IsSortedFunc(ps, func(a, b Problem) int { return (a.Line-b.Line)*1_000_000 + a.Column - b.Column }) {
			t.Fatalf("out of order:\n%v", err)
		}
	})
}

// A reader that trusts nobody: no panic, no silence, and what it accepts
// survives the way through a payload.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{full, fullJSON, twelve, twelveJSON, valid, regulated, laughs(9), nest(9), "a: &a [*a]", "? [x]\n: !!int y", "{\"a\":\"\\ud83d\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read("f", data)
		payload, jsonErr := JSON("f", data)
		if fmt.Sprint(err) != fmt.Sprint(jsonErr) {
			t.Fatalf("Read says %v\nJSON says %v", err, jsonErr)
		}
		if err != nil {
			if ps, ok := err.(Problems); !ok || len(ps) == 0 || ps[0].Line < 1 || ps[0].Column < 1 || ps[0].Message == "" {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if m.Name.Valid() != nil || len(m.Jobs) == 0 && m.JobsFrom == "" || len(payload) > batch.MaxInline || !json.Valid(payload) {
			t.Fatalf("accepted: %+v\n%s", m, payload)
		}
		again, err := Read("payload", payload)
		if err != nil || cmp.Diff(m, again) != "" || Digest(m) != Digest(again) {
			t.Fatalf("after JSON: %v\n%s\n%s", err, payload, cmp.Diff(m, again))
		}
		for _, j := range m.Jobs {
			if !json.Valid(j.Request) || j.Name == "" {
				t.Fatalf("%q: %s", j.Name, j.Request)
			}
		}
	})
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("{\"name\":\"x\",\"task\":\"t\"}\n\n{\"name\":\"y\",\"tasks\":[\"a\"]}\r\n"), true)
	f.Add([]byte("{\"name\":\"x\",\"task\":\"t\"}\n{\"name\":\"x\"}\n[]\n{"), false)
	f.Add([]byte("\ufeff \n\t\r\n"), true)
	f.Fuzz(func(t *testing.T, data []byte, strict bool) {
		m := batch.Manifest{Defaults: json.RawMessage(`{"swarm_type":"auto"}`)}
		if strict {
			m.Policy.Compliance = batch.ComplianceRegulated
		}
		seen := map[string]bool{}
		err := Stream("f", m, bytes.NewReader(data), func(j batch.Job) error {
			if seen[j.Name] || !json.Valid(j.Request) {
				t.Fatalf("%q: %s", j.Name, j.Request)
			}
			seen[j.Name] = true
			return nil
		})
		// Lines that are blank are no jobs and no mistake: an empty night is the audit's to judge.
		blank := len(bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))) == 0
		if ps, ok := err.(Problems); err != nil && (!ok || len(ps) == 0 || len(ps) > MaxShown) || err == nil && (len(seen) == 0) != blank {
			t.Fatalf("%d jobs, %T %v", len(seen), err, err)
		}
	})
}
