package sqlstore

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

var jobs = &table[ledger.JobRow]{
	name: "jobs", key: "ref",
	fixed: "batch_id seq name request_id digest type models agents ceiling estimate priority",
	rest:  "state why attempts paid tries limited not_before doubt output reference raised updated_at",
	values: func(n numbers, j ledger.JobRow) []any {
		doubt := ""
		if j.Doubt != (ledger.Doubt{}) {
			doubt = object(j.Doubt)
		}
		return []any{
			n.ref(j.Batch, j.Seq), string(j.Batch), j.Seq, j.Name, j.RequestID, j.Digest, j.Type, object(j.Models), j.Agents,
			int64(j.Ceiling), int64(j.Estimate), j.Priority, string(j.State), j.Why, j.Attempts, j.Paid, j.Tries, j.Limited,
			ledger.Micros(j.NotBefore), doubt, j.Output, j.Reference, j.Raised, ledger.Micros(j.UpdatedAt),
		}
	},
}

const (
	jobColumns = `batch_id, seq, name, request_id, digest, type, models, agents, ceiling, estimate, priority,
	state, why, attempts, paid, tries, limited, not_before, doubt, output, reference, raised, updated_at`
	selectJobs = "SELECT " + jobColumns + " FROM jobs "
)

func scanJob(s Row, more ...any) (ledger.JobRow, error) {
	var (
		j                  ledger.JobRow
		models, doubt      string
		notBefore, updated int64
	)
	err := s.Scan(append([]any{
		&j.Batch, &j.Seq, &j.Name, &j.RequestID, &j.Digest, &j.Type, &models, &j.Agents, &j.Ceiling, &j.Estimate,
		&j.Priority, &j.State, &j.Why, &j.Attempts, &j.Paid, &j.Tries, &j.Limited, &notBefore, &doubt, &j.Output, &j.Reference, &j.Raised, &updated,
	}, more...)...)
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

func jobsInto(out *[]ledger.JobRow, where string, args ...any) Statement {
	return Statement{"read jobs", selectJobs + where, args, func(s Row) error {
		j, err := scanJob(s)
		*out = append(*out, j)
		return err
	}}
}

func (t *tx) jobs(out []ledger.JobRow, where string, args ...any) ([]ledger.JobRow, error) {
	err := t.ask(jobsInto(&out, where, args...))
	return out, err
}

// refs are jobs' names in SQL, each once; those of batches that aren't there
// are left out.
func (t *tx) refs(list []ledger.JobRef) ([]any, error) {
	seen := make(map[ledger.JobRef]bool, len(list))
	out := make([]any, 0, len(list))
	for _, r := range list {
		if seen[r] || r.Seq < 0 {
			continue
		}
		seen[r] = true
		ref, found, err := t.ref(r)
		if err != nil {
			return nil, err
		}
		if found {
			out = append(out, ref)
		}
	}
	return out, nil
}

// Jobs reads jobs by name.
func (t *tx) Jobs(list []ledger.JobRef) (out []ledger.JobRow, err error) {
	refs, err := t.refs(list)
	if err != nil {
		return nil, err
	}
	err = t.among("ref", refs, func(where string, some []any) (err error) {
		out, err = t.jobs(out, where, some...)
		return err
	})
	return out, err
}

// Stretch reads neighbours.
func (t *tx) Stretch(id batch.ID, from, to int) ([]ledger.JobRow, error) {
	first, found, err := t.ref(ledger.JobRef{Batch: id, Seq: max(from, 0)})
	if err != nil || !found || to <= from || to <= 0 {
		return nil, err
	}
	return t.jobs(nil, "WHERE ref >= $1 AND ref < $2 ORDER BY ref", first, t.numbers.ref(id, to))
}

// Named reads jobs by their names in the manifest.
func (t *tx) Named(id batch.ID, names []string) (out []ledger.JobRow, err error) {
	args := make([]any, len(names))
	for i, n := range names {
		args[i] = n
	}
	err = t.among("name", args, func(where string, some []any) (err error) {
		out, err = t.jobs(out, where+" AND batch_id = $"+strconv.Itoa(len(some)+1), append(some[:len(some):len(some)], string(id))...)
		return err
	})
	return out, err
}

// Known finds jobs by their request ids.
func (t *tx) Known(requestIDs []string) (map[string]ledger.JobRef, error) {
	args := make([]any, len(requestIDs))
	for i, id := range requestIDs {
		args[i] = id
	}
	out := make(map[string]ledger.JobRef, len(requestIDs))
	err := t.among("request_id", args, func(where string, some []any) error {
		return t.query("read jobs", "SELECT request_id, batch_id, seq FROM jobs "+where, some, func(s Row) error {
			var (
				id  string
				ref ledger.JobRef
			)
			err := s.Scan(&id, &ref.Batch, &ref.Seq)
			out[id] = ref
			return err
		})
	})
	return out, err
}

// Restate moves all jobs of one state.
func (t *tx) Restate(id batch.ID, from, to batch.State, at time.Time) (int, error) {
	first, found, err := t.ref(ledger.JobRef{Batch: id})
	if err != nil || !found {
		return 0, err
	}
	n, err := t.exec("write jobs", `UPDATE jobs SET state = $1, why = '', tries = 0, limited = 0, not_before = 0, updated_at = $2
		WHERE ref >= $3 AND ref < $4 AND state = $5`,
		string(to), ledger.Micros(at), first, first+1<<32, string(from))
	return int(n), err
}
