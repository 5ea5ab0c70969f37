package sqlstore

import (
	"reflect"
	"testing"

	"github.com/offpeak/offpeak/batch"
)

// scripted is a row of a database that holds anything.
type scripted struct {
	texts   []string
	numbers []int64
	n       int
}

// Scan fills every destination from the script, over and over.
func (s *scripted) Scan(into ...any) error {
	for _, p := range into {
		v := reflect.ValueOf(p).Elem()
		switch v.Kind() {
		case reflect.String:
			v.SetString(s.texts[s.n%len(s.texts)])
		case reflect.Bool:
			v.SetBool(s.numbers[s.n%len(s.numbers)]&1 == 1)
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			v.SetInt(s.numbers[s.n%len(s.numbers)])
		case reflect.Slice: // bytes
			v.SetBytes([]byte(s.texts[s.n%len(s.texts)]))
		}
		s.n++
	}
	return nil
}

// FuzzRows: rows that somebody changed by hand are read, or refused with a
// fault that names them; they never stop a worker by a panic.
func FuzzRows(f *testing.F) {
	f.Add(`["gpt-4o"]`, `{"Attempt":1,"SentAt":"2026-11-22T21:00:00Z"}`, `{}`, int64(0), int64(1))
	f.Add(`null`, `{"Attempt":"1"}`, `[`, int64(-1<<63), int64(1<<63-1))
	f.Add(`{"night":"2026-11-22","opens":"9999-12-31T23:59:59Z"}`, ``, "\xff", int64(1_795_323_600_000_000), int64(-62135596800))
	f.Fuzz(func(t *testing.T, a, b, c string, n, m int64) {
		for _, texts := range [][]string{{a}, {b}, {a, b}, {c, a, b}} {
			if _, err := scanJob(&scripted{texts: texts, numbers: []int64{n, m}}); err != nil && batch.KindOf(err) == "" {
				t.Errorf("a job's row: %T %v", err, err)
			}
			if _, err := scanBatch(&scripted{texts: texts, numbers: []int64{n, m}}); err != nil && batch.KindOf(err) == "" {
				t.Errorf("a batch's row: %T %v", err, err)
			}
		}
	})
}
