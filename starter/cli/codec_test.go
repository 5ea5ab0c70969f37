package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/codec"
)

// TestCodecKeys: a key that is made is one that is read, and check shows what it
// is without showing it.
func TestCodecKeys(t *testing.T) {
	s := try(t, "", nil, "codec", "new-key", "--id", "2026-11")
	ring, err := codec.Parse("out", s.out)
	if err != nil || s.code != batch.ExitDone || ring.IDs()[0] != "2026-11" {
		t.Fatalf("%d, %v: %q", s.code, err, s.err)
	}
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(s.out), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"OFFPEAK_CODEC_KEYS_FILE=" + file}
	secret := strings.TrimSpace(s.out)[len("2026-11:"):]
	s = try(t, "", env, "codec", "check")
	if s.code != batch.ExitDone || !strings.Contains(s.out, ring.Sum("2026-11")) || !strings.Contains(s.out, "encrypts and decrypts") || strings.Contains(s.out+s.err, secret) {
		t.Errorf("%+v", s)
	}
	s = try(t, "", env, "codec", "check", "--json")
	var seen struct {
		Keys []struct {
			ID, Sum  string
			Encrypts bool
		}
	}
	if err := json.Unmarshal([]byte(s.out), &seen); err != nil || len(seen.Keys) != 1 || !seen.Keys[0].Encrypts || seen.Keys[0].Sum != ring.Sum("2026-11") {
		t.Errorf("%v: %+v", err, s)
	}
	for name, c := range map[string]struct{ env, args []string }{
		"no keys":     {nil, []string{"codec", "check"}},
		"no such":     {[]string{"OFFPEAK_CODEC_KEYS_FILE=" + file + "x"}, []string{"codec", "check"}},
		"not a key":   {[]string{"OFFPEAK_CODEC_KEYS=" + secret}, []string{"codec", "check"}},
		"both":        {append(env, "OFFPEAK_CODEC_KEYS=a:"+secret), []string{"codec", "check"}},
		"no id":       {nil, []string{"codec", "new-key"}},
		"for a night": {[]string{"OFFPEAK_CODEC_KEYS=" + secret}, []string{"status", "a/2026-11-22"}},
	} {
		if s := try(t, "", c.env, c.args...); s.code != batch.ExitBadInput || s.out != "" || !strings.Contains(s.err, "hint: ") || strings.Contains(s.err, secret[:10]) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
