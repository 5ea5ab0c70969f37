package books

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/evidence"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/lake"
	"github.com/offpeak/offpeak/provider/swarms"
)

// logTimeout bounds the reading of the provider's log, which comes whole.
const logTimeout = 15 * time.Minute

// rows adds what the provider's own log says of the batch's jobs.
func (g *gathering) rows(ctx context.Context) error {
	if g.batch.Provider != swarmsProvider {
		g.bundle.Lacks(evidence.FileLog, "the provider "+g.batch.Provider+" has no log that is known")
		return nil
	}
	c, err := config.Load(g.env)
	if err != nil {
		return err
	}
	l := &loglines{g: g, c: c, byID: map[string]evidence.Row{}}
	from, why := "", ""
	switch g.wish.Log {
	case LogNone:
		why = "it wasn't asked for (--log none)"
	case LogLake:
		from = LogLake
		err = l.lake(ctx)
	case LogLive:
		from = "provider"
		if err = c.NeedKey(); err == nil {
			err = l.live(ctx)
		}
	default:
		from, why, err = l.either(ctx)
	}
	if err != nil {
		return err
	}
	if from == "" || len(l.byID) == 0 && why != "" {
		g.bundle.Lacks(evidence.FileLog, why)
		return nil
	}
	g.bundle.Manifest().Log = from
	return l.write()
}

// loglines are the rows that were found, by the provider's id of each and,
// where that says nothing, by their content. Some hundred bytes of each job.
type loglines struct {
	g    *gathering
	c    config.Config
	byID map[string]evidence.Row
}

// either asks the lake, and the provider where the lake doesn't show every job
// that was charged.
func (l *loglines) either(ctx context.Context) (from, why string, err error) {
	err = l.lake(ctx)
	switch kind := batch.KindOf(err); {
	case kind == batch.NotFound:
		why = "there is no log lake at OFFPEAK_LAKE"
	case err != nil:
		return "", "", err
	case l.shows():
		return LogLake, "", nil
	default:
		why = "the log lake doesn't show its jobs"
	}
	if l.c.Key.Empty() {
		return LogLake, why + ", and there is no SWARMS_API_KEY to ask the provider with", nil
	}
	kept := l.byID
	l.byID = map[string]evidence.Row{}
	if err := l.live(ctx); err != nil {
		if ctx.Err() != nil {
			return "", "", err
		}
		l.byID = kept
		return LogLake, fmt.Sprintf("%s, and the provider's log can't be read: %v", why, err), nil
	}
	return "provider", "neither the log lake nor the provider's log shows a job of it", nil
}

// shows says whether every job that was charged is there.
func (l *loglines) shows() bool {
	seen := map[int]bool{}
	for _, r := range l.byID {
		seen[r.Seq] = true
	}
	for seq := range l.g.charged {
		if !seen[seq] {
			return false
		}
	}
	return true
}

func (l *loglines) lake(ctx context.Context) error {
	store, err := lake.Reader(ctx, l.c.Lake)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // it was only read
	wanted := make([]string, 0, len(l.g.seqs))
	for id := range l.g.seqs {
		wanted = append(wanted, id)
	}
	for r, err := range store.Rows(ctx, lake.Query{Requests: wanted}) {
		if err != nil {
			return err
		}
		l.add(r.LogRow, r.Line)
	}
	return nil
}

func (l *loglines) live(ctx context.Context) error {
	api, err := swarms.New(swarms.Options{BaseURL: l.c.BaseURL, Key: l.c.Key.Reveal(), Timeout: logTimeout})
	if err != nil {
		return err
	}
	defer api.CloseIdle()
	n := 0
	_, err = api.LogLines(ctx, func(r swarms.LogLine) error {
		if n++; n%1000 == 0 {
			l.g.far("reading the provider's log: rows", n)
		}
		l.add(r.LogRow, r.Line)
		return ctx.Err()
	})
	return err
}

// add takes in a row when it is of a job of this batch. A later version of a
// row takes the place of an earlier one.
func (l *loglines) add(r swarms.LogRow, text []byte) {
	id, ok := swarms.TagOf(r.Run.SwarmName)
	seq, ours := l.g.seqs[id]
	if !ok || !ours {
		return
	}
	row := evidence.Row{
		Seq: seq, RequestID: id, ID: r.ID, CreatedAt: r.CreatedAt, Category: r.Category, Key: r.KeyID,
		JobID: r.Run.JobID, Status: r.Run.Status, Name: strings.TrimSpace(r.Run.SwarmName), Type: r.Run.SwarmType, Agents: r.Run.Agents, SHA256: evidence.Sum(text),
	}
	if u := r.Run.Usage; u != nil {
		if u.TotalCost.Known {
			row.Billed = &evidence.Amount{USD: u.TotalCost.USD, Text: u.TotalCost.Text}
		}
		if u.HasTokens {
			row.Tokens = &[2]int64{u.InputTokens, u.OutputTokens}
		}
		row.Agents, row.NightApplied = cmp.Or(row.Agents, u.Agents), u.NightApplied
	}
	l.byID[cmp.Or(row.ID, row.SHA256)] = row
}

// write adds the rows in the order of jobs.
func (l *loglines) write() error {
	rows := make([]evidence.Row, 0, len(l.byID))
	for _, r := range l.byID {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b evidence.Row) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID), cmp.Compare(a.SHA256, b.SHA256))
	})
	if err := l.g.bundle.Has(evidence.FileLog); err != nil {
		return err
	}
	for _, r := range rows {
		if err := l.g.bundle.Row(r); err != nil {
			return err
		}
	}
	return nil
}
