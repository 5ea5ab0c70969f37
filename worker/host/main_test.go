package host_test

import (
	"net"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/worker/host"
)

func TestHelp(t *testing.T) {
	var out, errs strings.Builder
	if code := host.Main([]string{"--help"}, nil, &out, &errs); code != 0 || errs.Len() > 0 {
		t.Fatalf("exit %d, %s", code, errs.String())
	}
	for _, want := range []string{"SWARMS_API_KEY", "SWARMS_BASE_URL", "OFFPEAK_LEDGER", "OFFPEAK_ARCHIVE", "TEMPORAL_ADDRESS", "SIGTERM", "exit codes"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("--help is silent about %s", want)
		}
	}
}

func TestRefusals(t *testing.T) {
	// An address where nobody listens: one that was just given back.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	home := "HOME=" + t.TempDir()
	key := "SWARMS_API_KEY=" + apiKey
	for _, c := range []struct {
		name string
		args []string
		env  config.Env
		code int
		say  []string
	}{
		{"no key", nil, config.Env{home}, batch.ExitBadInput, []string{"SWARMS_API_KEY", "hint: make one at"}},
		{"unknown flag", []string{"--addr", "x"}, config.Env{home, key}, batch.ExitBadInput, []string{"addr", "worker --help"}},
		{"argument", []string{"now"}, config.Env{home, key}, batch.ExitBadInput, []string{`unexpected argument "now"`}},
		{"bad setting", nil, config.Env{home, key, "OFFPEAK_LOG_LEVEL=loud"}, batch.ExitBadInput, []string{"OFFPEAK_LOG_LEVEL"}},
		{"bad base URL", nil, config.Env{home, key, "SWARMS_BASE_URL=http://example.com"}, batch.ExitBadInput, []string{"SWARMS_BASE_URL", "https"}},
		{"bad sink", nil, config.Env{home, key, "OFFPEAK_NOTIFY=https://fine.example.com/x gopher://hunter2"}, batch.ExitBadInput, []string{"OFFPEAK_NOTIFY: address 2", "docs/alerts.md"}},
		{"unknown profile", []string{"--profile", "moon"}, config.Env{home, key, "TEMPORAL_CONFIG_FILE=/nowhere"}, batch.ExitBadInput, []string{"TEMPORAL_CONFIG_FILE"}},
		{"ledger in a file", nil, config.Env{home, key, "OFFPEAK_LEDGER=sqlite:/dev/null/books.db"}, batch.ExitOutOfReach, []string{"ledger"}},
		{"PostgreSQL isn't there", nil, config.Env{home, key, "OFFPEAK_LEDGER=postgres://ada:hunter2@" + nobody + "/books"}, batch.ExitOutOfReach, []string{"ledger"}},
		{"no Temporal", []string{"--address", nobody}, config.Env{home, key}, batch.ExitOutOfReach, []string{nobody, "hint: start a server"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs strings.Builder
			code := host.Main(c.args, c.env, &out, &errs)
			if code != c.code {
				t.Errorf("exit %d, want %d: %s", code, c.code, errs.String())
			}
			for _, want := range c.say {
				if !strings.Contains(errs.String(), want) {
					t.Errorf("%q isn't said: %s", want, errs.String())
				}
			}
			for _, secret := range []string{apiKey, "hunter2"} {
				if strings.Contains(errs.String()+out.String(), secret) {
					t.Errorf("%s was printed", secret)
				}
			}
		})
	}
}
