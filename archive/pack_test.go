package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/s3test"
)

// gathered keeps contents that come while others are written, and returns
// their references.
func gathered(t *testing.T, a *archive.Archive, contents map[string][]byte) map[string]string {
	t.Helper()
	release := a.HoldPackers(t.Context())
	var (
		mu   sync.Mutex
		refs = map[string]string{}
		all  sync.WaitGroup
	)
	for key, content := range contents {
		all.Go(func() {
			ref, err := a.Gather(t.Context(), key, content)
			if err != nil {
				t.Errorf("%s: %v", key, err)
			}
			mu.Lock()
			defer mu.Unlock()
			refs[key] = ref
		})
	}
	release(len(contents))
	all.Wait()
	return refs
}

// together: those who come at once share objects, each finds its own content
// under its reference, from any reader, and one who comes alone has its key.
func together(d desk) {
	a := d.open()
	contents := map[string][]byte{
		"n/2026-11-22/answers/empty.json":  nil,
		"n/2026-11-22/answers/lines.json":  []byte("{\n\"a\": 1\n}\n\n"),
		"n/2026-11-22/answers/binary.json": {0, '\n', 0xff, '@', '{', '}'},
		"o/2026-11-22/answers/other.json":  []byte("of another batch"),
		"o/2026-11-22/answers/more.json":   []byte("and one more"),
	}
	for i := range 300 {
		contents[fmt.Sprintf("n/2026-11-22/answers/%03d.json", i)] = bytes.Repeat([]byte{byte('a' + i%26)}, i)
	}
	refs := gathered(d.T, a, contents)
	other, err := archive.Reader(d.Context(), d.setting)
	if err != nil {
		d.Fatal(err)
	}
	defer other.Close()
	packs := map[string]bool{}
	for key, content := range contents {
		pack, _, packed := strings.Cut(refs[key], "@")
		if !packed || filepath.Dir(pack) != filepath.Dir(key) {
			d.Fatalf("%s is kept as %s", key, refs[key])
		}
		packs[pack] = true
		if got, err := a.Get(d.Context(), refs[key]); err != nil || !bytes.Equal(got, content) {
			d.Errorf("%s holds %q, %v", refs[key], got, err)
		}
		r, err := other.Read(d.Context(), refs[key])
		if err != nil {
			d.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, content) {
			d.Errorf("another reader finds %q in %s: %v", got, refs[key], err)
		}
	}
	if files := d.files(); len(files) != len(packs) || len(packs) > 4 { // two of the one batch for 303, one of the other
		d.Errorf("%d contents are in %d packs and %d files: %v", len(contents), len(packs), len(files), files)
	}

	alone := archive.AnswerKey("n/2026-11-22", "alone")
	if ref, err := a.Gather(d.Context(), alone, []byte("first")); err != nil || ref != alone {
		d.Errorf("alone: %s, %v", ref, err)
	}
	if _, err := a.Gather(d.Context(), alone, []byte("second")); !errors.Is(err, archive.ErrDiffers) {
		d.Errorf("another content under the same key: %v", err)
	}
}

// tooLarge is kept by itself, whoever comes along.
func tooLarge(d desk) {
	a := d.open()
	a.HoldPackers(d.Context())
	content := bytes.Repeat([]byte("x"), 1<<20+1)
	ref, err := a.Gather(d.Context(), "n/2026-11-22/answers/large.json", content)
	if err != nil || ref != "n/2026-11-22/answers/large.json" {
		d.Fatalf("%s, %v", ref, err)
	}
	if got, err := a.Get(d.Context(), ref); err != nil || !bytes.Equal(got, content) {
		d.Errorf("%d bytes, %v", len(got), err)
	}
}

// gone is a caller who doesn't wait: the others have their answers.
func gone(d desk) {
	a := d.open()
	release := a.HoldPackers(d.Context())
	ctx, cancel := context.WithCancel(d.Context())
	cancel()
	if ref, err := a.Gather(ctx, "n/2026-11-22/answers/gone.json", []byte("gone")); !errors.Is(err, context.Canceled) {
		d.Errorf("%s, %v", ref, err)
	}
	var stays sync.WaitGroup
	stays.Go(func() {
		ref, err := a.Gather(d.Context(), "n/2026-11-22/answers/stays.json", []byte("stays"))
		if err != nil {
			d.Error(err)
		}
		if got, err := a.Get(d.Context(), ref); err != nil || string(got) != "stays" {
			d.Errorf("%s holds %q, %v", ref, got, err)
		}
	})
	release(2)
	stays.Wait()
}

// TestTornPack: a pack that was cut short, changed or taken away gives either
// the content that was kept or a fault, and never anything else.
func TestTornPack(t *testing.T) {
	dir := t.TempDir()
	a, err := archive.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	contents := map[string][]byte{}
	for i := range 8 {
		contents[fmt.Sprintf("n/2026-11-22/answers/%d.json", i)] = fmt.Appendf(nil, `{"answer": %d}`, i)
	}
	refs := gathered(t, a, contents)
	name, _, _ := strings.Cut(refs["n/2026-11-22/answers/0.json"], "@")
	pack := filepath.Join(dir, name)
	whole, err := os.ReadFile(pack)
	if err != nil {
		t.Fatal(err)
	}
	readable := func() (n int) {
		t.Helper()
		for key, ref := range refs {
			got, err := a.Get(t.Context(), ref)
			switch {
			case err == nil && bytes.Equal(got, contents[key]):
				n++
			case err == nil:
				t.Errorf("%s holds %q, want %q or a fault", ref, got, contents[key])
			case batch.KindOf(err) != batch.Internal || !strings.Contains(err.Error(), "damaged"):
				t.Errorf("%s: %v", ref, err)
			}
		}
		return n
	}
	if n := readable(); n != len(refs) {
		t.Fatalf("%d of %d are whole before anything happened", n, len(refs))
	}
	for cut := range len(whole) {
		if err := os.WriteFile(pack, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if n := readable(); n > len(refs)*(cut+1)/len(whole) { // the last byte belongs to none
			t.Errorf("%d are whole in %d of %d bytes", n, cut, len(whole))
		}
		changed := slices.Clone(whole)
		changed[cut] ^= 0x20
		if err := os.WriteFile(pack, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if n := readable(); n < len(refs)-1 {
			t.Errorf("byte %d changed: only %d are whole", cut, n)
		}
	}
	if err := os.Remove(pack); err != nil {
		t.Fatal(err)
	}
	for _, ref := range refs {
		if _, err := a.Get(t.Context(), ref); batch.KindOf(err) != batch.NotFound {
			t.Errorf("the pack of %s is gone: %v", ref, err)
		}
	}
}

// TestHostileReferences leads nobody out of the archive.
func TestHostileReferences(t *testing.T) {
	dir := t.TempDir()
	a, err := archive.Open(t.Context(), "file://"+filepath.Join(dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Put(t.Context(), "n/pack.txt", []byte("no pack at all")); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{
		"@", "@0+1", "n/pack.txt@", "n/pack.txt@0", "n/pack.txt@-1+5", "n/pack.txt@0+-1", "n/pack.txt@0+5@0+5",
		"n/pack.txt@0+5\n", "n/pack.txt@0+9999999999999", "n/pack.txt@999999999999+1", "n/pack.txt@0+999999999999",
		"n/pack.txt@0+14", "n/pack.txt@3+0", "../secret@0+6", "/secret@0+6", ".parts/x@0+6",
	} {
		if got, err := a.Get(t.Context(), ref); batch.KindOf(err) != batch.Internal {
			t.Errorf("%q holds %q, %v; want a fault", ref, got, err)
		}
		if _, err := a.Gather(t.Context(), ref, nil); batch.KindOf(err) != batch.Internal {
			t.Errorf("%q is taken for a key: %v", ref, err)
		}
	}
}

// TestPackRefused: where a pack can't be written each of its contents is tried
// by itself, so that one bad moment of a store doesn't cost many answers.
func TestPackRefused(t *testing.T) {
	s := s3test.New(t)
	refused := make(chan string, 10)
	endpoint := proxy(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/pack-") {
			return true
		}
		refused <- r.URL.Path
		w.WriteHeader(http.StatusForbidden)
		return false
	})
	a, err := archive.Open(t.Context(), s.Through(endpoint, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	contents := map[string][]byte{"n/2026-11-22/answers/a.json": []byte("a"), "n/2026-11-22/answers/b.json": []byte("b")}
	for key, ref := range gathered(t, a, contents) {
		if got, err := a.Get(t.Context(), ref); ref != key || err != nil || !bytes.Equal(got, contents[key]) {
			t.Errorf("%s is kept as %s: %q, %v", key, ref, got, err)
		}
	}
	if len(refused) == 0 {
		t.Error("no pack was refused: it proves nothing")
	}
}
