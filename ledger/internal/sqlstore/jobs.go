package sqlstore

import (
	"encoding/json"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

var jobs = &table[ledger.JobRow]{
	name: "jobs", key: "batch_id seq",
	fixed: "name request_id digest type models agents ceiling estimate priority",
	rest:  "state why attempts tries limited not_before doubt output raised updated_at",
	values: func(j ledger.JobRow) []any {
		doubt := ""
		if j.Doubt != (ledger.Doubt{}) {
			doubt = object(j.Doubt)
		}
		return []any{
			string(j.Batch), j.Seq, j.Name, j.RequestID, j.Digest, j.Type, object(j.Models), j.Agents,
			int64(j.Ceiling), int64(j.Estimate), j.Priority, string(j.State), j.Why, j.Attempts, j.Tries, j.Limited,
			ledger.Micros(j.NotBefore), doubt, j.Output, j.Raised, ledger.Micros(j.UpdatedAt),
		}
	},
}

const selectJobs = `SELECT batch_id, seq, name, request_id, digest, type, models, agents, ceiling, estimate, priority,
	state, why, attempts, tries, limited, not_before, doubt, output, raised, updated_at FROM jobs `

func scanJob(s sink) (ledger.JobRow, error) {
	var (
		j                  ledger.JobRow
		models, doubt      string
		notBefore, updated int64
	)
	err := s.Scan(&j.Batch, &j.Seq, &j.Name, &j.RequestID, &j.Digest, &j.Type, &models, &j.Agents, &j.Ceiling, &j.Estimate,
		&j.Priority, &j.State, &j.Why, &j.Attempts, &j.Tries, &j.Limited, &notBefore, &doubt, &j.Output, &j.Raised, &updated)
	if err != nil {
		return j, err
	}
	j.NotBefore, j.UpdatedAt = ledger.Instant(notBefore), ledger.Instant(updated)
	if err := json.Unmarshal([]byte(models), &j.Models); err != nil {
		return j, unreadable("read jobs", j.Ref().String(), err)
	}
	if doubt != "" {
		if err := json.Unmarshal([]byte(doubt), &j.Doubt); err != nil {
			return j, unreadable("read jobs", j.Ref().String(), err)
		}
	}
	return j, nil
}

func (t *tx) jobs(out []ledger.JobRow, where string, args ...any) ([]ledger.JobRow, error) {
	err := t.query("read jobs", selectJobs+where, args, func(s sink) error {
		j, err := scanJob(s)
		out = append(out, j)
		return err
	})
	return out, err
}

// byBatch cuts a list of jobs into pieces of one batch each.
func byBatch(refs []ledger.JobRef, each func(id batch.ID, seqs []any) error) error {
	seqs := map[batch.ID][]any{}
	seen := map[ledger.JobRef]bool{}
	for _, r := range refs {
		if !seen[r] {
			seen[r] = true
			seqs[r.Batch] = append(seqs[r.Batch], r.Seq)
		}
	}
	for id, list := range seqs {
		if err := pieces(list, func(some []any) error { return each(id, some) }); err != nil {
			return err
		}
	}
	return nil
}

// Jobs reads jobs by name.
func (t *tx) Jobs(refs []ledger.JobRef) (out []ledger.JobRow, err error) {
	err = byBatch(refs, func(id batch.ID, seqs []any) (err error) {
		out, err = t.jobs(out, "WHERE batch_id = $1 AND seq IN "+places(1, 1, len(seqs)), append([]any{string(id)}, seqs...)...)
		return err
	})
	return out, err
}

// Stretch reads neighbours.
func (t *tx) Stretch(id batch.ID, from, to int) ([]ledger.JobRow, error) {
	return t.jobs(nil, "WHERE batch_id = $1 AND seq >= $2 AND seq < $3 ORDER BY seq", string(id), from, to)
}

// Named reads jobs by their names in the manifest.
func (t *tx) Named(id batch.ID, names []string) (out []ledger.JobRow, err error) {
	err = pieces(names, func(some []string) (err error) {
		args := []any{string(id)}
		for _, n := range some {
			args = append(args, n)
		}
		out, err = t.jobs(out, "WHERE batch_id = $1 AND name IN "+places(1, 1, len(some)), args...)
		return err
	})
	return out, err
}

// Restate moves all jobs of one state.
func (t *tx) Restate(id batch.ID, from, to batch.State, at time.Time) (int, error) {
	n, err := t.exec("write jobs", `UPDATE jobs SET state = $3, why = '', tries = 0, limited = 0, not_before = 0, updated_at = $4
		WHERE batch_id = $1 AND state = $2`, string(id), string(from), string(to), ledger.Micros(at))
	return int(n), err
}
