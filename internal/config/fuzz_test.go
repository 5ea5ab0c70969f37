package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
)

// FuzzLoad: settings are taken or refused by name, and no secret among them is
// printed either way.
func FuzzLoad(f *testing.F) {
	f.Add("1/2s,2000/1m", "25.00", "sqlite:/tmp/x.db", "file:///tmp/x", "INFO", "k1,k2")
	f.Add("0/1s", "$-1", "postgres://u:hunter2-hunter2@h/db", "s3://b?secret=hunter2-hunter2", "loud", ",")
	f.Add("1/1ns,,", "1e9", "mysql://u:hunter2-hunter2@h", "http://u:hunter2-hunter2@h", "\xff", "\x00")
	f.Add("9223372036854775808/24h", "99999999999999999999", "sqlite:", "s3://", "", strings.Repeat(",", 1000))
	f.Fuzz(func(t *testing.T, limits, money, ledger, archive, level, keys string) {
		const secret = "sk-never-to-be-printed-0123456789"
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		env := Env{
			"SWARMS_API_KEY_FILE=" + file, "OFFPEAK_LIMITS=" + limits, "OFFPEAK_CAP_DAY=" + money, "OFFPEAK_LEDGER=" + ledger, "OFFPEAK_ARCHIVE=" + archive,
			"OFFPEAK_LOG_LEVEL=" + level, "OFFPEAK_HTTP_KEYS=" + secret + "," + keys, "OFFPEAK_NOTIFY=" + secret,
		}
		c, err := Load(env)
		if said := fmt.Sprintf("%v %+v %#v %v", c, c, c.Key, err); strings.Contains(said, secret) {
			t.Errorf("a secret is printed: %s", said)
		}
		if err != nil {
			if batch.KindOf(err) != batch.BadInput || strings.Contains(err.Error(), "hunter2-hunter2") {
				t.Errorf("%v", err)
			}
			return
		}
		if c.CapDay < 0 || c.Key.Empty() || len(c.HTTPKeys) == 0 {
			t.Errorf("%+v", c)
		}
		for _, l := range c.Limits {
			if l.N < 1 || l.Span <= 0 || l.Span > maxLimitSpan {
				t.Errorf("limit %+v of %q", l, limits)
			}
		}
	})
}
