package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/money"
)

const key = "sk-very-secret-indeed"

func TestDefaults(t *testing.T) {
	c, err := config.Load(config.Env{"HOME=/home/ada", "PATH=/bin"})
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"base":    {c.BaseURL, "https://api.swarms.world"},
		"ledger":  {c.Ledger, "sqlite:/home/ada/.local/state/offpeak/offpeak.db"},
		"archive": {c.Archive, "file:///home/ada/.local/state/offpeak/archive"},
		"level":   {c.LogLevel, "info"},
		"http":    {c.HTTPAddr, "127.0.0.1:8780"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s = %q, want %q", what, pair[0], pair[1])
		}
	}
	if err := c.NeedKey(); batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), "SWARMS_API_KEY") {
		t.Errorf("NeedKey = %v", err)
	}
	c, err = config.Load(config.Env{"HOME=/home/ada", "XDG_STATE_HOME=/var/lib/ada", "OFFPEAK_LEDGER="})
	if err != nil || c.Ledger != "sqlite:/var/lib/ada/offpeak/offpeak.db" {
		t.Errorf("ledger = %q, %v", c.Ledger, err)
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	_, err := config.Load(config.Env{
		"OFFPEAK_LEDGER=mysql://u:hunter2@h/db", "OFFPEAK_ARCHIVE=folder", "OFFPEAK_LOG_LEVEL=loud", "OFFPEAK_LOG_FORMAT=xml",
		"SWARMS_API_KEY=" + key, "SWARMS_API_KEY_FILE=/nowhere",
	})
	if batch.KindOf(err) != batch.BadInput {
		t.Fatalf("err = %v", err)
	}
	for _, want := range []string{"OFFPEAK_LEDGER", "OFFPEAK_ARCHIVE", `"loud"`, `"xml"`, "both set"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said:\n%v", want, err)
		}
	}
	for _, secret := range []string{"hunter2", key} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows %q", secret)
		}
	}
}

// TestArchive takes a folder or a bucket, and shows no credentials that
// somebody put into the URL.
func TestArchive(t *testing.T) {
	for v, good := range map[string]bool{
		"file:///srv/archive": true, "s3://bucket": true, "s3://bucket/prefix?region=eu-central-1&endpoint=https://minio:9000": true,
		"s3://": false, "s3:bucket": false, "gs://bucket": false, "file://host/x": false, "/srv/archive": false, "hunter2://AKIA@b": false,
	} {
		c, err := config.Load(config.Env{"HOME=/h", "OFFPEAK_ARCHIVE=" + v})
		if good != (err == nil) || c.Archive != v {
			t.Errorf("%s: %q, %v", v, c.Archive, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "s3://bucket/prefix") || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v", v, err)
		}
	}
}

func TestCaps(t *testing.T) {
	c, err := config.Load(config.Env{"HOME=/h", "OFFPEAK_CAP_DAY=25", "OFFPEAK_CAP_KEY=$12.345678"})
	if err != nil || c.CapDay != 25*money.Dollar || c.CapKey != 12_345_678 {
		t.Errorf("%s and %s, %v", c.CapDay, c.CapKey, err)
	}
	c, err = config.Load(config.Env{"HOME=/h", "OFFPEAK_WATCH_FLOOR=0", "OFFPEAK_CREDITS_LOW=$50"})
	if err != nil || c.WatchFloor != 0 || c.CreditsLow != 50*money.Dollar {
		t.Errorf("floor %s, credits low at %s, %v", c.WatchFloor, c.CreditsLow, err)
	}
	if c, err = config.Load(config.Env{"HOME=/h"}); err != nil || c.WatchFloor != money.Dollar || c.CreditsLow != 0 {
		t.Errorf("by default: floor %s, credits low at %s, %v", c.WatchFloor, c.CreditsLow, err)
	}
	_, err = config.Load(config.Env{"HOME=/h", "OFFPEAK_WATCH_FLOOR=-1", "OFFPEAK_CREDITS_LOW=much"})
	if err == nil || !strings.Contains(err.Error(), "OFFPEAK_WATCH_FLOOR: -1 is below zero") || !strings.Contains(err.Error(), `OFFPEAK_CREDITS_LOW: "much"`) {
		t.Errorf("%v", err)
	}
	c, err = config.Load(config.Env{"HOME=/h", "OFFPEAK_CAP_DAY="})
	if err != nil || c.CapDay != 0 || c.CapKey != 0 {
		t.Errorf("without caps: %s and %s, %v", c.CapDay, c.CapKey, err)
	}
	for _, bad := range []string{"0", "-1", "much", "1e3x", "0.0000001"} {
		_, err := config.Load(config.Env{"HOME=/h", "OFFPEAK_CAP_KEY=" + bad})
		if batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), "OFFPEAK_CAP_KEY") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Env{"HOME=/h", "SWARMS_API_KEY_FILE=" + file})
	if err != nil || c.Key.Reveal() != key {
		t.Fatalf("key = %q, %v", c.Key.Reveal(), err)
	}
	if err := os.WriteFile(file, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{file, file + ".missing"} {
		if _, err := config.Load(config.Env{"HOME=/h", "SWARMS_API_KEY_FILE=" + f}); batch.KindOf(err) != batch.BadInput {
			t.Errorf("%s: err = %v", f, err)
		}
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	c, err := config.Load(config.Env{"HOME=/h", "SWARMS_API_KEY=" + key, "OFFPEAK_NOTIFY=https://h/" + key, "OFFPEAK_HTTP_KEYS=" + key + ", x" + key})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.HTTPKeys) != 2 || c.HTTPKeys[1].Reveal() != "x"+key {
		t.Errorf("HTTP keys: %d", len(c.HTTPKeys))
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "config", c, "key", c.Key)
	out, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	printed := log.String() + string(out)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		printed += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, c.Key)
	}
	if strings.Contains(printed, key) || strings.Contains(printed, fmt.Sprintf("%x", key)) {
		t.Errorf("the key was printed: %s", printed)
	}
	if !strings.Contains(printed, "[redacted]") {
		t.Errorf("nothing says that there is a key: %s", printed)
	}
}

func TestStrangers(t *testing.T) {
	c, err := config.Load(config.Env{"HOME=/h", "OFFPEAK_LEGDER=sqlite:/x", "SWARMS_BASEURL=http://h", "OFFPEAK_COFFEE=black", "SWARMS_HOME=/s"})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(c.Warnings, "\n")
	for _, want := range []string{"OFFPEAK_LEGDER; did you mean OFFPEAK_LEDGER?", "SWARMS_BASEURL; did you mean SWARMS_BASE_URL?", "nobody reads OFFPEAK_COFFEE"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not said:\n%s", want, got)
		}
	}
	if strings.Contains(got, "sqlite:/x") || strings.Contains(got, "SWARMS_HOME") || strings.Contains(got, "COFFEE; did") {
		t.Errorf("too much is said:\n%s", got)
	}
}

func TestHelpNamesEverySetting(t *testing.T) {
	help := config.Help()
	for _, name := range config.Known() {
		if !strings.Contains(help, name) {
			t.Errorf("--help is silent about %s", name)
		}
	}
	if some := config.Help("OFFPEAK_LEDGER"); strings.Contains(some, "OFFPEAK_ARCHIVE") || !strings.Contains(some, "sqlite:PATH") {
		t.Errorf("Help(OFFPEAK_LEDGER) = %s", some)
	}
}

func TestTemporal(t *testing.T) {
	none := "XDG_CONFIG_HOME=" + t.TempDir()
	o, err := config.Temporal(config.Env{none}, "")
	if err != nil || o.HostPort != "localhost:7233" || o.Namespace != "default" {
		t.Fatalf("%s %s, %v", o.HostPort, o.Namespace, err)
	}
	file := filepath.Join(t.TempDir(), "temporal.toml")
	text := "[profile.prod]\naddress = \"temporal.internal:7233\"\nnamespace = \"nights\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := config.Env{"TEMPORAL_CONFIG_FILE=" + file}
	if o, err = config.Temporal(env, "prod"); err != nil || o.HostPort != "temporal.internal:7233" || o.Namespace != "nights" {
		t.Errorf("%s %s, %v", o.HostPort, o.Namespace, err)
	}
	if o, err = config.Temporal(append(env, "TEMPORAL_ADDRESS=127.0.0.1:1"), "prod"); err != nil || o.HostPort != "127.0.0.1:1" {
		t.Errorf("the variable must win: %s, %v", o.HostPort, err)
	}
	if _, err = config.Temporal(env, "staging"); batch.KindOf(err) != batch.BadInput {
		t.Errorf("a profile that isn't there: %v", err)
	}
	if _, err = config.Temporal(config.Env{"TEMPORAL_CONFIG_FILE=/nowhere.toml"}, ""); batch.KindOf(err) != batch.BadInput {
		t.Errorf("a file that isn't there: %v", err)
	}
}
