package obs_test

import (
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/obs"
)

func TestJSONWithoutTerminal(t *testing.T) {
	var out strings.Builder
	z, err := obs.New(obs.Options{Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	z.Info("night planned", zap.Int("jobs", 3))
	z.Debug("hidden")
	var line struct {
		Level, Msg, Time string
		Jobs             int
	}
	if err := json.Unmarshal([]byte(out.String()), &line); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if line.Level != "info" || line.Msg != "night planned" || line.Jobs != 3 || line.Time == "" {
		t.Errorf("%+v", line)
	}
}

func TestConsole(t *testing.T) {
	var out strings.Builder
	z, err := obs.New(obs.Options{Out: &out, Format: "console", Level: "debug"})
	if err != nil {
		t.Fatal(err)
	}
	z.Debug("gate", zap.String("reason", "quota"))
	if got := out.String(); !strings.Contains(got, "DEBUG") || !strings.Contains(got, "gate") || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}

func TestSDKInfoIsDebug(t *testing.T) {
	for level, want := range map[string]int{"debug": 2, "info": 1} {
		var out strings.Builder
		z, err := obs.New(obs.Options{Out: &out, Level: level, Format: "json"})
		if err != nil {
			t.Fatal(err)
		}
		l := obs.SDK(z)
		l.Info("Started Worker", "TaskQueue", "offpeak")
		l.Error("poll", "Error", "gone")
		if got := strings.Count(out.String(), "\n"); got != want {
			t.Errorf("%s: %d lines, want %d: %s", level, got, want, out.String())
		}
		if !strings.Contains(out.String(), `"Error":"gone"`) {
			t.Errorf("%s: the error is missing: %s", level, out.String())
		}
	}
}

func TestRefused(t *testing.T) {
	for _, o := range []obs.Options{{Level: "loud"}, {Level: "fatal"}, {Format: "xml"}} {
		if _, err := obs.New(o); batch.KindOf(err) != batch.BadInput {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
