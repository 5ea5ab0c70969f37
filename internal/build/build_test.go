package build

import "testing"

func TestID(t *testing.T) {
	for commit, want := range map[string]string{
		"unknown": "unknown",
		"3d005697a3b1c2d4e5f60718293a4b5c6d7e8f90":       "3d005697a3b1",
		"3d005697a3b1c2d4e5f60718293a4b5c6d7e8f90-dirty": "3d005697a3b1",
	} {
		if got := (Info{Commit: commit}).ID(); got != want {
			t.Errorf("%s is %s, want %s", commit, got, want)
		}
	}
	if b := This(); b.Go == "" || b.Platform == "" || b.Version == "" || b.Commit == "" {
		t.Errorf("%+v", b)
	}
}
