package nightly

import (
	"encoding/json"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
)

// ReadRequest reads a Request from the one JSON value that a service hands
// over: a whole manifest, or {"manifest": "s3://...", "name": "market-digest"}
// and beside it perhaps a "window" that takes the place of the manifest's own.
// The name is needed there because nobody at a door reads what is behind the
// URL. What is wrong is a fault of kind BadInput that says all of it.
func ReadRequest(input json.RawMessage) (Request, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(input, &fields) != nil {
		return Request{Manifest: input}, nil //nolint:nilerr // Start reads it strictly and says what it is
	}
	if _, books := fields["batch"]; books {
		return Request{}, &batch.Fault{
			Kind: batch.BadInput, Op: "start night", Thing: "batch", Moved: batch.MovedNo,
			Detail: "a batch that is in the books goes on by itself",
			Hint:   "hand over its manifest: what was sent is never sent again",
		}
	}
	if _, ref := fields["manifest"]; !ref {
		return Request{Manifest: input}, nil
	}
	var name batch.Name
	if given, ok := fields["name"]; !ok || json.Unmarshal(given, &name) != nil {
		return Request{}, &batch.Fault{
			Kind: batch.BadInput, Op: "start night", Thing: "name", Moved: batch.MovedNo,
			Detail: "the URL of a manifest comes without the manifest's name, or with one that isn't text",
			Hint:   `write {"manifest": "...", "name": "market-digest"}: the batch id is made of it`,
		}
	}
	delete(fields, "name")
	rest, err := json.Marshal(fields)
	if err != nil {
		return Request{}, asBadInput(err)
	}
	ref, _, err := manifest.Ref(rest)
	if err != nil {
		return Request{}, asBadInput(err)
	}
	r := Request{Ref: ref.URL, Name: name}
	if ref.Window != nil {
		r.Window, r.Replace = *ref.Window, true
	}
	return r, nil
}
