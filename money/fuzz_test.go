package money

import (
	"encoding/json"
	"testing"
)

// FuzzJSON: an amount, a literal and a ratio are read exactly or not at all,
// and written as what they were read from.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`0.06725`, `"0.06725"`, `null`, `1e-6`, `-0`, `"$5"`, `"0 "`, `9223372036854.775807`, `9223372036854.775808`, `1e400`, `""`, `"`, `0.058500000000000003`, `{}`, `"\u0031"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) { // encoding/json hands over nothing else
			return
		}
		var l, l2 Literal
		if err := json.Unmarshal(b, &l); err == nil {
			text, err := json.Marshal(l)
			if err != nil || json.Unmarshal(text, &l2) != nil || l2 != l || (!l.Known && l.USD != 0) {
				t.Errorf("%q: %+v is written as %s and read as %+v: %v", b, l, text, l2, err)
			}
		}
		var u, u2 USD
		if err := json.Unmarshal(b, &u); err == nil {
			text, err := json.Marshal(u)
			if err != nil || json.Unmarshal(text, &u2) != nil || u2 != u {
				t.Errorf("%q: %s is written as %s: %v", b, u, text, err)
			}
		}
		var r, r2 Ratio
		if err := json.Unmarshal(b, &r); err == nil {
			text, err := json.Marshal(r)
			if err != nil || json.Unmarshal(text, &r2) != nil || r2 != r {
				t.Errorf("%q: %s is written as %s: %v", b, r, text, err)
			}
		}
	})
}
