package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/starter/httpapi/keys"
)

func (a *app) keysCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "keys",
		Short:   "Make keys for the HTTP API",
		Long:    "Keys that starter serve asks for. The server keeps only their hashes.",
		Example: "  starter keys new --id ci --scope read",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(a.newKeyCmd())
	return cmd
}

// madeJSON is a key as --json prints it.
type madeJSON struct {
	ID     string     `json:"id"`
	Scope  keys.Scope `json:"scope"`
	Secret string     `json:"secret"`
	Line   string     `json:"line"`
}

func (a *app) newKeyCmd() *cobra.Command {
	var id, scope string
	cmd := &cobra.Command{
		Use:   "new --id ID --scope read|operate",
		Short: "Make a key: its secret, once, and the line that the server keeps",
		Long: `Makes a key of 256 random bits. The secret is for whoever calls the API, as
Authorization: Bearer SECRET; it is printed here and stored nowhere. The line holds
its SHA-256 hash and goes into the file that OFFPEAK_HTTP_KEYS_FILE names; a running
server takes it within a second.

The scope read looks, estimates and validates; operate starts and steers nights
as well. The id stands in the server's log and in the books, as who did it. To
change a key, add a second line with the same id, hand the new secret out, and
take the first line away.

The secret goes to standard error and the line to standard output, so that the
line can be appended to the file without showing the secret to it.`,
		Example: "  starter keys new --id ci --scope read >> keys",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			secret, line, err := keys.New(id, keys.Scope(scope))
			if err != nil {
				return err
			}
			if a.json {
				return a.object(madeJSON{id, keys.Scope(scope), secret, line})
			}
			a.note("secret, shown this once: %s", secret)
			fmt.Fprintln(a.Out, line)
			return nil
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "whose key it is: letters, digits, dots, dashes")
	cmd.Flags().StringVar(&scope, "scope", "", "read or operate")
	return cmd
}
