package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
)

// FuzzInput: whatever is handed to the shell as a manifest and a window is good
// or bad input, said in one object, and never our fault.
func FuzzInput(f *testing.F) {
	const good = "name: a\njobs:\n  - {name: x, task: t, agents: [{agent_name: A, model_name: gpt-4o-mini}]}\n"
	f.Add(good, "")
	f.Add(good, "20:00-06:00@America/Los_Angeles")
	f.Add(good, "00:00-00:00@UTC")
	f.Add(good, "-@")
	f.Add("name: a\njobs_from: nowhere.jsonl\n", "20:00-06:00@Local")
	f.Add(`{"name":"a","jobs_from":"file:///nowhere/%00"}`, "")
	f.Add(`{"manifest":"file:///x"}`, "")
	f.Add("\xff\x00", "\x00")
	f.Fuzz(func(t *testing.T, text, window string) {
		args := []string{"validate", "--json"}
		if window != "" {
			args = append(args, "--window="+window)
		}
		s := try(t, text, nil, append(args, "-")...)
		if s.code != batch.ExitDone && s.code != batch.ExitBadInput {
			t.Errorf("exit %d\n%s\n%s", s.code, s.out, s.err)
		}
		dec := json.NewDecoder(strings.NewReader(s.out))
		var one map[string]any
		if err := dec.Decode(&one); err != nil || dec.More() {
			t.Errorf("standard output isn't one object: %v\n%.500s", err, s.out)
		}
	})
}
