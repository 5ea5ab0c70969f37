package sqlstore

import (
	"time"

	"github.com/offpeak/offpeak/ledger"
)

var errands = &table[ledger.Errand]{
	name: "errands", key: "key_hash", rest: "digest owner at until done answer",
	values: func(_ numbers, e ledger.Errand) []any {
		answer := e.Answer
		if answer == nil {
			answer = []byte{}
		}
		return []any{e.Key, e.Digest, e.Owner, ledger.Micros(e.At), ledger.Micros(e.Until), e.Answer != nil, answer}
	},
}

// Errand reads one.
func (t *tx) Errand(key string) (ledger.Errand, bool, error) {
	var out []ledger.Errand
	err := t.query("read errands", "SELECT digest, owner, at, until, done, answer FROM errands WHERE key_hash = $1", []any{key}, func(s Row) error {
		e := ledger.Errand{Key: key}
		var (
			at, until int64
			done      bool
		)
		err := s.Scan(&e.Digest, &e.Owner, &at, &until, &done, &e.Answer)
		e.At, e.Until = ledger.Instant(at), ledger.Instant(until)
		switch {
		case !done:
			e.Answer = nil
		case e.Answer == nil: // an empty one
			e.Answer = []byte{}
		}
		out = append(out, e)
		return err
	})
	return first(out, err)
}

// ForgetErrands removes those that were begun before an instant.
func (t *tx) ForgetErrands(before time.Time) error {
	_, err := t.exec("remove errands", "DELETE FROM errands WHERE at < $1", ledger.Micros(before))
	return err
}
