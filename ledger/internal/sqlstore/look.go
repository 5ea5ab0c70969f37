package sqlstore

import (
	"time"

	"github.com/offpeak/offpeak/ledger"
)

// Look asks for everything at once.
func (t *tx) Look(w ledger.Wants) (out ledger.Found, err error) {
	refs, err := t.refs(w.Jobs)
	if err != nil {
		return out, err
	}
	var questions []Statement
	err = t.among("ref", refs, func(where string, some []any) error {
		questions = append(questions, jobsInto(&out.Jobs, where, some...), attemptsInto(&out.Attempts, where, some...))
		return nil
	})
	if err != nil {
		return out, err
	}
	for _, id := range w.Batches {
		questions = append(questions, batchInto(&out.Batches, id), tallyInto(&out.Tallies, id))
	}
	for _, p := range w.Purses {
		questions = append(questions, purseInto(&out.Purses, p.Night, p.Key))
	}
	if w.Halts {
		questions = append(questions, haltsInto(&out.Halts))
	}
	keys := make([]keyReading, len(w.Keys))
	air := make([]ledger.KeyFound, len(w.Keys))
	for i, id := range w.Keys {
		questions = append(questions, keys[i].row(id), keys[i].windows(id),
			flightsInto(&air[i].Flights, "ORDER BY sent_at LIMIT $2", id, w.Flights), untilInto(&air[i].Until, id))
	}
	if err := t.ask(questions...); err != nil {
		return out, err
	}
	for i, k := range keys {
		if k.found {
			air[i].KeyRow = k.key
			out.Keys = append(out.Keys, air[i])
		}
	}
	return out, nil
}

// untilInto reads when the first of a key's attempts is overdue.
func untilInto(out *time.Time, key string) Statement {
	return Statement{
		"read attempts", "SELECT until FROM attempts WHERE key_id = $1 AND ending = '' ORDER BY until LIMIT 1",
		[]any{key},
		func(s Row) error {
			var at int64
			err := s.Scan(&at)
			*out = ledger.Instant(at)
			return err
		},
	}
}
