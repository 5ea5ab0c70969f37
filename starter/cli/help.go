package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// helpTo prints a command as a page of a manual: what it does, how it is
// called, a real example, what it needs, its exit codes, settings and flags.
func helpTo(w io.Writer, c *cobra.Command) {
	fmt.Fprintln(w, strings.TrimSpace(c.Long))
	if c.IsAdditionalHelpTopicCommand() {
		return
	}
	section(w, "Usage", "  "+useLine(c))
	section(w, "Example", c.Example)
	children(w, c)
	if m, ok := manualOf(c); ok {
		section(w, "Needs", "  "+m.needs)
		section(w, "Exit codes", "  "+strings.ReplaceAll(m.exits, "; ", "\n  "))
		if len(m.settings) > 0 {
			var lines strings.Builder
			t := tabwriter.NewWriter(&lines, 0, 0, 2, ' ', 0)
			for _, s := range m.settings {
				fmt.Fprintf(t, "  %s\t%s\n", s, settingTexts[s])
			}
			_ = t.Flush() // to memory
			section(w, "Settings", lines.String())
		}
	}
	section(w, "Flags", c.LocalNonPersistentFlags().FlagUsages())
	section(w, "Flags of every command", c.Root().PersistentFlags().FlagUsages())
}

// useLine is a command's usage. What follows its name is written out in Use
// where that says more than "[flags]".
func useLine(c *cobra.Command) string {
	s := c.CommandPath()
	_, rest, _ := strings.Cut(c.Use, " ")
	switch {
	case rest != "":
		s += " " + rest
	case c.HasAvailableSubCommands():
		s += " COMMAND"
	}
	if !strings.Contains(rest, "[flags]") {
		s += " [flags]"
	}
	return s
}

func section(w io.Writer, title, text string) {
	if text = strings.Trim(text, "\n"); strings.TrimSpace(text) != "" {
		fmt.Fprintf(w, "\n%s:\n%s\n", title, text)
	}
}

// children lists the commands below one: the first level by groups, with the
// topics of help last.
func children(w io.Writer, c *cobra.Command) {
	width := 0
	for _, sub := range c.Commands() {
		width = max(width, len(sub.Name()))
	}
	list := func(title string, want func(*cobra.Command) bool) {
		var lines strings.Builder
		for _, sub := range c.Commands() {
			if want(sub) {
				fmt.Fprintf(&lines, "  %-*s  %s\n", width, sub.Name(), sub.Short)
			}
		}
		section(w, title, lines.String())
	}
	command := func(group string) func(*cobra.Command) bool {
		return func(s *cobra.Command) bool { return s.IsAvailableCommand() && s.GroupID == group }
	}
	for _, g := range c.Groups() {
		list(g.Title, command(g.ID))
	}
	list("Commands", func(s *cobra.Command) bool {
		return s.IsAvailableCommand() && s.GroupID == "" || s.Name() == "help" && len(c.Groups()) == 0
	})
	list("Topics, by starter help TOPIC", (*cobra.Command).IsAdditionalHelpTopicCommand)
}

// topics are pages of the manual that belong to no command.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What each exit code means", Long: exitTopic},
		{Use: "settings", Short: "Variables that the commands read", Long: settingTopic()},
		{Use: "manifest", Short: "How a batch is written down", Long: manifestTopic},
	}
}

const exitTopic = `Exit codes of every command:

    0  done and audited; for a question, answered
    1  our fault: a bug, or the machine; report it
    2  bad input: manifest, flag, setting, a batch that isn't there
    3  done, with jobs left over: failed, parked for the next night, cancelled
    4  refused for money, or jobs were skipped because a budget was reached
    5  the audit failed: a charge missed the discount, books disagree, nothing ran
    6  Temporal, the ledger or the provider is out of reach
  130  interrupted; the night goes on

With --json an error is an object, too, on standard output:
{"error": {"kind", "op", "thing", "detail", "hint"}}; kind is one of a closed list
that docs/errors.md has. In a script:

  starter run night.yaml --json > night.json
  case $? in 0) ;; 3) echo "left over";; *) exit 1;; esac`

func settingTopic() string {
	var b strings.Builder
	b.WriteString("Variables that the commands read; each command's help names those that count for\nit. The worker has more: go run ./worker --help.\n\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, s := range []string{
		"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_UI_ADDRESS", "OFFPEAK_LEDGER", "OFFPEAK_ARCHIVE", "OFFPEAK_LIMITS",
		"OFFPEAK_HTTP_ADDR", "OFFPEAK_HTTP_KEYS_FILE", "OFFPEAK_HTTP_KEYS", "OFFPEAK_HTTP_ROOTS", "OFFPEAK_HTTP_TLS_CERT", "OFFPEAK_HTTP_TLS_KEY", "OFFPEAK_TEMPORAL", "SWARMS_API_KEY", "SWARMS_BASE_URL", "NO_COLOR",
	} {
		fmt.Fprintf(t, "  %s\t%s\n", s, settingTexts[s])
	}
	_ = t.Flush() // to memory
	b.WriteString("\nTemporal's other variables, profiles, TLS files and API keys count as they do for\nTemporal's own command line; --profile names one of its configuration file.")
	return b.String()
}

const manifestTopic = `A manifest is YAML or JSON. Only name and one of jobs or jobs_from are required:

  name: market-digest
  provider: swarms
  defaults:                       # merged under each job
    swarm_type: SequentialWorkflow
    agents:
      - {agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: 1024}
  window: {start_at: "21:00", finish_by: "05:00"}    # of 20:00 to 06:00 Pacific
  budget: {per_job: 5.00, batch: 50.00}              # dollars
  jobs:
    - name: EU Market Digest
      task: "Summarize today's EU SaaS funding announcements."
      expect: {input_tokens: 6000, output_tokens: 3000}
  # jobs_from: jobs.jsonl         # for many: one job a line

A job carries every field of the provider's request. starter validate FILE says all
that is wrong with a manifest, with line and column; docs/manifest.md has each field.`
