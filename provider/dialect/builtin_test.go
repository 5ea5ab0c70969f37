package dialect

import "testing"

func TestBuiltin(t *testing.T) {
	var names []string
	for _, d := range Builtin() {
		names = append(names, d.Name)
	}
	if len(names) != 2 || names[0] != "allswap" || names[1] != "swiftia" {
		t.Errorf("built in: %v", names)
	}
}
