package ledger

import (
	"fmt"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// maxText bounds every free text that is kept, in bytes.
const maxText = 2000

// clean makes a text of somebody else's fit for every database: valid UTF-8,
// no NUL (PostgreSQL refuses it), and of bounded length.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}

// reason is why, or a default where an empty text would mean "not so".
func reason(why, otherwise string) string {
	if why = clean(why); why == "" {
		return otherwise
	}
	return why
}

// internal is a call that no correct caller makes.
func internal(op, thing, format string, args ...any) error {
	return &batch.Fault{Kind: batch.Internal, Op: op, Thing: thing, Detail: fmt.Sprintf(format, args...)}
}

func noBatch(op string, id batch.ID) error {
	return &batch.Fault{
		Kind: batch.NotFound, Op: op, Thing: string(id),
		Detail: "no such batch in the ledger", Hint: "starter list names the batches",
	}
}

func noJob(op string, r JobRef) error {
	return &batch.Fault{Kind: batch.NotFound, Op: op, Thing: r.String(), Detail: "no such job in the ledger"}
}

// String is "market-digest/2026-11-22 job 17".
func (r JobRef) String() string { return fmt.Sprintf("%s job %d", r.Batch, r.Seq) }

// String is "market-digest/2026-11-22 job 17 attempt 2".
func (r AttemptRef) String() string { return fmt.Sprintf("%s attempt %d", r.JobRef, r.N) }
