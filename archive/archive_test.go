package archive_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
)

func open(t *testing.T) (*archive.Archive, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made", "by open")
	a, err := archive.Open(t.Context(), "file://"+filepath.ToSlash(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a, dir
}

func TestPutOnce(t *testing.T) {
	a, dir := open(t)
	key := archive.AnswerKey("market-digest/2026-11-22", "4b0f7c9e-5b1a-4b57-9a46-5f3a3a1f1f10")
	if err := a.Put(t.Context(), key, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := a.Put(t.Context(), key, []byte("first")); err != nil {
		t.Fatalf("the same content again: %v", err)
	}
	err := a.Put(t.Context(), key, []byte("second"))
	if !errors.Is(err, archive.ErrDiffers) {
		t.Fatalf("another content: %v, want ErrDiffers", err)
	}
	if strings.Contains(err.Error(), "second") || strings.Contains(err.Error(), "first") {
		t.Errorf("the error shows the content: %v", err)
	}
	got, err := a.Get(t.Context(), key)
	if err != nil || string(got) != "first" {
		t.Fatalf("Get = %q, %v; the first content stays", got, err)
	}
	// The key is the path on disk, and there is nothing beside it.
	files, err := filepath.Glob(filepath.Join(dir, "market-digest", "2026-11-22", "answers", "*"))
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != filepath.Base(key) {
		t.Errorf("files = %v, %v; want just %s", files, err, key)
	}
	if want := "file://" + filepath.ToSlash(strings.ReplaceAll(dir, " ", "%20")) + "/" + key; a.URL(key) != want {
		t.Errorf("URL = %s, want %s", a.URL(key), want)
	}
}

func TestPutRace(t *testing.T) {
	a, _ := open(t)
	var wg sync.WaitGroup
	won := make(chan string, 32)
	for i := range 32 {
		content := strings.Repeat(string(rune('a'+i%26)), 4096)
		wg.Go(func() {
			err := a.Put(t.Context(), "race/2026-11-22/report.txt", []byte(content))
			switch {
			case err == nil:
				won <- content
			case !errors.Is(err, archive.ErrDiffers):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(won)
	got, err := a.Get(t.Context(), "race/2026-11-22/report.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(won) == 0 {
		t.Fatal("nobody won")
	}
	for content := range won {
		if content != string(got) {
			t.Errorf("two contents were both accepted")
		}
	}
}

func TestGetMissing(t *testing.T) {
	a, _ := open(t)
	if _, err := a.Get(t.Context(), "nothing/2026-11-22/report.txt"); batch.KindOf(err) != batch.NotFound {
		t.Errorf("err = %v, want NotFound", err)
	}
}

func TestHostileKeys(t *testing.T) {
	a, _ := open(t)
	for _, key := range []string{"", "/etc/passwd", "../up", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a b", "a\x00b", "ä", strings.Repeat("k", 513)} {
		if err := a.Put(t.Context(), key, nil); batch.KindOf(err) != batch.Internal {
			t.Errorf("Put(%q) = %v, want it refused", key, err)
		}
		if _, err := a.Get(t.Context(), key); batch.KindOf(err) != batch.Internal {
			t.Errorf("Get(%q) = %v, want it refused", key, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]batch.Kind{
		"":                            batch.BadInput,
		"relative/folder":             batch.BadInput,
		"file://relative/folder":      batch.BadInput,
		"file:relative":               batch.BadInput,
		"file:///tmp/a?x=1":           batch.BadInput,
		"gopher://u:secret@h/p":       batch.BadInput,
		"file://%zz":                  batch.BadInput,
		"file://" + file + "/below":   batch.OutOfReach,
		"https://u:secret@host/place": batch.BadInput,
	} {
		a, err := archive.Open(t.Context(), url)
		if batch.KindOf(err) != want {
			t.Errorf("Open(%q) = %v, %v; want %s", url, a, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

func TestReportKey(t *testing.T) {
	for rev, want := range map[int]string{1: "d/2026-11-22/report.txt", 2: "d/2026-11-22/report-2.txt"} {
		if got := archive.ReportKey("d/2026-11-22", rev, "txt"); got != want {
			t.Errorf("revision %d: %s, want %s", rev, got, want)
		}
	}
}
