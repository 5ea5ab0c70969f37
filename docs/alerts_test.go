package docs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/notify"
)

// verify is what alerts.md shows for Go.
func verify(secret, signature string, body []byte, now time.Time) bool {
	t, v1, ok := strings.Cut(strings.TrimPrefix(signature, "t="), ",v1=")
	at, err := strconv.ParseInt(t, 10, 64)
	if !ok || err != nil || now.Sub(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return hmac.Equal([]byte(v1), []byte(hex.EncodeToString(mac.Sum(nil))))
}

// shown is the block of code of a language in alerts.md.
func shown(t *testing.T, language string) string {
	t.Helper()
	_, after, found := strings.Cut(text(t, "docs/alerts.md"), "\n```"+language+"\n")
	code, _, ended := strings.Cut(after, "\n```")
	if !found || !ended {
		t.Fatalf("alerts.md shows nothing in %s", language)
	}
	return code
}

// TestSignaturesCanBeChecked: what alerts.md shows in three languages takes what
// a webhook is sent, and nothing that was changed or is old.
func TestSignaturesCanBeChecked(t *testing.T) {
	const secret = "whsec-0123456789"
	body, now := []byte("{\"text\": \"it failed\"}\n"), time.Now()
	fine := notify.Sign(secret, now.Unix(), body)
	source, err := os.ReadFile("alerts_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), shown(t, "go")) {
		t.Error("alerts.md shows another function than the one that is tested here")
	}
	file := filepath.Join(t.TempDir(), "body")
	python := shown(t, "python") + "\nimport sys\nsys.exit(0 if verify(sys.argv[1], sys.argv[2], open(sys.argv[3], 'rb').read()) else 1)\n"
	for _, c := range []struct {
		name      string
		signature string
		body      string
		want      bool
		old       bool
	}{
		{"as it was sent", fine, string(body), true, false},
		{"another body", fine, string(body) + " ", false, false},
		{"another secret", notify.Sign("other", now.Unix(), body), string(body), false, false},
		{"another time", strings.Replace(fine, "t=1", "t=2", 1), string(body), false, false},
		{"an old one", notify.Sign(secret, now.Add(-time.Hour).Unix(), body), string(body), false, true},
	} {
		if got := verify(secret, c.signature, []byte(c.body), now); got != c.want {
			t.Errorf("Go, %s: %t", c.name, got)
		}
		if err := os.WriteFile(file, []byte(c.body), 0o600); err != nil {
			t.Fatal(err)
		}
		if path, err := exec.LookPath("python3"); err == nil {
			if got := exec.Command(path, "-c", python, secret, c.signature, file).Run() == nil; got != c.want {
				t.Errorf("Python, %s: %t", c.name, got)
			}
		}
		if path, err := exec.LookPath("openssl"); err == nil && path != "" && !c.old { // the shell's looks at no clock
			sh := exec.Command("sh", "-c", shown(t, "sh"))
			sh.Env = append(os.Environ(), "SECRET="+secret, "SIGNATURE="+c.signature, "BODY_FILE="+file)
			if got := sh.Run() == nil; got != c.want {
				t.Errorf("shell, %s: %t", c.name, got)
			}
		}
	}
}
