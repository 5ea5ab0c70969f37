package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
)

// tree is every command that a person can see, the root first.
func tree(t *testing.T) []*cobra.Command {
	t.Helper()
	a := &app{World: World{Out: io.Discard, Err: io.Discard, Env: config.Env{"HOME=" + t.TempDir()}, Now: time.Now, Local: time.UTC}}
	var all []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" {
			return
		}
		all = append(all, c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(a.root())
	if len(all) < 30 {
		t.Fatalf("only %d commands: the tree isn't read", len(all))
	}
	return all
}

// TestEveryCommand walks the whole tree: each command says what it does, what
// it needs and how it ends, has an example that it takes itself, and --json.
func TestEveryCommand(t *testing.T) {
	for _, c := range tree(t) {
		name := c.CommandPath()
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || len(c.Short) > 80 {
			t.Errorf("%s: its line in the list of commands is %q", name, c.Short)
		}
		if strings.TrimSpace(c.Long) == "" {
			t.Errorf("%s: nothing says what it does", name)
		}
		for line := range strings.Lines(c.Long) {
			if len([]rune(line)) > 90 {
				t.Errorf("%s: a line of its help is wider than a terminal: %q", name, line)
			}
		}
		if c.IsAdditionalHelpTopicCommand() {
			continue
		}
		m, ok := manualOf(c)
		if c.HasParent() && (!ok || m.needs == "" || m.exits == "") {
			t.Errorf("%s: no entry in manuals (manual.go): what it needs, and its exit codes", name)
		}
		if c.HasParent() && !c.Parent().HasParent() && c.GroupID == "" {
			t.Errorf("%s: it is in no group (manual.go)", name)
		}
		for _, s := range m.settings {
			if settingTexts[s] == "" {
				t.Errorf("%s: nothing says what %s is (manual.go)", name, s)
			}
		}
		if c.InheritedFlags().Lookup("json") == nil && c.PersistentFlags().Lookup("json") == nil {
			t.Errorf("%s: it has no --json", name)
		}
		if c.HasSubCommands() && c.HasParent() && c.Name() != "completion" {
			continue // its example is one of those below it
		}
		examples := examplesOf(c)
		if len(examples) == 0 {
			t.Errorf("%s: no example", name)
		}
		for _, words := range examples {
			takes(t, c, words)
		}
	}
}

// takes checks that an example calls the command whose example it is, with
// flags and arguments that it takes.
func takes(t *testing.T, c *cobra.Command, words []string) {
	t.Helper()
	if c.Name() == "completion" {
		return // it shows what a shell does with a command below
	}
	found, rest, err := c.Root().Find(words[1:])
	if words[0] != "starter" || err != nil || c.HasParent() && found != c {
		t.Errorf("%s: the example %q calls another command, %v", c.CommandPath(), words, err)
		return
	}
	if err := found.ParseFlags(rest); err != nil {
		t.Errorf("%s: the example %q: %v", c.CommandPath(), words, err)
		return
	}
	if err := found.ValidateArgs(found.Flags().Args()); err != nil {
		t.Errorf("%s: the example %q: %v", c.CommandPath(), words, err)
	}
}

// examplesOf splits a command's examples into words, as a shell does, up to a
// pipe or a comment.
func examplesOf(c *cobra.Command) (out [][]string) {
	for line := range strings.Lines(strings.ReplaceAll(c.Example, "\\\n", " ")) {
		var words []string
		var word strings.Builder
		quote, within := rune(0), false
	line:
		for _, r := range strings.TrimSpace(line) + " " {
			switch {
			case quote != 0 && r == quote:
				quote = 0
			case quote != 0:
				word.WriteRune(r)
			case r == '"' || r == '\'':
				quote, within = r, true
			case !within && word.Len() == 0 && strings.ContainsRune("|#>", r):
				break line
			case r == ' ':
				if word.Len() > 0 || within {
					words = append(words, word.String())
				}
				word.Reset()
				within = false
			default:
				word.WriteRune(r)
			}
		}
		if len(words) > 0 {
			out = append(out, words)
		}
	}
	return out
}

// TestEveryCommandAnswersInJSON calls every command as its example does, with
// --json, where there is neither Temporal nor a ledger: what comes to standard
// output is one object, and whether it is an error the exit code says.
func TestEveryCommandAnswersInJSON(t *testing.T) {
	t.Parallel()
	for _, c := range tree(t) {
		if c.IsAdditionalHelpTopicCommand() || !c.HasParent() || c.HasSubCommands() {
			continue
		}
		switch path(c) {
		case "demo", "serve": // they run until they are stopped; tests of their own start them
			continue
		}
		if strings.HasPrefix(path(c), "completion") {
			continue // a script for a shell
		}
		t.Run(path(c), func(t *testing.T) {
			t.Parallel()
			// Interrupted before it begins: nobody is waited for who isn't there.
			ctx, interrupt := context.WithCancel(t.Context())
			interrupt()
			var out, errs bytes.Buffer
			args := append(examplesOf(c)[0][1:], "--json", "--address", "127.0.0.1:1")
			code := Run(ctx, args, World{
				In: strings.NewReader(""), Out: &out, Err: &errs, Env: config.Env{"HOME=" + t.TempDir()}, Now: time.Now, Local: time.UTC,
			})
			var object struct {
				Error *failure `json:"error"`
			}
			d := json.NewDecoder(&out)
			if err := d.Decode(&object); err != nil {
				t.Fatalf("%v: exit code %d, %v, standard error %q", args, code, err, errs.String())
			}
			if _, err := d.Token(); err != io.EOF {
				t.Errorf("%v: more than one object", args)
			}
			if (object.Error != nil) != (code != batch.ExitDone) || object.Error != nil && (object.Error.Kind == "" || object.Error.Detail == "") {
				t.Errorf("%v: exit code %d with %+v", args, code, object.Error)
			}
		})
	}
}

// TestManual keeps docs/cli.md what the commands say of themselves; go test
// -update writes it anew.
func TestManual(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The command line\n\nGenerated from the commands by `go test ./starter/cli -run TestManual -update`; `starter help COMMAND` prints the same.\n")
	all := tree(t)
	fmt.Fprintf(&b, "Every command takes these flags, too:\n\n```\n%s```\n", all[0].PersistentFlags().FlagUsages())
	fmt.Fprint(&b, "\n## Shell completion\n\n    source <(starter completion bash)                                  # for this session; in ~/.bashrc for good\n"+
		"    starter completion zsh > \"${fpath[1]}/_starter\"                     # once; then a new shell\n"+
		"    starter completion fish > ~/.config/fish/completions/starter.fish\n\n"+
		"Batches come from the ledger and from Temporal, as far as they answer within a second.\n")
	for _, g := range all[0].Groups() {
		fmt.Fprintf(&b, "\n## %s\n", g.Title)
		for _, c := range all {
			top := c
			for top.HasParent() && top.Parent().HasParent() {
				top = top.Parent()
			}
			if top.GroupID != g.ID || strings.HasPrefix(path(c), "completion ") {
				continue
			}
			var page bytes.Buffer
			helpTo(&page, c)
			text, _, _ := strings.Cut(page.String(), "\nFlags of every command:")
			fmt.Fprintf(&b, "\n### %s\n\n%s\n\n```\n%s\n```\n", c.CommandPath(), c.Short+".", strings.TrimSpace(text))
		}
	}
	b.WriteString("\n## Topics\n")
	for _, c := range all {
		if c.IsAdditionalHelpTopicCommand() {
			fmt.Fprintf(&b, "\n### starter help %s\n\n```\n%s\n```\n", c.Name(), strings.TrimSpace(c.Long))
		}
	}
	file := filepath.Join("..", "..", "docs", "cli.md")
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("docs/cli.md (go test ./starter/cli -run TestManual -update writes it anew):\n%s", d)
	}
}

func TestApart(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"digset", "digest", 2}, {"market", "markets", 1}, {"été", "ete", 2}, {"", "ab", 2}} {
		if got := apart(c.a, c.b); got != c.want || apart(c.b, c.a) != got {
			t.Errorf("%s and %s are %d apart, want %d", c.a, c.b, got, c.want)
		}
	}
}

// TestHelp asks every command for --help: the page that docs/cli.md shows, with
// the flags of every command, on standard output and nothing else.
func TestHelp(t *testing.T) {
	for _, c := range tree(t) {
		var page, out, errs bytes.Buffer
		helpTo(&page, c)
		args := strings.Fields(path(c) + " --help")
		if c.IsAdditionalHelpTopicCommand() {
			args = []string{"help", c.Name()}
		}
		code := Run(t.Context(), args, World{In: strings.NewReader(""), Out: &out, Err: &errs, Env: config.Env{"HOME=" + t.TempDir()}, Now: time.Now, Local: time.UTC})
		if d := cmp.Diff(page.String(), out.String()); code != batch.ExitDone || d != "" || errs.Len() > 0 {
			t.Errorf("%v: exit code %d, standard error %q\n%s", args, code, errs.String(), d)
		}
	}
}
