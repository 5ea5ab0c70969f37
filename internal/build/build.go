// Package build says which build of offpeak is running: what a bug report
// needs, and by what Temporal tells workers apart.
package build

import (
	"runtime"
	"runtime/debug"
)

// Info is one build.
type Info struct {
	Version  string `json:"version"` // "(devel)" when it wasn't built from a release
	Commit   string `json:"commit"`  // with "-dirty" behind it when files had been changed; "unknown" outside a checkout
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// This is the running build.
func This() Info {
	b := Info{Version: "(devel)", Commit: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	dirty := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	b.Commit += dirty
	return b
}

// ID is the commit in 12 digits. Every event of a history that a worker writes
// carries it, so that it is short.
func (i Info) ID() string { return i.Commit[:min(len(i.Commit), 12)] }
