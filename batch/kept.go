package batch

// Kept is a kind of what is kept for a while: texts that a night needs or
// leaves behind, and that nobody may want to have for ever. The books
// themselves, charges, states, digests and times, are kept always.
type Kept string

// The kinds.
const (
	KeptPrompts  Kept = "prompts"  // the requests as they are sent, in the ledger
	KeptAnswers  Kept = "answers"  // answers and results.jsonl, in the archive
	KeptReceipts Kept = "receipts" // of each request: headers, how far it got, in the ledger
	KeptLogs     Kept = "logs"     // the provider's log in the lake, by day
	KeptUploads  Kept = "uploads"  // files of jobs that came over HTTP, in the archive; under the rule for prompts
)

// Keeps lists the kinds that have a setting, in order.
func Keeps() []Kept { return []Kept{KeptPrompts, KeptAnswers, KeptReceipts, KeptLogs} }

// Setting is the variable that says how long a kind is kept.
func (k Kept) Setting() string {
	switch k {
	case KeptPrompts, KeptUploads:
		return "OFFPEAK_KEEP_PROMPTS"
	case KeptAnswers:
		return "OFFPEAK_KEEP_ANSWERS"
	case KeptReceipts:
		return "OFFPEAK_KEEP_RECEIPTS"
	case KeptLogs:
		return "OFFPEAK_KEEP_LOGS"
	}
	return ""
}
