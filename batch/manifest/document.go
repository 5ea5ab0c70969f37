package manifest

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/offpeak/offpeak/batch"
)

// Limits of the text itself. They are far above what a manifest needs and keep
// a hostile one from taking a machine's memory.
const (
	maxSource = 4 << 20 // bytes of one document, before and after its aliases are expanded
	maxDepth  = 64      // nested lists and objects
	maxMarks  = 250_000 // lines, commas, colons and brackets: 4 MB of "[],[]," would take the YAML parser a gigabyte
)

// Said by both readers.
const (
	tooDeep = "is nested more than 64 deep"
	nulText = "has a NUL character"
	nulHint = "remove it; no text needs one"
)

// document turns the text into nodes; nil means that problems were added and
// there is nothing to walk. What begins with '{' is JSON, the rest YAML.
func document(f *finder, data []byte) *node {
	src := strings.TrimPrefix(string(data), "\ufeff")
	if len(data) > maxSource {
		f.add(1, 1, nil, "", fmt.Sprintf("is %s bytes, more than %s", grouped(len(data)), grouped(maxSource)), manyJobs)
		return nil
	}
	bare := strings.TrimLeft(src, " \t\r\n")
	if bare == "" {
		f.add(1, 1, nil, "", "is empty", "a manifest needs a name and jobs")
		return nil
	}
	if !utf8.ValidString(src) {
		line, column, b := firstInvalid(src)
		f.add(line, column, nil, "", fmt.Sprintf("has the byte %#02x, which isn't UTF-8", b), "save it as UTF-8")
		return nil
	}
	marks := 0
	for _, m := range []string{"\n", ",", ":", "[", "{"} {
		marks += strings.Count(src, m)
	}
	if marks > maxMarks {
		f.add(1, 1, nil, "", fmt.Sprintf("has %s lines, commas, colons and brackets, more than %s", grouped(marks), grouped(maxMarks)), manyJobs)
		return nil
	}
	var n *node
	if bare[0] == '{' {
		n = readJSON(f, src, 1)
	} else {
		n = readYAML(f, src)
	}
	if n != nil && n.kind == nothing {
		f.add(n.line, n.column, nil, "", "is empty", "a manifest needs a name and jobs")
		return nil
	}
	return n
}

// fits complains about a document that is too long for a Temporal payload.
func fits(f *finder, n *node) {
	if n.size <= batch.MaxInline {
		return
	}
	f.add(n.line, n.column, nil, "",
		fmt.Sprintf("is %s bytes as JSON, more than %s", grouped(n.size), grouped(batch.MaxInline)), manyJobs)
}

// manyJobs is the way out of every limit on size.
const manyJobs = "put the jobs into a file, one JSON object a line, and name it in jobs_from"

// firstInvalid is where the first byte stands that isn't UTF-8.
func firstInvalid(s string) (line, column int, b byte) {
	line, column = 1, 1
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return line, column, s[i]
			}
		}
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column, 0
}
