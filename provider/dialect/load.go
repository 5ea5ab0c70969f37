package dialect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// Load reads the declarations of an operator: files, and folders whose *.yaml
// and *.json are read, separated by commas. With them come the built-in ones,
// whose names are taken. The error says everything that is wrong with any.
func Load(places string) ([]*Dialect, error) {
	all := slices.Clone(Builtin())
	var wrong []string
	complain := func(err error) {
		var f *batch.Fault
		if errors.As(err, &f) {
			wrong = append(wrong, f.Detail)
		} else {
			wrong = append(wrong, err.Error())
		}
	}
	from := map[string]string{}
	for place := range strings.SplitSeq(places, ",") {
		if place = strings.TrimSpace(place); place == "" {
			continue
		}
		files, err := filesIn(place)
		if err != nil {
			complain(err)
		}
		for _, file := range files {
			d, err := ReadFile(file)
			if err != nil {
				complain(err)
				continue
			}
			if i := slices.IndexFunc(all, func(have *Dialect) bool { return have.Name == d.Name }); i >= 0 {
				where := from[d.Name]
				if where == "" {
					where = "the built-in ones"
				}
				wrong = append(wrong, fmt.Sprintf("%s: the name %s is taken by %s", file, d.Name, where))
				continue
			}
			from[d.Name] = file
			all = append(all, d)
		}
	}
	if len(wrong) > 0 {
		return nil, &batch.Fault{
			Kind: batch.BadInput, Op: "read dialects", Thing: "OFFPEAK_DIALECTS", Moved: batch.MovedNo, Detail: strings.Join(wrong, "\n"),
			Hint: "docs/adding-a-provider.md explains every field",
		}
	}
	return all, nil
}

// ReadFile reads one declaration.
func ReadFile(path string) (*Dialect, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &batch.Fault{Kind: batch.NotFound, Op: "read dialect", Thing: path, Moved: batch.MovedNo, Detail: why(err), Err: err}
	}
	return Parse(path, text)
}

func why(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Path + ": " + p.Err.Error()
	}
	return err.Error()
}

// filesIn are a file itself, or the declarations of a folder in order of name.
func filesIn(place string) ([]string, error) {
	info, err := os.Stat(place)
	if err != nil {
		return nil, errors.New(why(err))
	}
	if !info.IsDir() {
		return []string{place}, nil
	}
	entries, err := os.ReadDir(place)
	if err != nil {
		return nil, errors.New(why(err))
	}
	var out []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml" || ext == ".json") {
			out = append(out, filepath.Join(place, e.Name()))
		}
	}
	return out, nil
}
