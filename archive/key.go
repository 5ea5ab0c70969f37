package archive

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// AnswerKey is where a job's answer is kept: one place for one request id,
// however often it was sent.
func AnswerKey(id batch.ID, requestID string) string {
	return string(id) + "/answers/" + requestID + ".json"
}

// ReportKey is where a night's report is kept. Revision 1 has no number; a
// night that was judged again with another outcome has "report-2.txt".
func ReportKey(id batch.ID, revision int, ext string) string {
	if revision <= 1 {
		return string(id) + "/report." + ext
	}
	return fmt.Sprintf("%s/report-%d.%s", id, revision, ext)
}

// ResultsKey is where a night's results are kept, one line a job with its
// answer. Revisions are as for reports.
func ResultsKey(id batch.ID, revision int) string {
	if revision <= 1 {
		return string(id) + "/results.jsonl"
	}
	return fmt.Sprintf("%s/results-%d.jsonl", id, revision)
}

// AnswersFolder is the beginning of the keys of a batch's answers, packs among
// them.
func AnswersFolder(id batch.ID) string { return string(id) + "/answers/" }

// ResultsRevision says whether a key is one of a batch's results, and which
// revision.
func ResultsRevision(id batch.ID, key string) (int, bool) {
	rest, found := strings.CutPrefix(key, string(id)+"/results")
	if !found || !strings.HasSuffix(rest, ".jsonl") {
		return 0, false
	}
	if rest = strings.TrimSuffix(rest, ".jsonl"); rest == "" {
		return 1, true
	}
	n, err := strconv.Atoi(strings.TrimPrefix(rest, "-"))
	return n, err == nil && ResultsKey(id, n) == key
}

// Uploads is the folder of files of jobs that came over HTTP. No batch has this
// name and a night beside it, so that no answer is ever in the way.
const Uploads = "uploads"

// MaxKey is the longest key in bytes; every store takes that.
const MaxKey = 512

// The alphabet is so narrow that no store escapes it: the key in the books is
// the path on disk.
var keyRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._=-]*(/[A-Za-z0-9][A-Za-z0-9._=-]*)*$`)

func checkKey(op, key string) error {
	if len(key) <= MaxKey && keyRE.MatchString(key) && !strings.Contains(key, "..") {
		return nil
	}
	return &batch.Fault{
		Kind: batch.Internal, Op: op, Thing: clip(key),
		Detail: fmt.Sprintf("not an archive key: parts of letters, digits, '.', '_', '=' and '-', joined by '/', at most %d bytes", MaxKey),
	}
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
