package sqlstore

import (
	"context"
	"database/sql"

	"github.com/offpeak/offpeak/ledger"
)

// Job reads one job in one question, which is a snapshot by itself: beginning
// one and ending it would be two more journeys, for what is read most of all.
func (s *Store) Job(ctx context.Context, r ledger.JobRef, request bool) (job ledger.JobRow, payload []byte, found bool, err error) {
	no, known := s.numbers.Load(r.Batch)
	if !known {
		err := s.Read(ctx, func(t ledger.Tx) error {
			_, err := t.(*tx).known(r.Batch)
			return err
		})
		if err != nil {
			return job, nil, false, err
		}
		if no, known = s.numbers.Load(r.Batch); !known {
			return job, nil, false, nil
		}
	}
	text, into := selectJobs+"WHERE ref = $1", []any(nil)
	if request {
		text = "SELECT " + jobColumns + ", (SELECT request FROM requests WHERE requests.ref = jobs.ref) FROM jobs WHERE ref = $1"
		into = []any{&payload}
	}
	err = s.single(ctx, "read jobs", text, numbers{r.Batch: no.(int64)}.ref(r.Batch, r.Seq), func(row Row) (err error) {
		found = true
		job, err = scanJob(row, into...)
		return err
	})
	return job, payload, found, err
}

// single asks a question that is prepared once a connection.
func (s *Store) single(ctx context.Context, op, text string, arg any, each func(Row) error) error {
	t := &tx{ctx: ctx, store: s}
	prepared, ok := s.singles.Load(text)
	if !ok {
		made, err := s.read.PrepareContext(ctx, s.marks(text))
		if err != nil {
			return t.failed(op, err)
		}
		var raced bool
		if prepared, raced = s.singles.LoadOrStore(text, made); raced {
			_ = made.Close()
		}
	}
	rows, err := prepared.(*sql.Stmt).QueryContext(ctx, arg)
	if err != nil {
		return t.failed(op, err)
	}
	defer rows.Close()
	return t.drain(rows, Statement{Op: op, Each: each})
}
