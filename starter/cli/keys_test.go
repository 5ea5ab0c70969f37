package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
)

// TestKeysNew: what is printed works together, and the secret isn't where the
// line goes.
func TestKeysNew(t *testing.T) {
	s := try(t, "", nil, "keys", "new", "--id", "ci", "--scope", "read")
	_, secret, _ := strings.Cut(strings.TrimSpace(s.err), ": ")
	ring, err := keys.Open(keys.Source{Lines: []string{s.out}})
	if err != nil || s.code != batch.ExitDone {
		t.Fatalf("%d, %v: %q", s.code, err, s.out)
	}
	if k, ok := ring.Check(secret); !ok || k.ID != "ci" || k.Scope != keys.Read || strings.Contains(s.out, secret) {
		t.Errorf("%+v, %v: %q, %q", k, ok, s.out, s.err)
	}
	s = try(t, "", nil, "keys", "new", "--id", "ci", "--scope", "operate", "--json")
	var made struct{ ID, Scope, Secret, Line string }
	if err := json.Unmarshal([]byte(s.out), &made); err != nil || made.ID != "ci" || made.Scope != "operate" || !strings.HasPrefix(made.Line, "ci:operate:sha256=") || !strings.HasPrefix(made.Secret, keys.Prefix) {
		t.Errorf("%v: %q", err, s.out)
	}
	for _, args := range [][]string{{}, {"--id", "ci"}, {"--scope", "read"}, {"--id", "a b", "--scope", "read"}, {"--id", "ci", "--scope", "admin"}} {
		if s := try(t, "", nil, append([]string{"keys", "new"}, args...)...); s.code != batch.ExitBadInput || s.out != "" || !strings.Contains(s.err, "hint: ") {
			t.Errorf("%v: %d %q %q", args, s.code, s.out, s.err)
		}
	}
}
