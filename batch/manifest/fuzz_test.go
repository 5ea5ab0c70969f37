package manifest

import (
	"encoding/json"
	"net/url"
	"testing"
)

// FuzzRef: an input is a reference, or isn't one and is Read's to judge; a
// reference holds no password, and its window is one that Read would take.
func FuzzRef(f *testing.F) {
	for _, s := range []string{
		`{"manifest":"file:///srv/night.yaml"}`, `{"manifest":"file:///srv/night.yaml","window":{"open":"20:00","close":"06:00"}}`, `{"manifest":"s3://u:p@bucket/x"}`,
		`{"manifest":1}`, `{"manifest":"x","manifest":"y"}`, `{"manifest":"%zz://"}`, `{"manifest":"file:///a\u0000"}`, ` {"manifest":"a:b","window":[]} x`, full, "{", nest(9),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		ref, ok, err := Ref(json.RawMessage(input))
		switch {
		case !ok && (err != nil || ref != Reference{}):
			t.Errorf("no reference, and %+v, %v", ref, err)
		case err != nil:
			if ps, isProblems := err.(Problems); !isProblems || len(ps) == 0 || len(err.Error()) > 16<<10 {
				t.Errorf("%T %.200v", err, err)
			}
		case ok:
			u, err := url.Parse(ref.URL)
			if err != nil || u.Scheme == "" || u.User != nil {
				t.Errorf("%q is no reference: %v", ref.URL, err)
			}
			if ref.Window != nil && ref.Window.Fill().Check() != nil {
				t.Errorf("window %+v", *ref.Window)
			}
		}
	})
}
