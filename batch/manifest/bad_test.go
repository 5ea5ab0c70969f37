package manifest

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// bad is an input and everything that must be said about it, each with its
// position: "line:column: path: message (hint)".
type bad struct {
	what, in string
	want     []string
}

// Beginnings of inputs that are good as far as they go.
const (
	valid     = "name: a\njobs: [{name: x, task: t}]\n"
	oneJob    = "name: a\njobs:\n  - name: x\n    task: t\n"
	regulated = "name: a\npolicy: {compliance: regulated}\njobs:\n  - name: x\n    task: t\n"
)

func checkBad(t *testing.T, table []bad) {
	t.Helper()
	for _, c := range table {
		t.Run(c.what, func(t *testing.T) {
			m, err := Read("f", []byte(c.in))
			if got := said(t, err); !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
			if m.Name != "" || m.Jobs != nil {
				t.Error("a manifest was handed out beside the error")
			}
			if _, err := JSON("f", []byte(c.in)); !slices.Equal(said(t, err), c.want) {
				t.Errorf("JSON says something else: %v", err)
			}
		})
	}
}

// said is an error's problems without the source "f".
func said(t *testing.T, err error) []string {
	t.Helper()
	var ps Problems
	if err != nil && !errors.As(err, &ps) {
		t.Fatalf("not Problems: %v", err)
	}
	var out []string
	for _, p := range ps {
		out = append(out, strings.TrimPrefix(p.String(), "f:"))
	}
	return out
}
