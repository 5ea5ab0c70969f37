package manifest

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode"
)

// Ref recognises an input that names a manifest instead of being one:
// {"manifest": "file:///srv/night.yaml"}, with an absolute URL of any scheme
// and no other key. ok is false, without an error, for everything that has no
// key "manifest": Read judges that. The error is Problems.
func Ref(input json.RawMessage) (ref string, ok bool, err error) {
	bare := strings.TrimLeft(string(input), " \t\r\n")
	if len(input) > maxSource || !strings.HasPrefix(bare, "{") {
		return "", false, nil
	}
	r := &reader{finder: &finder{source: "input"}}
	n := document(r.finder, input)
	if n == nil || n.get("manifest") == nil {
		return "", false, nil
	}
	p := (*path)(nil).field("manifest")
	for _, f := range n.fields {
		if f.key != "manifest" {
			r.add(f.line, f.column, (*path)(nil).field(f.key), "", `can't stand beside "manifest"`,
				"hand over a whole manifest, or only where it is")
		}
	}
	value := n.get("manifest")
	if ref, ok = r.word(value, p); ok {
		u, err := url.Parse(ref)
		switch { // the URL isn't repeated: it may hold a secret
		case err != nil || u.Scheme == "" || strings.ContainsFunc(ref, unicode.IsControl):
			r.at(value, p, "", "is not a URL", "write file:///... or s3://...")
		case u.User != nil:
			r.at(value, p, "", "has a user or a password in its URL", "give secrets to the worker, not to an input")
		}
	}
	if err := r.err(); err != nil {
		return "", true, err
	}
	return ref, true, nil
}
