package dialect

import (
	"embed"
	"fmt"
	"path"
	"sync"
)

//go:embed builtin/*.yaml
var files embed.FS

// Builtin are the declarations that come with the program, in order of name.
var Builtin = sync.OnceValue(func() []*Dialect {
	entries, err := files.ReadDir("builtin")
	if err != nil {
		panic(err) // embedded: there
	}
	var out []*Dialect
	for _, e := range entries {
		text, err := files.ReadFile(path.Join("builtin", e.Name()))
		if err != nil {
			panic(err)
		}
		d, err := Parse(e.Name(), text)
		if err != nil {
			panic(fmt.Sprintf("a built-in declaration: %v", err)) // TestBuiltin reads them
		}
		out = append(out, d)
	}
	return out
})
