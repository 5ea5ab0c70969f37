// Package fresh keeps what was read from files as new as the files are: keys
// and certificates are changed while a program runs. starter/httpapi's server, its
// key ring, and codec call it.
package fresh

import (
	"errors"
	"os"
	"slices"
	"sync"
	"time"
)

// Every is how often the files are looked at, at most: only a use looks.
const Every = time.Second

// Value is what was read last from files that could be read.
type Value[T any] struct {
	read    func() (T, error)
	paths   []string
	now     func() time.Time
	changed func(error) // told of each reading but the first, with its error

	mu      sync.Mutex
	looked  time.Time
	seen    []os.FileInfo
	value   T
	turn    int
	trouble error
}

// Open reads for the first time; an error then is the caller's to report.
// Changed, when not nil, is called after each later reading: its error means
// that the value from before still holds.
func Open[T any](now func() time.Time, changed func(error), read func() (T, error), paths ...string) (*Value[T], error) {
	v := &Value[T]{read: read, paths: paths, now: now, changed: changed, looked: now()}
	// Stat before reading: a change in between is then seen as one.
	v.seen, _ = stat(paths) // read says what is wrong with a file
	var err error
	v.value, err = read()
	return v, err
}

// Get is the value, read anew when a file changed since. A file that can't be
// read, or isn't right, leaves the value as it was: see Trouble.
func (v *Value[T]) Get() T {
	v.mu.Lock()
	tell := func() {}
	if now := v.now(); now.Sub(v.looked) >= Every {
		v.looked = now
		tell = v.look(false)
	}
	value := v.value
	v.mu.Unlock()
	tell() // without the lock: who is told may look
	return value
}

// Turn counts the readings that were taken, so that whoever keeps something of
// an older one can tell.
func (v *Value[T]) Turn() int {
	v.Get()
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.turn
}

// Reload reads now, changed or not.
func (v *Value[T]) Reload() {
	v.mu.Lock()
	v.looked = v.now()
	tell := v.look(true)
	v.mu.Unlock()
	tell()
}

// Trouble is why the last reading was not taken; nil when it was.
func (v *Value[T]) Trouble() error {
	v.Get()
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.trouble
}

// look is called with the lock held. What it returns is to be called without it.
func (v *Value[T]) look(always bool) (tell func()) {
	seen, err := stat(v.paths)
	if err == nil && !always && same(seen, v.seen) {
		return func() {}
	}
	if err != nil && !always && v.trouble != nil && v.seen == nil {
		return func() {} // still gone, and said
	}
	v.seen = seen
	if err == nil {
		var value T
		if value, err = v.read(); err == nil {
			v.value = value
			v.turn++
		}
	}
	v.trouble = err
	return func() {
		if v.changed != nil {
			v.changed(err)
		}
	}
}

// stat is all files, or nil and what is wrong with them.
func stat(paths []string) ([]os.FileInfo, error) {
	var (
		all  []os.FileInfo
		errs []error
	)
	for _, p := range paths {
		fi, err := os.Stat(p)
		all, errs = append(all, fi), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return all, nil
}

// same says that no file was replaced or written: by inode, time and size.
func same(a, b []os.FileInfo) bool {
	return slices.EqualFunc(a, b, func(a, b os.FileInfo) bool {
		return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
	})
}
