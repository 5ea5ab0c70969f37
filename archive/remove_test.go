package archive_test

import (
	"fmt"
	"slices"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
)

// remove: what is named goes, its neighbours stay, twice is fine, and a reader
// may not.
func remove(d desk) {
	a := d.open()
	const id batch.ID = "market-digest/2026-11-22"
	var keys []string
	for i := range 40 {
		key := archive.AnswerKey(id, fmt.Sprintf("4b0f7c9e-5b1a-4b57-9a46-%012d", i))
		keys = append(keys, key)
		if err := a.Put(d.Context(), key, []byte("answer")); err != nil {
			d.Fatal(err)
		}
	}
	stays := archive.AnswerKey("market-digest/2026-11-23", "4b0f7c9e-5b1a-4b57-9a46-000000000000")
	if err := a.Put(d.Context(), stays, []byte("another night's")); err != nil {
		d.Fatal(err)
	}
	r, err := archive.Reader(d.Context(), d.setting)
	if err != nil {
		d.Fatal(err)
	}
	defer r.Close()
	if err := r.Remove(d.Context(), keys, nil); batch.KindOf(err) != batch.Internal {
		d.Errorf("a reader deleted: %v", err)
	}
	if err := a.Remove(d.Context(), []string{"../../etc/passwd"}, nil); batch.KindOf(err) != batch.Internal {
		d.Errorf("a key that leads elsewhere: %v", err)
	}
	if n := len(d.files()); n != 41 {
		d.Fatalf("%d files, want 41", n)
	}
	var gone []string
	for range 2 { // one that was cut short is begun anew
		gone = nil
		if err := a.Remove(d.Context(), keys, func(key string) { gone = append(gone, key) }); err != nil {
			d.Fatal(err)
		}
	}
	slices.Sort(gone)
	if !slices.Equal(gone, keys) {
		d.Errorf("told of %d keys, want %d", len(gone), len(keys))
	}
	if files := d.files(); !slices.Equal(files, []string{stays}) {
		d.Errorf("left: %v", files)
	}
	if _, err := a.Get(d.Context(), keys[3]); batch.KindOf(err) != batch.NotFound {
		d.Errorf("read after it was deleted: %v, want NotFound", err)
	}
	if err := a.Remove(d.Context(), nil, nil); err != nil {
		d.Error(err)
	}
}
