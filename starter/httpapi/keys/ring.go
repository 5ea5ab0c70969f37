package keys

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/fresh"
)

// Bounds of a ring: each request is compared with every key.
const (
	most     = 1000
	mostText = 1 << 20
)

// Source is where keys come from: lines, or a file of lines, not both.
type Source struct {
	Lines   []string         // OFFPEAK_HTTP_KEYS
	File    string           // OFFPEAK_HTTP_KEYS_FILE: one a line; # begins a comment
	Now     func() time.Time // time.Now when nil
	Changed func(error)      // told of each later reading of the file; an error means that the keys from before hold
}

// Ring is the keys that are good now. Those of a file follow it: see
// [fresh.Value]. It is safe for concurrent use.
type Ring struct {
	keys []Key
	file *fresh.Value[[]Key]
}

// Open reads the keys and says all that is wrong with them at once. No source
// is an empty ring; a file without a key is a mistake.
func Open(s Source) (*Ring, error) {
	if s.Now == nil {
		s.Now = time.Now
	}
	switch {
	case s.File != "" && len(s.Lines) > 0:
		return nil, &batch.Fault{
			Kind: batch.BadInput, Op: "read keys", Detail: "OFFPEAK_HTTP_KEYS and OFFPEAK_HTTP_KEYS_FILE are both set",
			Hint: "keep one: a file can be changed while the server runs",
		}
	case s.File == "":
		all, err := list("OFFPEAK_HTTP_KEYS", "entry", s.Lines)
		return &Ring{keys: all}, err
	}
	v, err := fresh.Open(s.Now, s.Changed, func() ([]Key, error) { return read(s.File) }, s.File)
	return &Ring{file: v}, err
}

// all are the keys that are good now.
func (r *Ring) all() []Key {
	if r.file != nil {
		return r.file.Get()
	}
	return r.keys
}

// Empty says that there are no keys: everybody who reaches the server may use it.
func (r *Ring) Empty() bool { return len(r.all()) == 0 }

// Check is whose key a secret is.
func (r *Ring) Check(secret string) (Key, bool) { return find(r.all(), secret) }

// Holds says whether a key that was good still is.
func (r *Ring) Holds(k Key) bool {
	all := r.all()
	for i := range all {
		if all[i] == k {
			return true
		}
	}
	return len(all) == 0 && k == Key{Scope: Operate}
}

// Turn changes whenever other keys are good than before.
func (r *Ring) Turn() int {
	if r.file == nil {
		return 0
	}
	return r.file.Turn()
}

// Reload reads the file now.
func (r *Ring) Reload() {
	if r.file != nil {
		r.file.Reload()
	}
}

// Trouble is why the file as it stands is not taken.
func (r *Ring) Trouble() error {
	if r.file == nil {
		return nil
	}
	return r.file.Trouble()
}

// read is the keys of a file.
func read(path string) ([]Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, bad(path, err.Error())
	}
	defer f.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(io.LimitReader(f, mostText+1))
	switch {
	case err != nil:
		return nil, bad(path, err.Error())
	case len(text) > mostText:
		return nil, bad(path, fmt.Sprintf("it is larger than %d bytes", mostText))
	}
	all, err := list(path, "line", strings.Split(string(text), "\n"))
	if err == nil && len(all) == 0 {
		return nil, bad(path, "it holds no key")
	}
	return all, err
}

// list reads lines, or entries; their numbers count from one, as an editor's do.
func list(thing, unit string, lines []string) ([]Key, error) {
	var (
		all   []Key
		wrong []string
		seen  = map[[32]byte]int{}
	)
	for i, line := range lines {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		k, err := parse(line)
		if err == nil && seen[k.hash] > 0 {
			err = fmt.Errorf("has the hash of %s %d", unit, seen[k.hash])
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s %d: %v", unit, i+1, err))
			continue
		}
		seen[k.hash] = i + 1
		all = append(all, k)
	}
	if len(all) > most {
		wrong = append(wrong, fmt.Sprintf("%d keys; at most %d", len(all), most))
	}
	if len(wrong) > 0 {
		return nil, bad(thing, strings.Join(wrong, "\n"))
	}
	return all, nil
}

func bad(thing, detail string) error {
	return &batch.Fault{
		Kind: batch.BadInput, Op: "read keys", Thing: thing, Detail: detail, Err: errors.New(detail),
		Hint: "starter keys new --id ci --scope read makes a key and prints the line to keep",
	}
}
