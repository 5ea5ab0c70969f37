package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
)

// TestEvidenceRefused: what there is no evidence of, and what is none. Nothing
// is left behind by any of it.
func TestEvidenceRefused(t *testing.T) {
	d := newDesk(t)
	dir := filepath.Dir(d.path)
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		d.ok(os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	out := filepath.Join(dir, "night.tar")
	secret := "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LW5ldmVyLXRvLWJlLXNlZW4=\n-----END PRIVATE KEY-----\n"
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"digest", "-o", out}, batch.ExitBadInput, "still on their way"},
		{[]string{"other", "-o", out}, batch.ExitBadInput, "the night wasn't judged yet"},
		{[]string{"digest/2026-12-24", "-o", out}, batch.ExitBadInput, "not found"},
		{[]string{"other", "-o", out, "--log", "somewhere"}, batch.ExitBadInput, "none of auto, lake, live, none"},
		{[]string{"other", "-o", out, "--sign", filepath.Join(dir, "no.pem")}, batch.ExitBadInput, "no such file"},
		{[]string{"other", "-o", out, "--sign", file("key.pem", secret)}, batch.ExitBadInput, "no PKCS#8 key"},
		{[]string{"other", "-o", file("there.tar", "x")}, batch.ExitBadInput, "--force"},
		{[]string{"verify", filepath.Join(dir, "none.tar")}, batch.ExitBadInput, "no such file"},
		{[]string{"verify", file("text.tar", strings.Repeat("no evidence ", 100))}, batch.ExitBadInput, "it is no bundle of evidence"},
		{[]string{"verify", file("empty.tar", "")}, batch.ExitBadInput, "it is no bundle of evidence"},
		{[]string{"verify", "--key", file("pub.pem", secret), filepath.Join(dir, "text.tar")}, batch.ExitBadInput, "a PUBLIC KEY is wanted"},
		{[]string{"verify"}, batch.ExitBadInput, "want one argument"},
	} {
		got := try(t, "", []string{"OFFPEAK_LEDGER=sqlite:" + d.path, "OFFPEAK_ARCHIVE=file://" + filepath.Join(dir, "archive")}, append([]string{"evidence"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.err, c.want) || strings.Contains(got.err+got.out, "c2VjcmV0") {
			t.Errorf("%v: exit %d, %q isn't said: %s%s", c.args, got.code, c.want, got.out, got.err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*night*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
