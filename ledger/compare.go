package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// Comparison finds out in what a manifest differs from the one that a batch
// was planned from: what a person wants to read who is told that it does. Its
// memory is a byte a job.
type Comparison struct {
	ledger *Ledger
	batch  Batch
	seen   []bool // by Seq

	changed, added, missing, moved names
	last                           int
}

// names counts jobs and remembers the first.
type names struct {
	count int
	first []string
}

// namesShown is how many jobs of a kind a difference names.
const namesShown = 5

func (n *names) add(name, more string) {
	if n.count++; n.count <= namesShown {
		n.first = append(n.first, fmt.Sprintf("%q", shorten(name))+more)
	}
}

// shorten keeps a message within what a failure in Temporal may hold.
func shorten(name string) string {
	const most = 80
	if r := []rune(name); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return name
}

func (n names) say(what string) []string {
	if n.count == 0 {
		return nil
	}
	jobs := "jobs"
	if n.count == 1 {
		jobs = "job"
	}
	s := fmt.Sprintf("%d %s %s: %s", n.count, jobs, what, strings.Join(n.first, ", "))
	if n.count > namesShown {
		s += fmt.Sprintf(" and %d more", n.count-namesShown)
	}
	return []string{s}
}

// Compare begins to compare a manifest's jobs with those of a batch.
func (l *Ledger) Compare(b Batch) *Comparison { return &Comparison{ledger: l, batch: b, last: -1} }

// Jobs takes in the manifest's next jobs, in its order and in as many chunks as
// suit the caller; of each, Name and Request are read.
func (c *Comparison) Jobs(ctx context.Context, jobs []Job) error {
	if len(jobs) == 0 {
		return nil
	}
	want, digests, err := inspect("compare", c.batch.ID, jobs)
	if err != nil {
		return err
	}
	return c.ledger.read(ctx, func(tx Tx) error {
		rows, err := tx.Named(c.batch.ID, want)
		if err != nil {
			return err
		}
		known := make(map[string]JobRow, len(rows))
		for _, r := range rows {
			known[r.Name] = r
		}
		for i, j := range jobs {
			r, found := known[j.Name]
			if !found {
				c.added.add(j.Name, "")
				continue
			}
			if r.Seq >= len(c.seen) {
				c.seen = append(c.seen, make([]bool, r.Seq+1-len(c.seen))...)
			}
			c.seen[r.Seq] = true
			switch {
			case r.Digest != digests[i]:
				fields := ""
				if c.changed.count < namesShown {
					had, err := tx.Request(r.Ref())
					if err != nil {
						return err
					}
					fields = differing(had, j.Request)
				}
				c.changed.add(j.Name, fields)
			case r.Seq < c.last:
				c.moved.add(j.Name, "")
			}
			c.last = max(c.last, r.Seq)
		}
		return nil
	})
}

// Fault says in what they differ, as a fault of kind ManifestDiffers; nil when
// they don't.
func (c *Comparison) Fault(ctx context.Context) (*batch.Fault, error) {
	err := c.ledger.read(ctx, func(tx Tx) error {
		c.missing = names{}
		for from := 0; ; from += listPage {
			rows, err := tx.Stretch(c.batch.ID, from, from+listPage)
			if err != nil {
				return err
			}
			for _, r := range rows {
				if r.Seq >= len(c.seen) || !c.seen[r.Seq] {
					c.missing.add(r.Name, "")
				}
			}
			if len(rows) < listPage {
				return nil
			}
		}
	})
	if err != nil {
		return nil, err
	}
	parts := c.changed.say("changed")
	if c.batch.Sealed { // else what looks new may just not have been written yet
		parts = append(parts, c.added.say("added")...)
	}
	parts = append(parts, c.missing.say("missing")...)
	parts = append(parts, c.moved.say("moved up or down")...)
	if len(parts) == 0 {
		return nil, nil
	}
	return &batch.Fault{
		Kind: batch.ManifestDiffers, Op: "claim", Thing: string(c.batch.ID),
		Detail: "the night was planned from other jobs: " + strings.Join(parts, "; "),
		Hint:   "hand over the manifest as it was, or give changed work another name or another night",
	}, nil
}

// differing names the fields of two requests that aren't the same, never what
// is in them: " (task, agents)"; "" when they can't be told.
func differing(had, want []byte) string {
	var a, b map[string]json.RawMessage
	if json.Unmarshal(had, &a) != nil || json.Unmarshal(want, &b) != nil {
		return ""
	}
	all := maps.Clone(a)
	maps.Copy(all, b)
	var fields []string
	for _, f := range slices.Sorted(maps.Keys(all)) {
		if !bytes.Equal(a[f], b[f]) {
			fields = append(fields, shorten(f))
		}
	}
	const most = 4
	if len(fields) == 0 {
		return ""
	}
	if more := len(fields) - most; more > 0 {
		fields = append(fields[:most], fmt.Sprintf("%d more", more))
	}
	return " (" + strings.Join(fields, ", ") + ")"
}
