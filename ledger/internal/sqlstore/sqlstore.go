// Package sqlstore keeps the ledger's records in a SQL database, in the one
// dialect that SQLite and PostgreSQL share: $1, BIGINT, BOOLEAN, TEXT, ON
// CONFLICT. ledger/sqlite and ledger/postgres use it; what differs between
// them (types of columns, how a writer locks, what an error means) is theirs.
package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"regexp"
	"sync"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// Dialect is what differs between databases.
type Dialect struct {
	Setup string         // what a connection is told before it writes; may be empty
	Begin string         // begins a write transaction
	Lock  string         // appended to the question for the head's row, the first of a write transaction: makes writers take turns
	Read  *sql.TxOptions // a snapshot
	// Send does several statements in one message, when each message costs a
	// journey to a server; an error is that of the statement with the returned
	// place. Nil where a statement is a call in this process.
	Send func(context.Context, *sql.Conn, []Statement) (int, error)
	// Array makes one parameter of a list of values, all of one type, and names
	// their type in SQL. Nil where there are no arrays.
	Array func([]any) (any, string)
	// Marks: parameters are written "?" instead of "$1". Every text here has each
	// parameter once and in order, so that both mean the same.
	Marks bool
	// Unhurried: statements end by themselves in bounded time, and watching each
	// for a cancelled context isn't worth what it costs.
	Unhurried bool
	// Scrub has what was deleted leave the files; nil where that isn't a
	// program's business.
	Scrub func(context.Context, *sql.Conn) error
	// Fault says what a driver's error means; the second value is whether the
	// connection may be used again.
	Fault func(op string, err error) (*batch.Fault, bool)
}

// Statement is a text with its parameters.
type Statement struct {
	Op   string // what it does, for errors
	Text string
	Args []any
	Each func(Row) error // gets every row of the answer; nil when there are none
}

// Store is a ledger.Store on database/sql.
type Store struct {
	dialect Dialect
	write   *sql.DB
	read    *sql.DB

	numbers sync.Map // of batches, by id
	texts   sync.Map // with marks, by text
	singles sync.Map // prepared on the pool that reads, by text; they end with it

	mu     sync.Mutex // one writer at a time
	writer *connection
}

// New is a store on two pools, which may be the same one. Close closes both.
// Without a pool to write it can only be read.
func New(write, read *sql.DB, d Dialect) *Store { return &Store{dialect: d, write: write, read: read} }

var _ ledger.Store = (*Store)(nil)

// connection is the writer's own, with its prepared statements.
type connection struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

func (c *connection) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	if s, ok := c.prepared[text]; ok {
		return s, nil
	}
	s, err := c.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	c.prepared[text] = s
	return s, nil
}

// drop closes the connection for good: the pool must not hand it out again.
func (c *connection) drop() {
	_ = c.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.conn.Close()
}

// Write runs do between Begin and COMMIT, on a connection that it keeps. That
// one may have died with its server meanwhile; then a new one is tried, since
// nothing was written through it yet.
func (s *Store) Write(ctx context.Context, do func(ledger.Tx) error) error {
	if s.write == nil {
		return &batch.Fault{Kind: batch.Internal, Op: "write the ledger", Detail: "it was opened to be read"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dialect.Unhurried {
		ctx = context.WithoutCancel(ctx)
	}
	for {
		kept := s.writer != nil
		t, err := s.begin(ctx)
		if err == nil {
			err = s.turn(t, do)
		}
		if lost := err != nil && s.writer == nil; !lost || !kept || t.answered {
			return err
		}
	}
}

// begin begins a write transaction: with its first question, where that costs
// a journey.
func (s *Store) begin(ctx context.Context) (*tx, error) {
	t := &tx{ctx: ctx, store: s, numbers: numbers{}}
	if s.writer == nil {
		conn, err := s.write.Conn(ctx)
		if err != nil {
			return t, s.fault("open the ledger", err)
		}
		s.writer = &connection{conn: conn, prepared: map[string]*sql.Stmt{}}
		t.conn = s.writer
		if s.dialect.Setup != "" {
			if err := t.plain(s.dialect.Setup); err != nil {
				return t, err
			}
		}
	}
	t.conn = s.writer
	if t.remote() {
		t.unsent = []Statement{{Op: "write the ledger", Text: s.dialect.Begin}, t.lock()}
		return t, nil
	}
	err := t.plain(s.dialect.Begin)
	t.answered = err == nil
	return t, err
}

// turn runs do and ends its transaction.
func (s *Store) turn(t *tx, do func(ledger.Tx) error) error {
	err := do(t)
	switch {
	case err != nil:
	case t.wrote:
		err = t.commit()
	case t.answered: // a lock alone isn't worth a sync of the disk
		err = t.plain("ROLLBACK")
	}
	if err == nil {
		t.remember()
	}
	if err != nil && s.writer != nil {
		if _, rollback := s.writer.conn.ExecContext(context.WithoutCancel(t.ctx), "ROLLBACK"); rollback != nil {
			s.abandon()
		}
	}
	return err
}

func (s *Store) abandon() {
	if s.writer != nil {
		s.writer.drop()
		s.writer = nil
	}
}

// Read runs do on a snapshot.
func (s *Store) Read(ctx context.Context, do func(ledger.Tx) error) error {
	snapshot, err := s.read.BeginTx(ctx, s.dialect.Read)
	if err != nil {
		return s.fault("read the ledger", err)
	}
	defer func() { _ = snapshot.Rollback() }()
	t := &tx{ctx: ctx, store: s, snapshot: snapshot, numbers: numbers{}}
	if err = do(t); err == nil {
		t.remember()
	}
	return err
}

var numbered = regexp.MustCompile(`\$\d+`)

// marks writes a text's parameters as the database wants them. SQLite finds
// "$1" among hundreds of names one by one; "?" has no name.
func (s *Store) marks(text string) string {
	if !s.dialect.Marks {
		return text
	}
	if marked, ok := s.texts.Load(text); ok {
		return marked.(string)
	}
	marked := numbered.ReplaceAllString(text, "?")
	s.texts.Store(text, marked)
	return marked
}

// Close closes both pools.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed error
	if s.writer != nil {
		for _, stmt := range s.writer.prepared {
			failed = errors.Join(failed, stmt.Close())
		}
		failed = errors.Join(failed, s.writer.conn.Close())
		s.writer = nil
	}
	failed = errors.Join(failed, s.read.Close())
	if s.write != nil && s.write != s.read {
		failed = errors.Join(failed, s.write.Close())
	}
	if failed != nil {
		return s.fault("close the ledger", failed)
	}
	return nil
}

// fault translates a driver's error; a caller who cancelled gets told just
// that.
func (s *Store) fault(op string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	f, _ := s.dialect.Fault(op, err)
	return f
}
