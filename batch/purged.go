package batch

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// PurgeInput is the input of the workflow Purge, as a person types it: {} to
// delete what is older than the worker's settings say, {"dry_run": true} to be
// told what that would be.
//
// With a batch its texts are deleted now, however young they are: somebody has
// asked for that. What can't be, because the batch runs or an outcome isn't
// known, isn't.
type PurgeInput struct {
	DryRun bool   `json:"dry_run,omitempty"`
	Batch  ID     `json:"batch,omitempty"`
	What   []Kept `json:"what,omitempty"` // of these kinds only; all when empty
	By     string `json:"by,omitempty"`   // who asks: noted with what is deleted of a batch
}

// WorkflowID is the id under which a door of ours purges: one purge of all
// batches at a time, and one of each.
func (in PurgeInput) WorkflowID() string {
	switch {
	case in.Batch != "":
		return "purge-batch/" + string(in.Batch)
	case in.DryRun:
		return "purge-look"
	}
	return "purge"
}

// Check says all that is wrong with it.
func (in PurgeInput) Check() error {
	var wrong []string
	if in.Batch != "" {
		if _, err := ParseID(string(in.Batch)); err != nil {
			wrong = append(wrong, "batch: "+err.Error())
		}
	}
	for _, k := range in.What {
		if !slices.Contains(Keeps(), k) {
			wrong = append(wrong, fmt.Sprintf("what: nothing is kept as %q", k))
		} else if k == KeptLogs && in.Batch != "" {
			wrong = append(wrong, "what: the provider's log is kept by day and not by batch")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return &Fault{
		Kind: BadInput, Op: "purge", Moved: MovedNo, Detail: strings.Join(wrong, "; "),
		Hint: `write {}, {"dry_run": true} or {"batch": "market-digest/2026-11-22", "what": ["prompts", "answers"]}; what is kept are ` + keepNames(),
	}
}

func keepNames() string {
	var names []string
	for _, k := range Keeps() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// Of says whether a kind is meant.
func (in PurgeInput) Of(k Kept) bool {
	if k == KeptUploads {
		k = KeptPrompts
	}
	return len(in.What) == 0 || slices.Contains(in.What, k)
}

// PurgeRequest asks the hands to purge.
type PurgeRequest struct {
	PurgeInput
	Asked time.Time `json:"asked"` // when the run was due: what is due is judged by it
}

// Purged is what a purge deleted, or a dry run would: the result of the
// workflow Purge, and what the page shows of the last one.
type Purged struct {
	Day     string        `json:"day"` // Pacific, on which it was due
	DryRun  bool          `json:"dry_run,omitempty"`
	Batch   ID            `json:"batch,omitempty"` // the only one that was meant
	Rules   []KeepRule    `json:"rules"`
	Looked  int           `json:"looked"`        // batches that were old enough to be looked at
	Sums    []PurgedSum   `json:"sums"`          // by kind; none where nothing went
	Batches []PurgedBatch `json:"batches"`       // the first MaxPurged of what went
	More    int           `json:"more,omitzero"` // how many more there are
	Held    []PurgeHeld   `json:"held"`          // due, and kept for another reason
	At      time.Time     `json:"at"`            // when it ended
}

// MaxPurged bounds the rows of a result: it travels in a Temporal payload. The
// ledger's notes have all.
const MaxPurged = 200

// KeepRule is how long a kind is kept.
type KeepRule struct {
	What Kept   `json:"what"`
	Keep string `json:"keep"` // "30d" or "forever"
}

// PurgedSum is what went of one kind.
type PurgedSum struct {
	What    Kept  `json:"what"`
	Batches int   `json:"batches"`
	Items   int64 `json:"items"`
	Bytes   int64 `json:"bytes"`
}

// PurgedBatch is what went of one kind of one batch.
type PurgedBatch struct {
	Batch ID     `json:"batch,omitempty"` // "" for uploads and logs
	What  Kept   `json:"what"`
	Items int64  `json:"items"`
	Bytes int64  `json:"bytes"`
	Rule  string `json:"rule"` // the setting and its value, or who asked
}

// PurgeHeld is why something that is old enough wasn't deleted.
type PurgeHeld struct {
	Batch ID     `json:"batch"`
	Why   string `json:"why"`
}

// Add counts what went.
func (p *Purged) Add(b PurgedBatch) {
	if b.Items == 0 && b.Bytes == 0 {
		return
	}
	i := slices.IndexFunc(p.Sums, func(s PurgedSum) bool { return s.What == b.What })
	if i < 0 {
		i = len(p.Sums)
		p.Sums = append(p.Sums, PurgedSum{What: b.What})
	}
	s := &p.Sums[i]
	s.Items += b.Items
	s.Bytes += b.Bytes
	if b.Batch != "" {
		s.Batches++
	}
	if len(p.Batches) == MaxPurged {
		p.More++
		return
	}
	p.Batches = append(p.Batches, b)
}

// DailyPurge is the kind under which the ledger keeps the last purges.
const DailyPurge = "purge"

// purgeKey names the one incident that a purge can be.
const purgeKey = "purge"

// PurgeFailed says that what is too old couldn't be deleted.
func PurgeFailed(f *Fault, at time.Time) Alert {
	a := Alert{
		Key: purgeKey, Kind: AlertPurge, Severity: Warning, At: at, Remedy: f.Hint,
		Title: "What is no longer to be kept couldn't be deleted",
		Lines: []string{f.Error(), "Nothing was lost: what was deleted is noted, and the next purge goes on where this one ended.", "starter purge begins it at once."},
	}
	return a
}

// PurgeWorks says that it could.
func PurgeWorks(at time.Time) Alert {
	return Alert{Key: purgeKey, Kind: AlertPurge, Severity: Warning, At: at, Over: true, Title: "What is no longer to be kept was deleted"}
}
