package nightly_test

import (
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
)

// TestResultsNeedBooks: without books the fault says how to get some.
func TestResultsNeedBooks(t *testing.T) {
	t.Parallel()
	c := nightly.New(nil, "")
	var b strings.Builder
	if err := c.Results(t.Context(), "digest/2026-11-22", &b); batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), "no books") {
		t.Errorf("%v", err)
	}
	with := c.WithBooks(shelf{})
	if err := with.Results(t.Context(), "digest", &b); batch.KindOf(err) != batch.BadInput || b.Len() > 0 {
		t.Errorf("of no batch: %v, %q", err, b.String())
	}
	if err := with.Results(t.Context(), "digest/2026-11-22", &b); err != nil || !strings.HasPrefix(b.String(), `{"job"`) {
		t.Errorf("%v, %q", err, b.String())
	}
}
