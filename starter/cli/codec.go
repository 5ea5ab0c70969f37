package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/codec"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/starter/httpapi/server"
	"github.com/offpeak/offpeak/starter/nightly"
)

func (a *app) codecCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "codec",
		Short: "Keys that encrypt what Temporal keeps",
		Long: `With keys (OFFPEAK_CODEC_KEYS_FILE, or OFFPEAK_CODEC_KEYS), everything that workers
and starters hand to Temporal is encrypted with AES-256-GCM before it leaves: inputs,
results, heartbeats, memos, errors. Temporal's server, its database and its backups
hold no prompt. Workflow ids, names, states and times stay readable.

To change a key, with nights running: make a new one; add its line below the first,
for every worker, starter and server; then move it to the top, everywhere; then, once
starter codec used doesn't name it any more and Temporal's retention has passed, take
the old line away.`,
		Example: `  starter codec new-key --id 2026-11 >> codec-keys
  OFFPEAK_CODEC_KEYS_FILE=codec-keys starter codec check`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(a.newCodecKeyCmd(), a.checkCodecCmd(), a.usedCodecCmd())
	return cmd
}

func (a *app) newCodecKeyCmd() *cobra.Command {
	var id string
	cmd := &cobra.Command{
		Use:   "new-key --id ID",
		Short: "Make a key: the line to keep, which is the secret",
		Long: `Makes a key of 256 random bits and prints its line, ID:BASE64. The line is the secret:
whoever has it and a copy of Temporal's database can read all prompts and answers that
passed through it, and without it nobody can, you included. Keep a copy where you
keep the API key.`,
		Example: "  starter codec new-key --id 2026-11 >> codec-keys",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			line, err := codec.NewKey(id)
			if err != nil {
				return err
			}
			if a.json {
				return a.object(map[string]string{"id": id, "line": line})
			}
			fmt.Fprintln(a.Out, line)
			return nil
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "its name, which stands in clear beside what it encrypts: a-z, 0-9, dots, dashes; such as 2026-11")
	return cmd
}

// codecKeyJSON is a key as --json shows it.
type codecKeyJSON struct {
	ID       string `json:"id"`
	Sum      string `json:"sum"`
	Encrypts bool   `json:"encrypts"`
}

func (a *app) checkCodecCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Read the keys as a worker would, and name them",
		Long: `Reads the keys, and shows for each its id, what it does, and a sum that is the same
wherever the key is the same: compare it with another machine's. No key is shown.`,
		Example: "  starter codec check",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			keys, err := config.Codec(a.Env)
			if err != nil {
				return err
			}
			ring := keys.Ring()
			if ring.Empty() {
				return &batch.Fault{
					Kind: batch.BadInput, Op: "check the codec's keys", Detail: "there are none: Temporal keeps inputs and results in clear",
					Hint: "starter codec new-key --id ID >> FILE makes one; name the file in OFFPEAK_CODEC_KEYS_FILE, for every worker and starter",
				}
			}
			all := make([]codecKeyJSON, len(ring.IDs()))
			for i, id := range ring.IDs() {
				all[i] = codecKeyJSON{id, ring.Sum(id), i == 0}
			}
			if a.json {
				return a.object(map[string]any{"keys": all})
			}
			w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "KEY\tSUM\tDOES")
			for _, k := range all {
				does := "decrypts"
				if k.Encrypts {
					does = "encrypts and decrypts"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.Sum, does)
			}
			return w.Flush()
		},
	}
}

// usedJSON is what starter codec used says of one key.
type usedJSON struct {
	nightly.KeyUse
	Have bool `json:"have"` // this program has it
}

func (a *app) usedCodecCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "used",
		Short: "Which keys running nights and schedules need",
		Long: `Reads the history of everything that runs in the namespace, and every schedule, and
shows which keys they were encrypted with, so that you know when an old one can go. A
key that isn't named is needed by nothing that goes on; what is over needs its own
to be looked at in Temporal's UI, until Temporal's retention ends. A schedule keeps the
key that it was made with: make it again.

A key that something needs and this program lacks ends the command with exit code 2.`,
		Example: "  starter codec used",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.usedCodec(c.Context()) },
	}
}

func (a *app) usedCodec(ctx context.Context) error {
	keys, err := config.Codec(a.Env)
	if err != nil {
		return err
	}
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	read, next := 0, time.Now().Add(paceOfNotes)
	uses, err := client.KeysInUse(ctx, func() {
		if read++; time.Now().After(next) {
			a.note("%s read", plural(read, "workflow or schedule"))
			next = time.Now().Add(paceOfNotes)
		}
	})
	if err != nil {
		return err
	}
	all, missing := []usedJSON{}, []string{}
	for _, u := range uses {
		have := u.Key == "" || keys.Ring().Sum(u.Key) != ""
		all = append(all, usedJSON{u, have})
		if !have {
			missing = append(missing, u.Key)
		}
	}
	if a.json {
		err = a.object(map[string]any{"keys": all})
	} else {
		err = a.showUsed(all, keys.Ring())
	}
	if err == nil && len(missing) > 0 {
		err = &batch.Fault{
			Kind: batch.BadInput, Op: "look for keys", Thing: "key " + strings.Join(missing, ", "), Detail: "this program lacks what others have encrypted with",
			Hint: "workers without it can't go on with those nights: add its line to OFFPEAK_CODEC_KEYS_FILE everywhere",
		}
	}
	return err
}

// paceOfNotes is how often somebody who waits is told how far it is.
const paceOfNotes = 5 * time.Second

func (a *app) showUsed(all []usedJSON, ring codec.Ring) error {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tRUNNING\tSCHEDULES\tFOR")
	named := map[string]bool{}
	for _, u := range all {
		key := u.Key
		named[key] = true
		if key == "" {
			key = "in clear"
		}
		ids := append(append([]string{}, u.Running...), u.Schedules...)
		few := strings.Join(ids[:min(len(ids), 3)], ", ")
		if n := len(ids) - 3; n > 0 {
			few += fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", key, len(u.Running), len(u.Schedules), few)
	}
	for i, id := range ring.IDs() {
		switch {
		case named[id]:
		case i == 0:
			fmt.Fprintf(w, "%s\t0\t0\tit encrypts what comes\n", id)
		default:
			fmt.Fprintf(w, "%s\t0\t0\tnothing that goes on\n", id)
		}
	}
	return w.Flush()
}

// codecInto has a server decrypt for the Temporal UI, when there are keys.
func (a *app) codecInto(o *server.Options, ui nightly.UI) error {
	keys, err := config.Codec(a.Env)
	if err != nil || keys.Ring().Empty() {
		return err
	}
	o.Codec = keys.Handler()
	o.CodecOrigins = origins(ui.Address)
	return nil
}

// origins are those of the Temporal UI's pages: of one on this machine, by
// either of its names.
func origins(address string) []string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil
	}
	all := []string{u.Scheme + "://" + u.Host}
	for name, other := range map[string]string{"localhost": "127.0.0.1", "127.0.0.1": "localhost"} {
		if u.Hostname() == name && u.Port() != "" {
			all = append(all, u.Scheme+"://"+other+":"+u.Port())
		}
	}
	return all
}
