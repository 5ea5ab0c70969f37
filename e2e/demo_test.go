package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTwoDemosAtOnce: the README's first command, twice at the same time: free
// ports, own files, exit 0, an audited report, and nothing left behind.
func TestTwoDemosAtOnce(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "two"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "starter"), "demo")
			cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir)
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err != nil {
				t.Fatalf("demo: %v\n%s", err, text)
			}
			for _, s := range []string{"PASSED", "saved", "/nights/demo-digest/", "http://127.0.0.1:"} {
				if !strings.Contains(text, s) {
					t.Errorf("the demo doesn't show %q:\n%s", s, text)
				}
			}
		})
	}
}
