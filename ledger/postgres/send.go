package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/offpeak/offpeak/ledger/internal/sqlstore"
)

// send has several statements travel together. The server does them one after
// the other, and nothing more behind one that it refuses: a COMMIT at the end
// is only reached when all was done.
func send(ctx context.Context, conn *sql.Conn, statements []sqlstore.Statement) (at int, err error) {
	err = conn.Raw(func(driver any) error {
		var b pgx.Batch
		for _, s := range statements {
			b.Queue(s.Text, s.Args...)
		}
		answers := driver.(*stdlib.Conn).Conn().SendBatch(ctx, &b)
		var err error
		for at = 0; at < len(statements) && err == nil; at++ {
			err = receive(answers, statements[at].Each)
		}
		at--
		if closed := answers.Close(); err == nil {
			err = closed
		}
		return err
	})
	return max(at, 0), err
}

// receive reads one statement's answer.
func receive(answers pgx.BatchResults, each func(sqlstore.Row) error) error {
	if each == nil {
		_, err := answers.Exec()
		return err
	}
	rows, err := answers.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// array makes one parameter of values of one type.
func array(values []any) (any, string) {
	switch values[0].(type) {
	case int:
		return typed(values, func(v int) int64 { return int64(v) }), "bigint"
	case int64:
		return typed(values, same[int64]), "bigint"
	case string:
		return typed(values, same[string]), "text"
	case bool:
		return typed(values, same[bool]), "boolean"
	case *bool:
		return typed(values, same[*bool]), "boolean"
	case []byte:
		return typed(values, same[[]byte]), "bytea"
	}
	panic(fmt.Sprintf("a column of %T isn't written anywhere", values[0]))
}

func same[V any](v V) V { return v }

func typed[V, W any](values []any, to func(V) W) []W {
	out := make([]W, len(values))
	for i, v := range values {
		out[i] = to(v.(V))
	}
	return out
}
