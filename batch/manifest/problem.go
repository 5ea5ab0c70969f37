package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// Problem is one thing that is wrong with an input.
type Problem struct {
	Source       string // file name or URL as the caller gave it
	Line, Column int    // from 1; the column counts characters, not bytes
	Path         string // "jobs[3].agents[0].max_tokens"; "" is the whole document
	Value        string // the offending scalar, clipped; "" where it could be a prompt or a secret
	Message      string // what is wrong
	Hint         string // what to do about it; may be ""
}

// String reads "night.yaml:12:5: jobs[3].task: want text, got a number (quote it)".
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", p.Source, p.Line, p.Column)
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems is all that is wrong with one input, in order of position. It is
// the error of Read, JSON and Stream; it is never empty when returned as one.
type Problems []Problem

// MaxShown is how many problems Error prints and Stream collects.
const MaxShown = 100

// Error prints one problem a line, at most MaxShown of them.
func (ps Problems) Error() string { return ps.lines(MaxShown) }

func (ps Problems) lines(most int) string {
	var b strings.Builder
	for i, p := range ps {
		if i == most {
			fmt.Fprintf(&b, "\nand %d more", len(ps)-most)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// faultLines bounds a fault's detail: it travels in a Temporal failure.
const faultLines = 20

// Fault is the problems as an error of the house, of kind BadInput; nil when
// there are none. Its cause is the list itself.
func (ps Problems) Fault() *batch.Fault {
	if len(ps) == 0 {
		return nil
	}
	return &batch.Fault{
		Kind:   batch.BadInput,
		Op:     "read manifest",
		Thing:  ps[0].Source,
		Moved:  batch.MovedNo,
		Detail: ps.lines(faultLines),
		Hint:   "correct what is named and hand it in again; nothing was sent",
		Err:    ps,
	}
}

// maxKept bounds the memory that the problems of one document take. What is
// found beyond is only counted as "wrong", not kept.
const maxKept = 10_000

// finder collects problems.
type finder struct {
	source string
	found  Problems
	count  int // how many were met, kept or not
}

func (f *finder) add(line, column int, at *path, value, message, hint string) {
	f.count++
	if len(f.found) >= maxKept {
		return
	}
	f.found = append(f.found, Problem{
		Source: f.source, Line: max(line, 1), Column: max(column, 1),
		Path: at.String(), Value: clip(value), Message: message, Hint: hint,
	})
}

// err is the problems in order of position, or nil. What an alias repeats is
// said once: the same mistake at the same place.
func (f *finder) err() error {
	if len(f.found) == 0 {
		return nil
	}
	slices.SortStableFunc(f.found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	type place struct {
		line, column int
		message      string
	}
	seen := make(map[place]bool, len(f.found))
	return slices.DeleteFunc(f.found, func(p Problem) bool {
		at := place{p.Line, p.Column, p.Message}
		again := seen[at]
		seen[at] = true
		return again
	})
}

// clip keeps an error readable whatever was handed in.
func clip(s string) string {
	const most = 60
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "..."
		}
		n++
	}
	return s
}

// grouped prints 524288 as "524,288".
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
