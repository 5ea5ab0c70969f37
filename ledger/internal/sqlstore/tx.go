package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/offpeak/offpeak/ledger"
)

// tx is one transaction: the writer's, or a snapshot.
type tx struct {
	ctx      context.Context // of the one Write or Read that it lives for
	store    *Store
	conn     *connection // writing
	snapshot *sql.Tx     // reading
	lock     string
	numbers  numbers
	unsent   []Statement
	wrote    bool
	head     *ledger.Head // as the lock found it
}

var _ ledger.Tx = (*tx)(nil)

// sink is what a row is scanned into.
type sink interface{ Scan(...any) error }

func (t *tx) query(op, text string, args []any, each func(sink) error) error {
	var (
		rows *sql.Rows
		err  error
	)
	if t.snapshot != nil {
		rows, err = t.snapshot.QueryContext(t.ctx, t.store.marks(text), args...)
	} else {
		var s *sql.Stmt
		if s, err = t.conn.stmt(t.ctx, t.store.marks(text)); err == nil {
			rows, err = s.QueryContext(t.ctx, args...)
		}
	}
	if err != nil {
		return t.failed(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(scanner{rows, t, op}); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return t.failed(op, err)
	}
	return nil
}

// scanner translates the errors of Scan; those of the caller's own pass.
type scanner struct {
	rows *sql.Rows
	tx   *tx
	op   string
}

func (s scanner) Scan(into ...any) error {
	err := s.rows.Scan(into...)
	if err == nil {
		return nil
	}
	if cut := s.tx.ctx.Err(); cut != nil { // the rows were closed under it
		return s.tx.failed(s.op, cut)
	}
	return unreadable(s.op, "", err)
}

// one scans the only row, and says whether there was one.
func (t *tx) one(op, text string, args []any, into ...any) (bool, error) {
	found := false
	err := t.query(op, text, args, func(s sink) error {
		found = true
		return s.Scan(into...)
	})
	return found, err
}

func (t *tx) exec(op, text string, args ...any) (int64, error) {
	if t.conn == nil {
		return 0, t.failed(op, errors.New("a snapshot can't be written"))
	}
	s, err := t.conn.stmt(t.ctx, t.store.marks(text))
	if err != nil {
		return 0, t.failed(op, err)
	}
	res, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, t.failed(op, err)
	}
	t.wrote = true
	n, err := res.RowsAffected()
	if err != nil {
		return 0, t.failed(op, err)
	}
	return n, nil
}

// write does a statement, or keeps it to be sent with others.
func (t *tx) write(op, text string, args ...any) error {
	if t.store.dialect.Send == nil || t.conn == nil {
		_, err := t.exec(op, text, args...)
		return err
	}
	t.unsent = append(t.unsent, Statement{text, args})
	return nil
}

// send sends what was kept.
func (t *tx) send() error {
	if len(t.unsent) == 0 {
		return nil
	}
	err := t.store.dialect.Send(t.ctx, t.conn.conn, t.unsent)
	t.unsent, t.wrote = nil, true
	if err != nil {
		return t.failed("write the ledger", err)
	}
	return nil
}

// plain runs BEGIN and COMMIT, which can't be prepared everywhere.
func (t *tx) plain(text string) error {
	if _, err := t.conn.conn.ExecContext(t.ctx, text); err != nil {
		return t.failed("write the ledger", err)
	}
	return nil
}

// failed translates an error and gives up a connection that can't be used any
// more.
func (t *tx) failed(op string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	f, usable := t.store.dialect.Fault(op, err)
	if !usable && t.conn != nil && t.conn == t.store.writer {
		t.store.abandon()
	}
	return f
}

// sizes are the lengths that lists are cut into, so that few texts have to be
// prepared.
var sizes = []int{64, 16, 4, 1}

// pieces cuts a list into lengths of sizes.
func pieces[V any](list []V, each func([]V) error) error {
	for _, size := range sizes {
		for len(list) >= size {
			if err := each(list[:size]); err != nil {
				return err
			}
			list = list[size:]
		}
	}
	return nil
}

// padded cuts a list like pieces, but asks rather once too long than three
// times: the last piece is filled up with its last value.
func padded(list []any, each func([]any) error) error {
	for len(list) > 0 {
		size := sizes[0]
		for _, s := range sizes {
			if s >= len(list) {
				size = s
			}
		}
		some := list[:min(size, len(list))]
		list = list[len(some):]
		for len(some) < size {
			some = append(some[:len(some):len(some)], some[len(some)-1])
		}
		if err := each(some); err != nil {
			return err
		}
	}
	return nil
}

// places is "($3, $4)": a list of width, numbered from the first.
func places(from, width int) string {
	var b strings.Builder
	for c := range width {
		b.WriteString(", $" + strconv.Itoa(from+c))
	}
	return "(" + b.String()[2:] + ")"
}
