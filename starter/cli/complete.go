package cli

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/nightly"
)

// hurry is how long a shell waits for a completion, and an error for a guess of
// what was meant: whoever isn't there by then is left out, without a word.
const hurry = time.Second

// complete teaches the commands what their arguments and flags may be.
func (a *app) complete(root *cobra.Command) {
	batches := func(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []string
		for _, id := range a.known(c.Context()) {
			for _, s := range []string{string(id.Name()), string(id)} {
				if strings.HasPrefix(s, begun) && !slices.Contains(out, s) {
					out = append(out, s)
				}
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
	manifests := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
	}
	fixed := func(choices ...string) cobra.CompletionFunc {
		return func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			var out []string
			for _, s := range choices {
				if strings.HasPrefix(s, begun) {
					out = append(out, s)
				}
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		}
	}
	var jobStates []string
	for _, s := range batch.States() {
		jobStates = append(jobStates, string(s))
	}
	schedules := func(c *cobra.Command, args []string, begun string) (out []string, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(c.Context(), hurry)
		defer cancel()
		if client, err := a.dial(ctx); err == nil && len(args) == 0 {
			defer client.Close()
			all, _ := client.Schedules(ctx) // silent: see hurry
			for _, s := range all {
				if strings.HasPrefix(s.ID, begun) {
					out = append(out, s.ID)
				}
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
	every := root.Commands()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			every = append(every, c.Commands()...)
		}
	}
	for _, c := range every {
		_, arg, _ := strings.Cut(c.Use, " ")
		switch {
		case strings.HasPrefix(arg, "ID") && c.Parent().Name() == "schedule":
			c.ValidArgsFunction = schedules
		case strings.HasPrefix(arg, "NAME") || strings.HasPrefix(arg, "[NAME"):
			c.ValidArgsFunction = batches
		case strings.HasPrefix(arg, "FILE"), strings.HasPrefix(arg, "[FILE"):
			c.ValidArgsFunction = manifests
		case c.ValidArgsFunction == nil && !c.HasSubCommands():
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
	for _, f := range []struct {
		command, flag string
		by            cobra.CompletionFunc
	}{
		{"jobs", "state", fixed(jobStates...)},
		{"list", "state", fixed(nightStates...)},
		{"list", "after", batches},
		{"evidence", "log", fixed(books.LogAuto, books.LogLake, books.LogLive, books.LogNone)},
		{"reconcile", "night", fixed("yesterday")},
		{"export", "batch", batches},
		{"ledger export", "batch", batches},
	} {
		if c, _, err := root.Find(strings.Fields(f.command)); err == nil {
			_ = c.RegisterFlagCompletionFunc(f.flag, f.by) // a flag that isn't there has no completion: its test says so
		}
	}
}

// known is the batches that the ledger and Temporal have, the newest first, as
// far as both answer at once.
func (a *app) known(ctx context.Context) []batch.ID {
	ctx, cancel := context.WithTimeout(ctx, hurry)
	defer cancel()
	var (
		both   sync.WaitGroup
		theirs []nightly.Running
		ours   books.Nights
	)
	both.Go(func() {
		if client, err := a.dial(ctx); err == nil {
			theirs, _ = client.Running(ctx) // silent: see hurry
			client.Close()
		}
	})
	both.Go(func() {
		if b, err := books.Open(ctx, a.Env); err == nil {
			ours, _ = b.Nights(ctx, books.Choice{Limit: 100}, a.Now()) // silent: see hurry
			_ = b.Close()                                              // it was only read
		}
	})
	both.Wait()
	var out []batch.ID
	for _, r := range theirs {
		out = append(out, r.Batch)
	}
	for _, n := range ours.Batches {
		if !slices.Contains(out, n.Batch) {
			out = append(out, n.Batch)
		}
	}
	slices.SortStableFunc(out, func(x, y batch.ID) int { return strings.Compare(string(y.Night()), string(x.Night())) })
	return out
}

// guess says which batch was meant by one that isn't there: the same name on
// another night, or a name that is nearly the same; "" when none is near.
func (a *app) guess(ctx context.Context, asked string) string {
	name, night, dated := strings.Cut(asked, "/")
	best, nearest := "", 3 // letters apart
	for _, id := range a.known(ctx) {
		far := apart(name, string(id.Name()))
		if strings.HasPrefix(string(id.Name()), name) && len(name) >= 3 {
			far = min(far, 1)
		}
		if dated && string(id.Night()) == night {
			far-- // of two as near, the one of that night
		}
		if far < nearest && string(id) != asked {
			nearest, best = far, string(id)
			if !dated {
				best = string(id.Name())
			}
		}
	}
	if best == "" || best == asked {
		return ""
	}
	return best
}

// apart is how many letters must be changed, added or left out to make one
// word of another (Levenshtein's distance).
func apart(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			next := min(row[j+1]+1, row[j]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(y)]
}
