package swarms

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzUsage puts anything where the variants keep usage and money.
func FuzzUsage(f *testing.F) {
	for _, s := range []string{
		`{"input_tokens":6000,"output_tokens":3000,"billing_info":{"total_cost":0.06725,"discount_active":true,"discount_type":"night_time","discount_percentage":50}}`,
		`{"total_cost":"$5"}`, `{"billing_info":{"total_cost":0.058500000000000003,"cost_breakdown":{"token_counts":{"total_input_tokens":6000.0,"total_output_tokens":3e3}}}}`,
		`{"input_tokens":-1,"output_tokens":9223372036854775808}`, `{"billing_info":{"total_cost":1e-400,"discount_percentage":"50"}}`, `{"total_cost":123456789012345678901234567890}`, `[]`, `"x"`, `null`, `1`,
	} {
		f.Add([]byte(s), []byte(s))
	}
	f.Fuzz(func(t *testing.T, usage, meta []byte) {
		if !json.Valid(usage) || !json.Valid(meta) {
			return
		}
		c, err := decodeCompletion(json.RawMessage(`{"status":"success","usage":` + string(usage) + `,"metadata":` + string(meta) + `}`))
		if err != nil || !c.OK {
			t.Errorf("a run with odd usage isn't one any more: %v", err)
		}
		soundRun(t, c)
		if u := c.Usage; u != nil && u.TotalCost.Known {
			again, err := decodeCompletion(c.Raw)
			if err != nil || again.Usage == nil || again.Usage.TotalCost != u.TotalCost {
				t.Errorf("read again: %+v, %v", again.Usage, err)
			}
		}
	})
}

// FuzzLogBound: a reader of the log holds one row, and no more of one than it
// is allowed, however the bytes come.
func FuzzLogBound(f *testing.F) {
	const most = 2048
	row := `{"id":1,"data":{"status":"success","swarm_name":"x"}}`
	f.Add([]byte(`{"logs":[`+row+`,`+row+`]}`), uint8(1))
	f.Add([]byte(`{"logs":[{"data":"`+strings.Repeat("x", 3*most)+`"}]}`), uint8(200))
	f.Add([]byte(`{"other":`+strings.Repeat("[", 3*most)), uint8(7))
	f.Add([]byte(strings.Repeat(" ", 3*most)+`{"logs":[]}`), uint8(0))
	f.Fuzz(func(t *testing.T, body []byte, piece uint8) {
		read := &pieces{r: bytes.NewReader(body), most: int(piece) + 1}
		last := 0
		err := readLog(read, most, false, func(w *rowWire, _ json.RawMessage) error {
			r := w.row()
			if len(r.Run.Raw) > most+512 { // what the decoder had read ahead before the row began
				t.Errorf("a row of %d bytes, of at most %d", len(r.Run.Raw), most)
			}
			last = read.given
			return nil
		})
		if ahead := read.given - last; err != nil && ahead > 2*most+1024 {
			t.Errorf("%d bytes were read after the last row before it was given up: %v", ahead, err)
		}
		if err == nil && !isJSON(body) {
			t.Errorf("%q is no log", body)
		}
	})
}

// pieces hands over at most so many bytes at once.
type pieces struct {
	r     io.Reader
	most  int
	given int
}

func (p *pieces) Read(b []byte) (int, error) {
	n, err := p.r.Read(b[:min(len(b), p.most)])
	p.given += n
	return n, err
}

// FuzzTag: whatever a job is called, its request id is found at the end of the
// name that the provider sees, within the provider's length.
func FuzzTag(f *testing.F) {
	for _, name := range []string{"EU Market Digest", "", " ", strings.Repeat("é", 200), "x [00000000-0000-4000-8000-000000000001]", "\xff\x00]", "]["} {
		f.Add(name)
	}
	const id = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
	f.Fuzz(func(t *testing.T, name string) {
		tagged := Tag(name, id)
		if got, ok := TagOf(tagged); !ok || got != id || utf8.RuneCountInString(tagged) > MaxName || !utf8.ValidString(tagged) {
			t.Errorf("%q becomes %q, of which %q is read", name, tagged, got)
		}
		if got, ok := TagOf(name); ok && (len(got) != len(id) || !strings.Contains(name, "["+got+"]")) {
			t.Errorf("%q is found in %q", got, name)
		}
	})
}

// FuzzPayload: a request leaves as one JSON object with our name and all else
// as it was, or not at all.
func FuzzPayload(f *testing.F) {
	for _, s := range []string{`{}`, `{"name":"a","task":"t","name":"b"}`, `{"a":1.50,"stream":false}`, `{"stream":null}`, `{"stream":true}`, `{"\u006eame":1}`, `{"a":"<\u2028>"}{}`, `[]`, `{"a"`} {
		f.Add([]byte(s), "EU [x]")
	}
	const id = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
	f.Fuzz(func(t *testing.T, request []byte, name string) {
		out, err := Payload(request, name, id)
		if err != nil {
			return
		}
		var was, is map[string]json.RawMessage
		if json.Unmarshal(request, &was) != nil || json.Unmarshal(out, &is) != nil {
			t.Fatalf("%q is sent as %q", request, out)
		}
		var sent string
		if json.Unmarshal(is["name"], &sent) != nil || sent != Tag(name, id) || strings.Count(string(out), Tag("", id)) < 1 {
			t.Errorf("sent as %q", is["name"])
		}
		delete(was, "name")
		delete(is, "name")
		for field, v := range was {
			if !bytes.Equal(bytes.TrimSpace(v), bytes.TrimSpace(is[field])) {
				t.Errorf("%s was %s and is sent as %s", field, v, is[field])
			}
		}
		if len(was) != len(is) {
			t.Errorf("%q is sent as %q", request, out)
		}
	})
}

// FuzzSize: whatever a request asks for, its size is no negative number, and
// the expected one isn't above the worst.
func FuzzSize(f *testing.F) {
	for _, s := range []string{
		`{"swarm_type":"AgentRearrange","rearrange_flow":"A -> B, A","agents":[{"agent_name":"A","max_loops":"auto"},{"agent_name":"B","max_tokens":9223372036854775807,"handoffs":[{},{}]}]}`,
		`{"swarm_type":"HeavySwarm","max_loops":9223372036854775807,"heavy_swarm_max_loops":9223372036854775807}`, `{"tasks":["a","b"],"messages":[{}],"img":"x"}`,
		`{"agents":[{"max_loops":-1}]}`, `{"agents":[{"llm_args":{"max_tokens":9223372036854775807},"thinking_tokens":9223372036854775807,"selected_tools":[]}]}`, `{}`, `[]`,
		`{"agents":[{"handoffs":[{"handoffs":[{"handoffs":[{"handoffs":[{"handoffs":[{"handoffs":[{"handoffs":[{"handoffs":[{"handoffs":[{}]}]}]}]}]}]}]}]}]}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		s, err := Size(request)
		if err != nil {
			return
		}
		if min(s.Agents, s.Calls, s.WorstInput, s.WorstOutput, s.GuessInput, s.GuessOutput) < 0 || s.Calls < 1 || s.Agents < 1 {
			t.Errorf("%s: %+v", request, s)
		}
		if s.GuessInput > s.WorstInput || s.GuessOutput > s.WorstOutput || len(s.Models) == 0 {
			t.Errorf("%s: %+v", request, s)
		}
	})
}
