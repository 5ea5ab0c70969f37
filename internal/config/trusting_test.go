package config_test

import (
	"strings"
	"testing"

	"github.com/offpeak/offpeak/internal/config"
)

// TestUncheckedLedger: books across a network, of a server that nobody checks,
// are warned of, without the password.
func TestUncheckedLedger(t *testing.T) {
	t.Parallel()
	for url, warned := range map[string]bool{
		"postgres://offpeak:hunter2@db.example.com/offpeak":                     true,
		"postgresql://offpeak:hunter2@db.example.com/offpeak?sslmode=require":   true,
		"postgres://offpeak:hunter2@10.0.0.5:5432/offpeak?sslmode=disable":      true,
		"postgres://offpeak:hunter2@db.example.com/offpeak?sslmode=verify-full": false,
		"postgres://offpeak@127.0.0.1/offpeak":                                  false,
		"postgres://offpeak@localhost/offpeak":                                  false,
		"postgres://offpeak@postgresql:5432/offpeak?sslmode=disable":            false,
		"sqlite:/srv/db.example.com/offpeak.db":                                 false,
	} {
		c, err := config.Load(config.Env{"HOME=/tmp", "OFFPEAK_LEDGER=" + url})
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Join(c.Warnings, "\n")
		if strings.Contains(said, "sslmode=verify-full") != warned || strings.Contains(said, "hunter2") {
			t.Errorf("%s: %q", url, said)
		}
	}
}
