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
	numbers  numbers
	unsent   []Statement
	answered bool // the database has answered something
	wrote    bool
	head     *ledger.Head // as the lock found it
}

var _ ledger.Tx = (*tx)(nil)

// Row is what a row is scanned from.
type Row interface{ Scan(...any) error }

// query asks one question.
func (t *tx) query(op, text string, args []any, each func(Row) error) error {
	return t.ask(Statement{op, text, args, each})
}

// ask asks questions: in one message, behind what was kept to be sent, where
// each message costs a journey.
func (t *tx) ask(questions ...Statement) error {
	if t.remote() {
		t.unsent = append(t.unsent, questions...)
		return t.send()
	}
	for _, q := range questions {
		if err := t.alone(q); err != nil {
			return err
		}
	}
	return nil
}

// remote says whether statements wait to be sent together.
func (t *tx) remote() bool { return t.conn != nil && t.store.dialect.Send != nil }

// alone asks one question of a snapshot, or of a database in this process.
func (t *tx) alone(q Statement) error {
	var (
		rows *sql.Rows
		err  error
	)
	if t.snapshot != nil {
		rows, err = t.snapshot.QueryContext(t.ctx, t.store.marks(q.Text), q.Args...)
	} else {
		var s *sql.Stmt
		if s, err = t.conn.stmt(t.ctx, t.store.marks(q.Text)); err == nil {
			rows, err = s.QueryContext(t.ctx, q.Args...)
		}
	}
	if err != nil {
		return t.failed(q.Op, err)
	}
	defer rows.Close()
	return t.drain(rows, q)
}

// drain reads an answer to its end.
func (t *tx) drain(rows *sql.Rows, q Statement) error {
	for rows.Next() {
		if err := q.Each(scanner{rows, t, q.Op}); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return t.failed(q.Op, err)
	}
	return nil
}

// scanner translates the errors of Scan; those of the caller's own pass.
type scanner struct {
	rows Row
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
	err := t.query(op, text, args, func(s Row) error {
		found = true
		return s.Scan(into...)
	})
	return found, err
}

func (t *tx) exec(op, text string, args ...any) (int64, error) {
	if t.conn == nil {
		return 0, t.failed(op, errors.New("a snapshot can't be written"))
	}
	if err := t.send(); err != nil {
		return 0, err
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

// write does a statement, or keeps it to be sent with others: at the latest
// with COMMIT.
func (t *tx) write(op, text string, args ...any) error {
	if !t.remote() {
		_, err := t.exec(op, text, args...)
		return err
	}
	t.unsent, t.wrote = append(t.unsent, Statement{Op: op, Text: text, Args: args}), true
	return nil
}

// send sends what was kept.
func (t *tx) send() error {
	if len(t.unsent) == 0 {
		return nil
	}
	list := t.unsent
	t.unsent = nil
	var own error // of a row that can't be read, which is no fault of the connection
	for i, q := range list {
		if q.Each != nil {
			list[i].Each = func(r Row) error {
				own = q.Each(scanner{r, t, q.Op})
				return own
			}
		}
	}
	at, err := t.store.dialect.Send(t.ctx, t.conn.conn, list)
	if own != nil {
		return own
	}
	if err != nil {
		return t.failed(list[at].Op, err)
	}
	t.answered = true
	return nil
}

// commit ends a transaction that wrote. COMMIT never travels with the first
// message of a connection that may be dead: whether it arrived could not be
// told.
func (t *tx) commit() error {
	if !t.remote() {
		return t.plain("COMMIT")
	}
	if !t.answered {
		if err := t.send(); err != nil {
			return err
		}
	}
	t.unsent = append(t.unsent, Statement{Op: "write the ledger", Text: "COMMIT"})
	return t.send()
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

// among asks for the rows in which a column has one of some values: for all of
// them at once where a list is one parameter, else in pieces. ask gets the
// condition and its parameters.
func (t *tx) among(column string, values []any, ask func(where string, args []any) error) error {
	if len(values) == 0 {
		return nil
	}
	if a := t.store.dialect.Array; a != nil {
		array, kind := a(values)
		return ask("WHERE "+column+" = ANY($1::"+kind+"[])", []any{array})
	}
	return padded(values, func(some []any) error { return ask("WHERE "+column+" IN "+places(1, len(some)), some) })
}

// places is "($3, $4)": a list of width, numbered from the first.
func places(from, width int) string {
	var b strings.Builder
	for c := range width {
		b.WriteString(", $" + strconv.Itoa(from+c))
	}
	return "(" + b.String()[2:] + ")"
}
