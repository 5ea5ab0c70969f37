package config_test

import (
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
)

func TestKeeps(t *testing.T) {
	c, err := config.Load(config.Env{"HOME=/home/ada", "OFFPEAK_KEEP_PROMPTS=30d", "OFFPEAK_KEEP_ANSWERS=14D", "OFFPEAK_KEEP_RECEIPTS=forever", "OFFPEAK_KEEP_LOGS="})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Keep) != 2 || c.Keep[batch.KeptPrompts] != 30*config.Day || c.Keep[batch.KeptAnswers] != 14*config.Day {
		t.Errorf("kept: %v", c.Keep)
	}
	for value, says := range map[string]string{
		"30": "write days", "30h": "write days", "-30d": "write days", "thirty days": "write days", "1e3d": "write days",
		"0d": "shorter than 14d: jobs are carried for 7 days", "13d": "shorter than 14d", "36501d": "write forever", "99999999999999999999d": "write days",
	} {
		_, err := config.Load(config.Env{"HOME=/home/ada", "OFFPEAK_KEEP_PROMPTS=" + value, "OFFPEAK_KEEP_LOGS=" + value})
		if batch.KindOf(err) != batch.BadInput || strings.Count(err.Error(), says) != 2 || !strings.Contains(err.Error(), "OFFPEAK_KEEP_LOGS") {
			t.Errorf("%s: %v, want both settings to say %q", value, err, says)
		}
	}
}
