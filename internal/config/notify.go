package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// DefaultQuiet is after how long an incident that lasts is told again.
const DefaultQuiet = 24 * time.Hour

// leastQuiet keeps an incident that is seen by every night from being told
// every minute.
const leastQuiet = time.Minute

// readNotify reads where alerts go: from the variable, or from a file that is
// mounted. What is wrong with an address says the one who opens it.
func readNotify(env Env) (Secret, error) {
	v, file := env.Lookup("OFFPEAK_NOTIFY"), env.Lookup("OFFPEAK_NOTIFY_FILE")
	switch {
	case file == "":
		return NewSecret(strings.TrimSpace(v)), nil
	case v != "":
		return Secret{}, errors.New("OFFPEAK_NOTIFY and OFFPEAK_NOTIFY_FILE are both set: unset one")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return Secret{}, fmt.Errorf("OFFPEAK_NOTIFY_FILE: %w", err)
	}
	var lines []string
	for l := range strings.Lines(string(b)) {
		if l = strings.TrimSpace(l); !strings.HasPrefix(l, "#") {
			lines = append(lines, l)
		}
	}
	return NewSecret(strings.TrimSpace(strings.Join(lines, "\n"))), nil
}

func readQuiet(text string) (time.Duration, error) {
	if text == "" {
		return DefaultQuiet, nil
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("OFFPEAK_NOTIFY_QUIET: %q is no length of time: write it as 24h, 90m", text)
	case d < leastQuiet:
		return 0, fmt.Errorf("OFFPEAK_NOTIFY_QUIET: %s is shorter than %s: people stop reading what comes all the time", text, leastQuiet)
	}
	return d, nil
}
