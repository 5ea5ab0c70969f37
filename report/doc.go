// Package report writes the morning report: what a night cost, what it saved,
// what went wrong and what to do about it, as text for a terminal, JSON for
// programs, CSV for spreadsheets, Markdown for a chat and a page of HTML for
// everyone else. The activity that ends a night builds a [Morning] and writes
// all five to the archive; doors write it again from the JSON.
//
// It is pure. Names and reasons come from manifests and providers, so every
// format keeps hostile ones harmless: escapes that move a cursor, formulas that
// a spreadsheet would run, markup, and characters that reorder a line.
package report
