package config

import (
	"fmt"
	"strings"
)

// Help describes the given settings, or all, for --help.
func Help(names ...string) string {
	var b strings.Builder
	for _, s := range settings {
		if len(names) > 0 && !contains(names, s.name) {
			continue
		}
		fmt.Fprintf(&b, "  %s\n      %s\n", s.name, s.meaning)
		if s.def != "" {
			fmt.Fprintf(&b, "      default: %s\n", s.def)
		}
		if s.extreme != "" {
			fmt.Fprintf(&b, "      mind: %s\n", s.extreme)
		}
	}
	return b.String()
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
