package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
)

// TestNotify: where alerts go comes from one of two places, and a quiet period
// from one variable.
func TestNotify(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "notify")
	if err := os.WriteFile(file, []byte("# ops\nhttps://a.example.com/1\n\n  # pager\n  pagerduty://x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Env{"HOME=/h"})
	if err != nil || !c.Notify.Empty() || c.NotifyQuiet != 24*time.Hour {
		t.Errorf("nothing set: %+v, %v", c.NotifyQuiet, err)
	}
	c, err = config.Load(config.Env{"HOME=/h", "OFFPEAK_NOTIFY_FILE=" + file, "OFFPEAK_NOTIFY_QUIET=90m", "OFFPEAK_NOTIFY_SECRET= whsec\n"})
	if err != nil || strings.Join(strings.Fields(c.Notify.Reveal()), " ") != "https://a.example.com/1 pagerduty://x" || c.NotifyQuiet != 90*time.Minute || c.NotifySecret.Reveal() != "whsec" {
		t.Errorf("from a file: %q, %s, %v", c.Notify.Reveal(), c.NotifyQuiet, err)
	}
	for _, bad := range []struct {
		env  []string
		want string
	}{
		{[]string{"OFFPEAK_NOTIFY=https://a.example.com/s3cret", "OFFPEAK_NOTIFY_FILE=" + file}, "both set"},
		{[]string{"OFFPEAK_NOTIFY_FILE=/nowhere"}, "OFFPEAK_NOTIFY_FILE"},
		{[]string{"OFFPEAK_NOTIFY_QUIET=soon"}, "no length of time"},
		{[]string{"OFFPEAK_NOTIFY_QUIET=10s"}, "shorter than"},
	} {
		_, err := config.Load(append(config.Env{"HOME=/h"}, bad.env...))
		if batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), bad.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v: %v, want %q", bad.env, err, bad.want)
		}
	}
}
