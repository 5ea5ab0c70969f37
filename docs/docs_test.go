// Package docs holds the documentation; its tests keep it true where a machine
// can.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// text is a document by its path from the repository's root.
func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	// kept is a folder and the tests in it that a promise names.
	kept = regexp.MustCompile("([a-z0-9/]+)((?:,? `[A-Z][A-Za-z0-9]*`)+)")
	name = regexp.MustCompile("`([A-Z][A-Za-z0-9]*)`")
)

// TestPromisesNameTests: each test that promises.md names is there, under its
// folder; a part of the ledger's exam is one that the exam lists.
func TestPromisesNameTests(t *testing.T) {
	promises, _, _ := strings.Cut(text(t, "docs/promises.md"), "## Not promised")
	exam := text(t, "ledger/ledgertest/exam.go")
	seen := 0
	for _, row := range strings.Split(promises, "\n") {
		if !strings.HasPrefix(row, "| ") {
			continue
		}
		_, by, _ := strings.Cut(strings.Trim(row, "| "), " | ")
		before := seen
		for _, m := range kept.FindAllStringSubmatch(by, -1) {
			folder, tests := m[1], tests(t, m[1])
			for _, n := range name.FindAllStringSubmatch(m[2], -1) {
				seen++
				if folder == "ledger" && strings.Contains(exam, `{"`+n[1]+`", `) {
					continue
				}
				if !strings.Contains(tests, "\nfunc "+n[1]+"(t *testing.T)") {
					t.Errorf("%s has no test %s, which a promise names: %s", folder, n[1], row)
				}
			}
		}
		if before == seen && by != "kept by" && !strings.HasPrefix(row, "|---") {
			t.Errorf("nothing keeps this promise: %s", row)
		}
	}
	if seen < 50 {
		t.Errorf("only %d tests are named: the tables aren't read", seen)
	}
}

// tests is the text of a folder's test files.
func tests(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteByte('\n')
		all.Write(b)
	}
	return all.String()
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// TestLinks: each relative link of the documentation leads to a file, and to a
// heading in it where it names one.
func TestLinks(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../*.md", "*.md", "decisions/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	links := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			links++
			path := f
			if target != "" {
				path = filepath.Join(filepath.Dir(f), filepath.FromSlash(target))
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Errorf("%s: %s: %v", f, m[1], err)
				continue
			}
			if anchor != "" && !anchors(string(b))[anchor] {
				t.Errorf("%s: %s: no such heading", f, m[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("only %d links found in %d files", links, len(files))
	}
}

// anchors are the headings of a document as links write them.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}
