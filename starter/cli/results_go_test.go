package cli_test

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/nightly"
)

// TestResultsFromGo: the Go API writes what starter results prints, from books
// that the service opened itself.
func TestResultsFromGo(t *testing.T) {
	d := newDesk(t)
	setting := (&url.URL{Scheme: "file", Path: filepath.Join(filepath.Dir(d.path), "archive")}).String()
	d.answers(setting)
	b, err := books.Open(t.Context(), []string{"OFFPEAK_LEDGER=sqlite:" + d.path, "OFFPEAK_ARCHIVE=" + setting})
	d.ok(err)
	defer func() { d.ok(b.Close()) }()
	c := nightly.New(nil, "").WithBooks(b)
	var lines strings.Builder
	d.ok(c.Results(t.Context(), "digest/2026-11-22", &lines))
	if printed := d.results(setting, "digest"); lines.String() != printed.out || !strings.Contains(lines.String(), "EU <funding>") {
		t.Errorf("wrote %s, printed was %s", lines.String(), printed.out)
	}
	lines.Reset()
	if err := c.Results(t.Context(), "digest/2026-12-24", &lines); batch.KindOf(err) != batch.NotFound || lines.Len() > 0 {
		t.Errorf("of a batch that isn't there: %v, %q", err, lines.String())
	}
}
