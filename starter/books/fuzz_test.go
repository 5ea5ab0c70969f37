package books

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/offpeak/offpeak/ledger"
)

// FuzzReceipt: a receipt in the books that nobody can read costs what it says
// and not the row that it stands in.
func FuzzReceipt(f *testing.F) {
	for _, s := range []string{`{"elapsed":1500000000,"wrote":"answered","header":{"X-Request-Id":["r-1"]}}`, `{"elapsed":"1s"}`, `{"header":{"X-Request-Id":[]}}`, `{"elapsed":9223372036854775808}`, `null`, `[`, ``} {
		f.Add([]byte(s))
	}
	sent := time.Unix(1_795_323_600, 0)
	f.Fuzz(func(t *testing.T, receipt []byte) {
		a := attempt(ledger.AttemptRow{Attempt: ledger.Attempt{N: 2, Key: "k", SentAt: sent, EndedAt: sent.Add(time.Second), Status: 503, Receipt: receipt}})
		if a.N != 2 || a.Status != 503 || !a.SentAt.Equal(sent) || !a.EndedAt.Equal(sent.Add(time.Second)) {
			t.Errorf("%+v", a)
		}
		if !json.Valid(receipt) && (a.Elapsed != time.Second || a.Wrote != "" || a.Server != "") {
			t.Errorf("%q is read as %+v", receipt, a)
		}
		if _, err := json.Marshal(a); err != nil {
			t.Error(err)
		}
	})
}
