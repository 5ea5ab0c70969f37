package activities

import (
	"context"
	"errors"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/lake"
)

// logs deletes old days of the provider's log from the lake, which notes that
// in its own chain.
func (p *purging) logs(ctx context.Context) (err error) {
	keep, ok := p.Keep[batch.KeptLogs]
	if !ok || !p.in.Of(batch.KeptLogs) || p.Lake == "" {
		return nil
	}
	before, err := lake.PurgeBefore(p.in.Asked, keep)
	if err != nil {
		return err
	}
	open := lake.Open
	if p.in.DryRun {
		open = lake.Reader // it makes no folder
	}
	l, err := open(ctx, p.Lake)
	if p.in.DryRun && batch.KindOf(err) == batch.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	out := batch.PurgedBatch{What: batch.KeptLogs, Rule: p.rule(batch.KeptLogs)}
	p.pulse.now(Beat{Doing: "looking through the log lake"})
	gone, err := l.Purge(ctx, lake.PurgeOrder{
		Before: before, Why: out.Rule, DryRun: p.in.DryRun, Now: p.now, Program: p.Program,
		Far: func(days int) { p.pulse.now(Beat{Doing: "deleting days of the provider's log", Count: days}) },
	})
	out.Items, out.Bytes = int64(gone.Days), gone.Bytes
	p.out.Add(out)
	p.tell()
	return err
}
