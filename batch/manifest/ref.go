package manifest

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode"

	"github.com/offpeak/offpeak/tariff"
)

// Reference is an input that names a manifest instead of being one. Prompts
// then never enter a workflow's input.
type Reference struct {
	URL    string         // absolute, of any scheme
	Window *tariff.Window // instead of the manifest's own; nil for that
}

// Ref recognises a reference: {"manifest": "file:///srv/night.yaml"}, and
// beside it perhaps a "window" as in a manifest, which takes the place of the
// manifest's own. ok is false, without an error, for everything that has no
// key "manifest": Read judges that. The error is Problems.
func Ref(input json.RawMessage) (ref Reference, ok bool, err error) {
	bare := strings.TrimLeft(string(input), " \t\r\n")
	if len(input) > maxSource || !strings.HasPrefix(bare, "{") {
		return Reference{}, false, nil
	}
	r := &reader{finder: &finder{source: "input"}}
	n := document(r.finder, input)
	if n == nil || n.get("manifest") == nil {
		return Reference{}, false, nil
	}
	for _, f := range n.fields {
		p := (*path)(nil).field(f.key)
		switch f.key {
		case "manifest":
			ref.URL = r.reference(f.value, p)
		case "window":
			w := r.window(f.value, p)
			ref.Window = &w
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
