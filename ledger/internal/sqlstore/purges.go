package sqlstore

import (
	"context"
	"fmt"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

var purges = &table[ledger.Purge]{
	name: "purges", key: "batch_id what", rest: "rule begun_at done_at items bytes files",
	values: func(_ numbers, p ledger.Purge) []any {
		return []any{string(p.Batch), string(p.What), p.Rule, ledger.Micros(p.BegunAt), ledger.Micros(p.DoneAt), p.Items, p.Bytes, p.Files}
	},
}

// Purges reads notes. Of what is no batch's, only all are asked for.
func (t *tx) Purges(id batch.ID) ([]ledger.Purge, error) {
	text, args := "SELECT batch_id, what, rule, begun_at, done_at, items, bytes, files FROM purges ", []any(nil)
	if id != "" {
		text, args = text+"WHERE batch_id = $1 ", []any{string(id)}
	}
	var out []ledger.Purge
	err := t.query("read purges", text+"ORDER BY batch_id, what", args, func(s Row) error {
		var (
			p           ledger.Purge
			begun, done int64
		)
		err := s.Scan(&p.Batch, &p.What, &p.Rule, &begun, &done, &p.Items, &p.Bytes, &p.Files)
		p.BegunAt, p.DoneAt = ledger.Instant(begun), ledger.Instant(done)
		out = append(out, p)
		return err
	})
	return out, err
}

// What is deleted, and of which rows.
const (
	requestsBetween = "FROM requests WHERE ref >= $1 AND ref < $2"
	receiptsBetween = "FROM attempts WHERE ref >= $1 AND ref < $2 AND LENGTH(receipt) > 0"
	weightOf        = "SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(%s)), 0) AS BIGINT) "
)

// weigh counts rows and bytes of a stretch.
func (t *tx) weigh(what batch.Kept, from, to int64) (items, bytes int64, err error) {
	text := fmt.Sprintf(weightOf, "request") + requestsBetween
	if what == batch.KeptReceipts {
		text = fmt.Sprintf(weightOf, "receipt") + receiptsBetween
	}
	_, err = t.one("weigh "+string(what), text, []any{from, to}, &items, &bytes)
	return items, bytes, err
}

// Weigh goes through the rows of a batch.
func (t *tx) Weigh(id batch.ID) (w ledger.Weight, err error) {
	first, found, err := t.ref(ledger.JobRef{Batch: id})
	if err != nil || !found {
		return w, err
	}
	if w.Prompts, w.PromptBytes, err = t.weigh(batch.KeptPrompts, first, first+1<<32); err != nil {
		return w, err
	}
	w.Receipts, w.ReceiptBytes, err = t.weigh(batch.KeptReceipts, first, first+1<<32)
	return w, err
}

// Shed deletes rows of requests, and empties those of attempts, which the quota
// and the money need.
func (t *tx) Shed(what batch.Kept, id batch.ID, from, to int) (items, bytes int64, err error) {
	first, found, err := t.ref(ledger.JobRef{Batch: id, Seq: max(from, 0)})
	if err != nil || !found || to <= from {
		return 0, 0, err
	}
	last := t.numbers.ref(id, to)
	if items, bytes, err = t.weigh(what, first, last); err != nil || items == 0 {
		return 0, 0, err
	}
	text := "DELETE " + requestsBetween
	if what == batch.KeptReceipts {
		text = "UPDATE attempts SET receipt = ''" + receiptsBetween[len("FROM attempts"):]
	}
	_, err = t.exec("delete "+string(what), text, first, last)
	return items, bytes, err
}

// Scrub works on the writer's connection, between its transactions.
func (s *Store) Scrub(ctx context.Context) error {
	if s.dialect.Scrub == nil || s.write == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writer != nil {
		return s.dialect.Scrub(ctx, s.writer.conn)
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return s.fault("scrub the ledger", err)
	}
	defer func() { _ = conn.Close() }() // back to the pool
	return s.dialect.Scrub(ctx, conn)
}
