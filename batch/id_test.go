package batch

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/tariff"
)

func TestNameValid(t *testing.T) {
	for _, good := range []Name{"a", "0", "market-digest", "eu.2026_q4", Name(strings.Repeat("a", MaxName))} {
		if err := good.Valid(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []Name{
		"", "-a", ".a", "_a", "Market", "a b", "a/b", "a\n", "é", "..", "a%2f", Name(strings.Repeat("a", MaxName+1)),
	} {
		if err := bad.Valid(); err == nil {
			t.Errorf("%q passes", bad)
		} else if !strings.Contains(err.Error(), "63") {
			t.Errorf("%q: the error doesn't name the limit: %v", bad, err)
		}
	}
}

func TestParseID(t *testing.T) {
	id, err := ParseID("market-digest/2026-11-22")
	if err != nil {
		t.Fatal(err)
	}
	if id.Name() != "market-digest" || id.Night() != "2026-11-22" || id.WorkflowID() != "nightly/market-digest/2026-11-22" {
		t.Errorf("%q: name %q, night %q, workflow %q", id, id.Name(), id.Night(), id.WorkflowID())
	}
	for in, want := range map[string]string{
		"":                              `"" is not a batch id: write NAME/NIGHT, such as market-digest/2026-11-22`,
		"market-digest":                 `"market-digest" is not a batch id: write NAME/NIGHT, such as market-digest/2026-11-22`,
		"Market/2026-11-22":             `"Market" is not a batch name: use 1 to 63 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit`,
		"/2026-11-22":                   `"" is not a batch name: use 1 to 63 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit`,
		"market-digest/tonight":         `"tonight" is not a night: write a date such as 2026-11-22`,
		"market-digest/2026-02-29":      `"2026-02-29" is not a night: write a date such as 2026-11-22`,
		"market-digest/2026-11-22/more": `"2026-11-22/more" is not a night: write a date such as 2026-11-22`,
		"market-digest/2026-1-2":        `"2026-1-2" is not a night: write a date such as 2026-11-22`,
	} {
		if id, err := ParseID(in); err == nil || err.Error() != want {
			t.Errorf("ParseID(%q) = %q, %v\nwant %s", in, id, err, want)
		}
	}
}

// What NewID joins, ParseID takes apart.
func TestIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := Name(rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,62}`).Draw(t, "name"))
		night := tariff.Night(rapid.StringMatching(`20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])`).Draw(t, "night"))
		id, err := ParseID(string(NewID(name, night)))
		if err != nil || id.Name() != name || id.Night() != night {
			t.Fatalf("%q and %q became %q, %v", name, night, id, err)
		}
	})
}
