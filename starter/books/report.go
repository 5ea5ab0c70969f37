package books

import (
	"context"
	"strings"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
)

// Formats are those in which a report is in the archive.
var Formats = []string{"html", "txt", "json", "csv", "md"}

// Report is the last report of a batch, NAME/NIGHT or NAME, as it was written
// into the archive, in one of Formats. NotFound while the night wasn't judged.
func (b *Books) Report(ctx context.Context, arg, format string) ([]byte, error) {
	n, err := b.Standing(ctx, arg)
	if err != nil {
		return nil, err
	}
	if n.Result == nil || n.Result.Report == "" {
		return nil, &batch.Fault{
			Kind: batch.NotFound, Op: "read report of", Thing: string(n.Batch), Detail: "the night wasn't judged yet",
			Hint: "starter status " + string(n.Batch) + " says how it stands",
		}
	}
	store, err := archive.Reader(ctx, b.archive)
	if err != nil {
		return nil, err
	}
	defer func() { _ = store.Close() }() // it was only read
	key, here := strings.CutPrefix(n.Result.Report, store.URL(""))
	if !here {
		return nil, &batch.Fault{
			Kind: batch.NotFound, Op: "read report of", Thing: string(n.Batch), Detail: "it was written to another archive: " + n.Result.Report,
			Hint: "set OFFPEAK_ARCHIVE as the worker has it",
		}
	}
	return store.Get(ctx, key+"."+format)
}
