package nightly_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
)

// TestReadRequest: the one JSON value that another service hands over.
func TestReadRequest(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	c := dial(t, "").WithClock(func() time.Time { return noon })
	prepare := func(input string) (nightly.Prepared, error) {
		r, err := nightly.ReadRequest(json.RawMessage(input))
		if err != nil {
			return nightly.Prepared{}, err
		}
		return c.Prepare(r)
	}
	for input, want := range map[string]struct {
		batch batch.ID
		input string
	}{
		`{"name":"whole","window":{"timezone":"UTC","open":"22:00","close":"06:00"},"jobs":[{"name":"a","task":"t"}]}`: {
			"whole/2026-11-22", `"jobs"`,
		},
		// 12:00 UTC is 04:00 in California, in the night of the 21st.
		`{"manifest":"s3://nights/digest.yaml","name":"digest"}`: {"digest/2026-11-21", `{"manifest":"s3://nights/digest.yaml"}`},
		`{"manifest":"file:///n.yaml","name":"windowed","window":{"timezone":"UTC","open":"11:00","close":"18:00"}}`: {
			"windowed/2026-11-22", `"open":"11:00`,
		},
	} {
		p, err := prepare(input)
		if err != nil || p.Batch != want.batch || !strings.Contains(string(p.Input), want.input) || p.Options.ID != "nightly/"+string(want.batch) {
			t.Errorf("%s: %+v, %v", input, p, err)
		}
	}
	for input, say := range map[string]string{
		`[]`:                                   "want an object",
		`{"name":"x","jbos":[]}`:               "jbos",
		`{"manifest":"file:///n.yaml"}`:        "without the manifest's name",
		`{"manifest":7,"name":"x"}`:            "manifest",
		`{"manifest":"n.yaml","name":7}`:       "isn't text",
		`{"manifest":"n","name":"x"}`:          "is not a URL",
		`{"manifest":"s3://b/n","name":"X Y"}`: "not a batch name",
		`{"batch":"x/2026-11-22"}`:             "goes on by itself",
	} {
		if _, err := prepare(input); batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v, want BadInput and %q", input, err, say)
		}
	}
}
