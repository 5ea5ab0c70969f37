package audit

import "github.com/offpeak/offpeak/batch"

// NoLog is the note of a night whose provider keeps no log: its bill is what its
// answers said, and nothing else can be compared with it.
func NoLog(provider string) batch.Note {
	return batch.Note{
		Topic: batch.NoteLog, Text: provider + " keeps no log that could be compared: the books have what its answers said",
		Remedy: "compare the month's total with its invoice: starter report --month",
	}
}
