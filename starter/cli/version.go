package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/internal/build"
)

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which build this is",
		Long:    "Prints the version, the commit that it was built from and the Go release that\nbuilt it: what a bug report needs.",
		Example: "  starter version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := build.This()
			if a.json {
				return a.object(v)
			}
			fmt.Fprintf(a.Out, "offpeak %s, commit %s, %s %s\n", v.Version, v.Commit, v.Go, v.Platform)
			return nil
		},
	}
}
