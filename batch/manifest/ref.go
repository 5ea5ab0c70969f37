package manifest

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/tariff"
)

// Reference is an input that names a manifest, or a batch that is in the books,
// instead of being one. Prompts then never enter a workflow's input.
type Reference struct {
	URL    string         // of a manifest, absolute, of any scheme; "" when a batch is named
	Batch  batch.ID       // to go on with; "" when a manifest is named
	After  time.Time      // of a batch: it begins no sooner; zero when not said
	Window *tariff.Window // instead of the manifest's, or the batch's, own; nil for that
}

// Ref recognises a reference: {"manifest": "file:///srv/night.yaml"} or
// {"batch": "digest/2026-11-22"}, and beside it perhaps a "window" as in a
// manifest, which takes the place of its own. ok is false, without an error,
// for everything that has neither key: Read judges that. The error is Problems.
func Ref(input json.RawMessage) (ref Reference, ok bool, err error) {
	bare := strings.TrimLeft(string(input), " \t\r\n")
	if len(input) > maxSource || !strings.HasPrefix(bare, "{") {
		return Reference{}, false, nil
	}
	r := &reader{finder: &finder{source: "input"}}
	n := document(r.finder, input)
	if n == nil || n.get("manifest") == nil && n.get("batch") == nil {
		return Reference{}, false, nil
	}
	for _, f := range n.fields {
		p := (*path)(nil).field(f.key)
		books := n.get("manifest") == nil
		switch {
		case f.key == "manifest":
			ref.URL = r.reference(f.value, p)
		case f.key == "batch" && books:
			ref.Batch = r.batchID(f.value, p)
		case f.key == "after" && books:
			ref.After = r.instant(f.value, p)
		case f.key == "window":
			w := r.window(f.value, p)
			ref.Window = &w
		case books:
			r.add(f.line, f.column, p, "", `can't stand beside "batch"`,
				"what is in the books is sent as it was planned: hand over the batch id, and perhaps a window")
		default:
			r.add(f.line, f.column, p, "", `can't stand beside "manifest"`,
				"hand over a whole manifest, or only where it is")
		}
	}
	if err := r.err(); err != nil {
		return Reference{}, true, err
	}
	return ref, true, nil
}

func (r *reader) batchID(value *node, p *path) batch.ID {
	s, ok := r.word(value, p)
	if !ok {
		return ""
	}
	id, err := batch.ParseID(s)
	if err != nil {
		r.at(value, p, s, "is not a batch id", "write NAME/NIGHT, such as market-digest/2026-11-22")
	}
	return id
}

func (r *reader) reference(value *node, p *path) string {
	ref, ok := r.word(value, p)
	if !ok {
		return ""
	}
	u, err := url.Parse(ref)
	switch { // the URL isn't repeated: it may hold a secret
	case err != nil || u.Scheme == "" || strings.ContainsFunc(ref, unicode.IsControl):
		r.at(value, p, "", "is not a URL", "write file:///...")
	case u.User != nil:
		r.at(value, p, "", "has a user or a password in its URL", "give secrets to the worker, not to an input")
	}
	return ref
}
