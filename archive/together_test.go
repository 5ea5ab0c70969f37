package archive_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/offpeak/offpeak/archive"
)

// TestManyWritersOfOneFolder: writers that share the syncs of their folder each
// get their answer, and nothing but the answers stays.
func TestManyWritersOfOneFolder(t *testing.T) {
	dir := t.TempDir()
	a, err := archive.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	const writers, each = 16, 10
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				key := fmt.Sprintf("night/answers/%d-%d.json", w, i)
				if err := a.Put(t.Context(), key, []byte(key)); err != nil {
					t.Error(err)
				}
				if err := a.Put(t.Context(), "night/answers/same.json", []byte("the same")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	names, err := os.ReadDir(filepath.Join(dir, "night", "answers"))
	if err != nil || len(names) != writers*each+1 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, n := range names[:writers*each] {
		key := "night/answers/" + n.Name()
		if got, err := a.Get(t.Context(), key); err != nil || string(got) != key {
			t.Errorf("%s holds %q, %v", key, got, err)
		}
	}
}
