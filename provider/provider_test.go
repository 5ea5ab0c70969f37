package provider

import (
	"encoding/json"
	"testing"
	"time"
)

func TestLimitsByName(t *testing.T) {
	l := Limits{Windows: []Window{{Name: "minute", Limit: 100}, {Name: "day", Limit: 1200}}}
	if w, ok := l.Window("day"); !ok || w.Limit != 1200 {
		t.Errorf("day is %+v, %t", w, ok)
	}
	if w, ok := l.Window("hour"); ok || w != (Window{}) {
		t.Errorf("hour is %+v, %t", w, ok)
	}
}

// A receipt is kept in the ledger as JSON; what comes back is what went in.
func TestReceiptComesBack(t *testing.T) {
	at := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	in := Receipt{Method: "POST", Wrote: Answered, Status: 200, SentAt: at, Elapsed: 45200 * time.Millisecond, BodySize: 9}
	in.Limits = Limits{HasRetry: true, Windows: []Window{{Name: "minute", Span: time.Minute, Limit: 100, Reset: at}}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out Receipt
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if !out.EndedAt().Equal(at.Add(45200*time.Millisecond)) || out.Wrote != Answered || !out.Limits.HasRetry || !out.Limits.Windows[0].Reset.Equal(at) {
		t.Errorf("%s became %+v", b, out)
	}
}
