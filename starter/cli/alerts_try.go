package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/notify"
)

func (a *app) alertsTestCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "test",
		Short: "Try whether alerts arrive",
		Long: `Sends one test alert to every sink of OFFPEAK_NOTIFY, from this process and at
once, and says what each answered. Nothing is written into the ledger, and nothing
is tried twice. Give it the workers' own setting: it is theirs that counts.

A pager is told that the test is over right after it has begun. No address is
printed.

Ends with 0 when every sink has taken it, and with 6 when one hasn't.`,
		Example: `  starter alerts test
  starter alerts test --json | jq '.sinks[] | select(.taken | not)'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := config.Load(a.Env)
			if err != nil {
				return err
			}
			sinks, err := notify.Open(set.Notify.Reveal(), notify.Options{Secret: set.NotifySecret.Reveal()})
			if err != nil {
				return err
			}
			if len(sinks) == 0 {
				return &batch.Fault{
					Kind: batch.BadInput, Op: "read setting", Thing: "OFFPEAK_NOTIFY", Detail: "no sink is set: alerts are only in starter alerts",
					Hint: "export OFFPEAK_NOTIFY='https://hooks.slack.com/services/...'; docs/alerts.md has an example of each kind",
				}
			}
			return a.tried(a.try(c.Context(), sinks))
		},
	}
}

// triedJSON is what a sink answered.
type triedJSON struct {
	ID     string `json:"id"`
	Place  string `json:"place"`
	Takes  string `json:"takes"` // what it is told of
	Taken  bool   `json:"taken"`
	Error  string `json:"error,omitempty"`
	Hint   string `json:"hint,omitempty"`
	Millis int64  `json:"millis"`
}

// try sends one test alert to each, all at once.
func (a *app) try(ctx context.Context, sinks []*notify.Sink) []triedJSON {
	out := make([]triedJSON, len(sinks))
	var crew sync.WaitGroup
	for n, s := range sinks {
		crew.Go(func() {
			began := a.Now()
			err := s.Send(ctx, a.testNote(batch.JustOne))
			if err == nil && s.Pager() {
				err = s.Send(ctx, a.testNote(batch.IsOver))
			}
			out[n] = triedJSON{ID: s.ID, Place: s.Place, Takes: s.Filter(), Taken: err == nil, Millis: a.Now().Sub(began).Milliseconds()}
			var f *batch.Fault
			if errors.As(err, &f) {
				out[n].Error, out[n].Hint = said(f), f.Hint
			}
		})
	}
	crew.Wait()
	return out
}

// said is a sink's fault without its name.
func said(f *batch.Fault) string {
	s := f.Detail
	if f.Status != 0 {
		s = fmt.Sprintf("HTTP %d %s", f.Status, s)
	}
	if s == "" {
		s = string(f.Kind)
	}
	return s
}

// testNote is an alert that says nothing but that it arrived.
func (a *app) testNote(o batch.Occasion) notify.Note {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	now := a.Now().UTC()
	return notify.Note{Delivery: hex.EncodeToString(id[:]), Occasion: o, At: now, Alert: batch.Alert{
		Key: "test/" + host, Kind: batch.AlertTest, Severity: batch.Info, Title: "This is a test: alerts of offpeak arrive here",
		Lines: []string{"sent by " + a.who() + " with starter alerts test"}, Remedy: "nothing", At: now, Over: o == batch.IsOver,
	}}
}

func (a *app) tried(all []triedJSON) error {
	missing := 0
	for _, t := range all {
		if !t.Taken {
			missing++
		}
	}
	if a.json {
		if err := a.object(map[string]any{"sinks": all}); err != nil {
			return err
		}
	} else {
		t := newTable(a.Out)
		for _, s := range all {
			word, rest := a.paint(green, "taken"), "told of "+s.Takes
			if !s.Taken {
				word, rest = a.paint(red, "FAILED"), s.Error
			}
			t.row(word, printable(s.Place), printable(rest))
		}
		t.flush()
	}
	if missing == 0 {
		return nil
	}
	for _, s := range all {
		if s.Hint != "" && !a.json {
			a.note("hint: %s: %s", s.Place, s.Hint)
		}
	}
	a.note("error: %d of %s took no alert", missing, plural(len(all), "sink"))
	return exit(batch.ExitOutOfReach)
}
