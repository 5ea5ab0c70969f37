package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// maxAmount bounds every amount that is written, so that no sum of a night can
// overflow: a million dollars for one job, a million jobs, and ample room.
const maxAmount = 1_000_000 * money.Dollar

// Plan appends jobs to a batch, in the manifest's order and in as many chunks
// as suit the caller: Name, Request, Type, Models, Agents, Ceiling, Estimate
// and Priority of each are read, and RequestID, Seq and State are set in the
// caller's slice.
//
// A job is known by its name: one that is there already keeps its request id,
// its place and its state, so that a plan can be repeated from the start
// after a crash, and on a re-run. A request that was deleted since comes back
// with it, unless the job will never be sent again. The same name with another request, or a new
// name in a sealed batch, is ManifestDiffers, and nothing of the chunk is
// written.
func (l *Ledger) Plan(ctx context.Context, id batch.ID, jobs []Job) error {
	const op = "plan"
	if len(jobs) == 0 {
		return nil
	}
	names, digests, err := inspect(op, id, jobs)
	if err != nil {
		return err
	}
	planned := make([]JobRow, len(jobs))
	err = l.write(ctx, nil, func(w *work) error {
		b, found, err := w.batches.get(id)
		if err != nil {
			return err
		}
		if !found {
			return noBatch(op, id)
		}
		t, _, err := w.tallies.get(id)
		if err != nil {
			return err
		}
		if err := w.flush(); err != nil { // names may have been planned by the group's own operations
			return err
		}
		rows, err := w.tx.Named(id, names)
		if w.check(err) != nil {
			return err
		}
		gone := false // prompts of the batch were deleted: of what may yet be sent they come back
		if len(rows) > 0 {
			if _, gone, err = w.purges.get(purged{id, batch.KeptPrompts}); err != nil {
				return err
			}
		}
		known := make(map[string]JobRow, len(rows))
		for _, r := range rows {
			known[r.Name] = r
		}
		for i, j := range jobs {
			have, found := known[j.Name]
			switch {
			case found && have.Digest != digests[i]:
				return differs(op, id, j.Name, "it was planned with another request")
			case found:
				if gone && mayBeSent(have.State) {
					if again, err := w.tx.Request(have.Ref()); w.check(err) != nil {
						return err
					} else if again == nil {
						w.draftPayloads = append(w.draftPayloads, Payload{have.Ref(), j.Request})
					}
				}
				planned[i] = have
				continue
			case b.Sealed:
				return differs(op, id, j.Name, fmt.Sprintf("it isn't one of the %d jobs that were planned", b.Jobs))
			}
			row := JobRow{Digest: digests[i], Job: Job{
				Batch: id, Seq: t.Ended.Total, Name: j.Name, RequestID: l.newID(), Type: clean(j.Type), Models: j.Models,
				Agents: j.Agents, Ceiling: j.Ceiling, Estimate: j.Estimate, Priority: j.Priority,
				State: batch.Planned, UpdatedAt: w.now,
			}}
			t.add(batch.Planned, 1)
			w.jobs.add(row.Ref(), row)
			w.draftPayloads = append(w.draftPayloads, Payload{row.Ref(), j.Request})
			planned[i] = row
		}
		w.tallies.put(id, t)
		return nil
	})
	if err != nil {
		return err
	}
	for i, p := range planned {
		jobs[i].Batch, jobs[i].RequestID, jobs[i].Seq, jobs[i].State = id, p.RequestID, p.Seq, p.State
	}
	return nil
}

// inspect checks a chunk by itself.
func inspect(op string, id batch.ID, jobs []Job) (names, digests []string, err error) {
	seen := make(map[string]bool, len(jobs))
	for _, j := range jobs {
		thing := fmt.Sprintf("%s job %q", id, clip(j.Name))
		switch {
		case j.Name == "" || !utf8.ValidString(j.Name) || strings.ContainsRune(j.Name, 0):
			return nil, nil, badInput(op, thing, "a job's name must be text without a zero byte, and not empty")
		case seen[j.Name]:
			return nil, nil, badInput(op, thing, "the name occurs twice: give each job a name of its own")
		case len(j.Request) == 0:
			return nil, nil, badInput(op, thing, "the request is empty")
		case j.Ceiling < 0 || j.Ceiling > maxAmount:
			return nil, nil, badInput(op, thing, "its ceiling is "+j.Ceiling.Dollars()+"; it must lie between $0.00 and "+maxAmount.Dollars())
		}
		seen[j.Name] = true
		sum := sha256.Sum256(j.Request)
		names, digests = append(names, j.Name), append(digests, hex.EncodeToString(sum[:]))
	}
	return names, digests, nil
}

// Seal says that all jobs are in. jobs must be how many were planned, else the
// fault is Internal: a chunk was lost. Sealing again is fine.
func (l *Ledger) Seal(ctx context.Context, id batch.ID, jobs int, estimate, ceiling money.USD) error {
	const op = "seal"
	return l.onBatch(ctx, op, id, func(w *work, b *Batch) error {
		t, _, err := w.tallies.get(id)
		if err != nil {
			return err
		}
		if t.Ended.Total != jobs {
			return internal(op, string(id), "%d jobs were planned, not %d", t.Ended.Total, jobs)
		}
		b.Jobs, b.Estimate, b.Ceiling, b.Sealed = jobs, estimate, ceiling, true
		return nil
	})
}

func differs(op string, id batch.ID, name, what string) error {
	return &batch.Fault{
		Kind: batch.ManifestDiffers, Op: op, Thing: fmt.Sprintf("%s job %q", id, clip(name)), Detail: what,
		Hint: "give changed work another name, or run it on another night",
	}
}

func badInput(op, thing, detail string) error {
	return &batch.Fault{Kind: batch.BadInput, Op: op, Thing: thing, Detail: detail}
}

// clip shortens a name for a message.
func clip(s string) string {
	if len(s) > batch.MaxJobName {
		return strings.ToValidUTF8(s[:batch.MaxJobName], "") + "..."
	}
	return s
}
