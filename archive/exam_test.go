package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/s3test"
)

// desk is a store that sits the exam.
type desk struct {
	*testing.T
	setting string
	folder  string // where its keys are files
	plain   string // its URL for people
}

// stores are all that there are.
var stores = []struct {
	name string
	open func(t *testing.T) desk
}{
	{"folder", func(t *testing.T) desk {
		dir := filepath.Join(t.TempDir(), "made", "by open")
		u := url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}
		return desk{T: t, setting: u.String(), folder: dir, plain: u.String()}
	}},
	{"s3", func(t *testing.T) desk {
		s := s3test.New(t)
		return desk{T: t, setting: s.URL(""), folder: s.Folder, plain: "s3://" + s3test.Bucket}
	}},
	{"s3 with a prefix", func(t *testing.T) desk {
		s := s3test.New(t)
		return desk{T: t, setting: s.URL("nights/of/ours/"), folder: filepath.Join(s.Folder, "nights", "of", "ours"), plain: "s3://" + s3test.Bucket + "/nights/of/ours"}
	}},
}

// exam is what every store has to do.
var exam = []struct {
	part string
	test func(d desk)
}{
	{"PutOnce", putOnce},
	{"CreateOnce", createOnce},
	{"Race", race},
	{"RaceOfStreams", raceOfStreams},
	{"Missing", missing},
	{"Listing", listing},
	{"HostileKeys", hostileKeys},
	{"BigStream", bigStream},
	{"FailedStream", failedStream},
	{"Cancelled", cancelled},
	{"Reader", readOnly},
	{"Together", together},
	{"TooLarge", tooLarge},
	{"Gone", gone},
	{"Remove", remove},
}

// TestExam has every store sit the same exam.
func TestExam(t *testing.T) {
	for _, s := range stores {
		t.Run(s.name, func(t *testing.T) {
			for _, e := range exam {
				t.Run(e.part, func(t *testing.T) { e.test(s.open(t)) })
			}
		})
	}
}

func (d desk) open() *archive.Archive {
	d.Helper()
	a, err := archive.Open(d.Context(), d.setting)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() {
		if err := a.Close(); err != nil {
			d.Error(err)
		}
	})
	return a
}

// files are the keys that the store has, its own probe left out.
func (d desk) files() []string {
	d.Helper()
	var all []string
	err := filepath.WalkDir(d.folder, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // not made yet
		}
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), "write-once.txt") {
			return err
		}
		rel, err := filepath.Rel(d.folder, path)
		all = append(all, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
	return all
}

func say(text string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
}

func putOnce(d desk) {
	a := d.open()
	key := archive.AnswerKey("market-digest/2026-11-22", "4b0f7c9e-5b1a-4b57-9a46-5f3a3a1f1f10")
	if err := a.Put(d.Context(), key, []byte("first")); err != nil {
		d.Fatal(err)
	}
	if err := a.Put(d.Context(), key, []byte("first")); err != nil {
		d.Fatalf("the same content again: %v", err)
	}
	for _, other := range []string{"fIrst", "second", ""} {
		err := a.Put(d.Context(), key, []byte(other))
		if !errors.Is(err, archive.ErrDiffers) {
			d.Fatalf("another content: %v, want ErrDiffers", err)
		}
		if strings.Contains(err.Error(), "second") || strings.Contains(err.Error(), "first") {
			d.Errorf("the error shows the content: %v", err)
		}
	}
	if err := a.Create(d.Context(), key, say("first")); err != nil {
		d.Errorf("the same content as a stream: %v", err)
	}
	if err := a.Put(d.Context(), "d/2026-11-22/empty.txt", nil); err != nil {
		d.Error(err)
	}
	if got, err := a.Get(d.Context(), "d/2026-11-22/empty.txt"); err != nil || len(got) != 0 {
		d.Errorf("an empty content: %q, %v", got, err)
	}
	got, err := a.Get(d.Context(), key)
	if err != nil || string(got) != "first" {
		d.Fatalf("Get = %q, %v; the first content stays", got, err)
	}
	// The key is the path, and there is nothing beside it.
	if files := d.files(); len(files) != 2 || files[1] != key {
		d.Errorf("files = %v; want just %s", files, key)
	}
	if want := d.plain + "/" + key; a.URL(key) != want {
		d.Errorf("URL = %s, want %s", a.URL(key), want)
	}
}

func createOnce(d desk) {
	a := d.open()
	const key = "d/2026-11-22/results.jsonl"
	for range 2 { // the second one compares
		if err := a.Create(d.Context(), key, say("first")); err != nil {
			d.Fatal(err)
		}
	}
	for _, other := range []string{"fIrst", "second", ""} {
		if err := a.Create(d.Context(), key, say(other)); !errors.Is(err, archive.ErrDiffers) {
			d.Errorf("another content: %v, want ErrDiffers", err)
		}
	}
	if err := a.Put(d.Context(), key, []byte("first")); err != nil {
		d.Errorf("the same content whole: %v", err)
	}
	if err := a.Create(d.Context(), "d/2026-11-22/empty.jsonl", say("")); err != nil {
		d.Error(err)
	}
	r, err := a.Read(d.Context(), key)
	if err != nil {
		d.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "first" {
		d.Errorf("%q, %v", got, err)
	}
	if err := r.Close(); err != nil {
		d.Error(err)
	}
	if files := d.files(); len(files) != 2 {
		d.Errorf("files = %v", files)
	}
}

func race(d desk) {
	rivals(d, func(a *archive.Archive, key, content string) error { return a.Put(d.Context(), key, []byte(content)) })
}

func raceOfStreams(d desk) {
	rivals(d, func(a *archive.Archive, key, content string) error { return a.Create(d.Context(), key, say(content)) })
}

// rivals has 32 writers of two handles at one key: one content stays, and
// whoever was told so wrote it.
func rivals(d desk, write func(*archive.Archive, string, string) error) {
	both := []*archive.Archive{d.open(), d.open()}
	const key = "race/2026-11-22/report.txt"
	var wg sync.WaitGroup
	won := make(chan string, 32)
	for i := range 32 {
		content := strings.Repeat(string(rune('a'+i%26)), 4096)
		wg.Go(func() {
			err := write(both[i%2], key, content)
			switch {
			case err == nil:
				won <- content
			case !errors.Is(err, archive.ErrDiffers):
				d.Error(err)
			}
		})
	}
	wg.Wait()
	close(won)
	got, err := both[0].Get(d.Context(), key)
	if err != nil {
		d.Fatal(err)
	}
	if len(won) == 0 {
		d.Fatal("nobody won")
	}
	for content := range won {
		if content != string(got) {
			d.Errorf("two contents were both accepted")
		}
	}
	if files := d.files(); len(files) != 1 {
		d.Errorf("files = %v", files)
	}
}

// listing finds keys by their folder, in order, and none of what isn't there.
func listing(d desk) {
	a := d.open()
	for _, key := range []string{"logs/key=b/day=2026-11-22/part-0001.jsonl.gz", "logs/key=b/day=2026-11-21/part-0001.jsonl.gz", "logs/key=bb/x", "other.txt"} {
		if err := a.Put(d.Context(), key, []byte(key)); err != nil {
			d.Fatal(err)
		}
	}
	for folder, want := range map[string]string{
		"logs/key=b":  "logs/key=b/day=2026-11-21/part-0001.jsonl.gz logs/key=b/day=2026-11-22/part-0001.jsonl.gz",
		"logs/key=bb": "logs/key=bb/x",
		"logs":        "logs/key=b/day=2026-11-21/part-0001.jsonl.gz logs/key=b/day=2026-11-22/part-0001.jsonl.gz logs/key=bb/x",
		"nothing":     "",
	} {
		var got []string
		for o, err := range a.List(d.Context(), folder) {
			if err != nil || o.Bytes != int64(len(o.Key)) {
				d.Errorf("%s: %+v, %v", folder, o, err)
			}
			got = append(got, o.Key)
		}
		if s := strings.Join(got, " "); s != want {
			d.Errorf("List(%q) = %s, want %s", folder, s, want)
		}
	}
	for range a.List(d.Context(), "") {
		break // whoever has seen enough stops
	}
	for _, err := range a.List(d.Context(), "../up") {
		if batch.KindOf(err) != batch.Internal {
			d.Errorf("a folder above: %v", err)
		}
	}
}

func missing(d desk) {
	a := d.open()
	if _, err := a.Get(d.Context(), "nothing/2026-11-22/report.txt"); batch.KindOf(err) != batch.NotFound {
		d.Errorf("err = %v, want NotFound", err)
	}
	if _, err := a.Read(d.Context(), "nothing/2026-11-22/report.txt"); batch.KindOf(err) != batch.NotFound {
		d.Errorf("err = %v, want NotFound", err)
	}
}

func hostileKeys(d desk) {
	a := d.open()
	for _, key := range []string{"", "/etc/passwd", "../up", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a b", "a\x00b", "ä", strings.Repeat("k", 513)} {
		if err := a.Put(d.Context(), key, nil); batch.KindOf(err) != batch.Internal {
			d.Errorf("Put(%q) = %v, want it refused", key, err)
		}
		if err := a.Create(d.Context(), key, say("")); batch.KindOf(err) != batch.Internal {
			d.Errorf("Create(%q) = %v, want it refused", key, err)
		}
		if _, err := a.Get(d.Context(), key); batch.KindOf(err) != batch.Internal {
			d.Errorf("Get(%q) = %v, want it refused", key, err)
		}
	}
	if files := d.files(); len(files) != 0 {
		d.Errorf("files = %v", files)
	}
}

// noise writes n bytes that no store can guess, the same for the same seed.
func noise(w io.Writer, seed [32]byte, n int64) error {
	_, err := io.CopyN(w, rand.NewChaCha8(seed), n)
	return err
}

// bigStream has 120 MiB go in, go in again to be compared, and come out, and
// looks at what it had in memory meanwhile.
func bigStream(d desk) {
	const size, allowed = 120 << 20, 64 << 20
	a := d.open()
	const key = "big/2026-11-22/results.jsonl"
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	most := uint64(0)
	look := func() {
		runtime.GC() // what is held, not what is litter
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	sum := sha256.New()
	fill := func(change byte) func(w io.Writer) error {
		return func(w io.Writer) error {
			sum.Reset()
			for i := range byte(10) {
				if i == 9 {
					i += change
				}
				if err := noise(io.MultiWriter(w, sum), [32]byte{i}, size/10); err != nil {
					return err
				}
				look()
			}
			return nil
		}
	}
	if err := a.Create(d.Context(), key, fill(0)); err != nil {
		d.Fatal(err)
	}
	want := sum.Sum(nil)
	if err := a.Create(d.Context(), key, fill(0)); err != nil {
		d.Errorf("again: %v", err)
	}
	if err := a.Create(d.Context(), key, fill(1)); !errors.Is(err, archive.ErrDiffers) {
		d.Errorf("its last part changed: %v", err)
	}
	r, err := a.Read(d.Context(), key)
	if err != nil {
		d.Fatal(err)
	}
	sum.Reset()
	n, err := io.Copy(sum, r)
	look()
	if err != nil || n != size || !bytes.Equal(sum.Sum(nil), want) {
		d.Errorf("%d bytes came out, %v", n, err)
	}
	if err := r.Close(); err != nil {
		d.Error(err)
	}
	if used := int64(most) - int64(before.HeapAlloc); used > allowed {
		d.Errorf("%d MiB were held in memory", used>>20)
	}
}

// failedStream: the writer's own error comes back as it is, and nothing stays,
// of a little and of much.
func failedStream(d desk) {
	a := d.open()
	own := errors.New("own")
	for _, size := range []int64{0, 10, 40 << 20} {
		err := a.Create(d.Context(), "half/2026-11-22/results.jsonl", func(w io.Writer) error {
			if err := noise(w, [32]byte{}, size); err != nil {
				return err
			}
			return own
		})
		if err != own {
			d.Errorf("%d bytes: %v, want its own error", size, err)
		}
		if _, err := a.Get(d.Context(), "half/2026-11-22/results.jsonl"); batch.KindOf(err) != batch.NotFound {
			d.Errorf("%d bytes: something is there: %v", size, err)
		}
	}
	if files := d.files(); len(files) != 0 {
		d.Errorf("left behind: %v", files)
	}
}

func cancelled(d desk) {
	a := d.open()
	for _, size := range []int64{0, 10, 40 << 20} {
		ctx, cancel := context.WithCancel(d.Context())
		err := a.Create(ctx, "half/2026-11-22/results.jsonl", func(w io.Writer) error {
			if err := noise(w, [32]byte{}, size); err != nil {
				return err
			}
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			d.Errorf("%d bytes: %v, want it cancelled", size, err)
		}
		if err := a.Put(ctx, "half/2026-11-22/report.txt", []byte("x")); !errors.Is(err, context.Canceled) {
			d.Errorf("Put: %v, want it cancelled", err)
		}
	}
	if files := d.files(); len(files) != 0 {
		d.Errorf("left behind: %v", files)
	}
}

// readOnly reads what another handle wrote, and writes nothing.
func readOnly(d desk) {
	if strings.HasPrefix(d.setting, "file:") {
		if _, err := archive.Reader(d.Context(), d.setting); batch.KindOf(err) != batch.NotFound {
			d.Errorf("a folder that isn't there: %v", err)
		}
		if _, err := os.Stat(d.folder); err == nil {
			d.Error("a reader made the folder")
		}
	}
	if err := d.open().Put(d.Context(), "d/2026-11-22/report.txt", []byte("text")); err != nil {
		d.Fatal(err)
	}
	a, err := archive.Reader(d.Context(), d.setting)
	if err != nil {
		d.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	if got, err := a.Get(d.Context(), "d/2026-11-22/report.txt"); err != nil || string(got) != "text" {
		d.Errorf("%q, %v", got, err)
	}
	if err := a.Put(d.Context(), "d/2026-11-22/x.txt", nil); batch.KindOf(err) != batch.Internal {
		d.Errorf("a reader wrote: %v", err)
	}
	if err := a.Create(d.Context(), "d/2026-11-22/x.txt", say("x")); batch.KindOf(err) != batch.Internal {
		d.Errorf("a reader wrote: %v", err)
	}
}
