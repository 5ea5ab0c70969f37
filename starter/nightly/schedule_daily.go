package nightly

import (
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// The kinds of a schedule: what it starts each time.
const (
	KindNight     = "night"     // a batch's night
	KindWatch     = "watch"     // the usage watch
	KindExport    = "export"    // the export of the provider's log
	KindPurge     = "purge"     // the deletion of what was kept long enough
	KindReconcile = "reconcile" // the reconciliation of the night that is over
)

// daily is a kind of work that belongs to every ledger and takes no manifest.
type daily struct {
	kind     string // and the schedule's id, unless another is given
	workflow string
	at       string // when it starts by default, in the zone of the Swarms window
	input    any
	summary  string // the line that the Temporal UI shows beside a run
	does     string // for its details
}

// dailies are all of them, in the order of the morning. The window has closed
// at 06:00, and an hour later what it billed is in the provider's log. The watch
// is first: money may be leaking. The export reads the log when it is complete,
// and nothing is deleted before that was kept. People are at work when the
// reconciliation says what doesn't agree.
func dailies() []daily {
	return []daily{
		{KindWatch, workflows.UsageWatchName, "07:00", batch.WatchInput{Day: batch.Yesterday}, "What was spent yesterday", "judges the spend of the day before with every key, by these books and by others; sends nothing"},
		{KindExport, workflows.LogExportName, "08:00", batch.LogExportInput{}, "The provider's log into the lake", "keeps what is new in the provider's log; sends nothing"},
		{KindPurge, workflows.PurgeName, "09:00", batch.PurgeInput{}, "What was kept long enough is deleted", "deletes prompts, answers, receipts and logs that are older than the settings say; the books stay whole"},
		{KindReconcile, workflows.ReconcileNightName, "10:00", batch.NightInput{Night: batch.Yesterday}, "The books of the night that is over", "compares the books of every batch of the night that is over with the provider's; sends nothing"},
	}
}

// DailyKinds are the kinds of daily work, in the order in which they start.
func DailyKinds() []string {
	var out []string
	for _, d := range dailies() {
		out = append(out, d.kind)
	}
	return out
}

// dailyOf finds one by its kind.
func dailyOf(kind string) (daily, bool) {
	for _, d := range dailies() {
		if d.kind == kind {
			return d, true
		}
	}
	return daily{}, false
}

// DailyAt is when a kind of daily work starts by default, "07:00" Pacific.
func DailyAt(kind string) string {
	d, _ := dailyOf(kind)
	return d.at
}

// kindOf is what a schedule of a workflow type is; "" of one that isn't ours.
func kindOf(workflow string) string {
	if workflow == workflows.NightlyBatchName {
		return KindNight
	}
	for _, d := range dailies() {
		if d.workflow == workflow {
			return d.kind
		}
	}
	return ""
}

// kindList is "watch, export, purge or reconcile".
func kindList() string {
	kinds := DailyKinds()
	last := len(kinds) - 1
	return strings.Join(kinds[:last], ", ") + " or " + kinds[last]
}
