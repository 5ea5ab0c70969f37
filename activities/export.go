package activities

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/lake"
	"github.com/offpeak/offpeak/provider/swarms"
)

// exportTime is how long the provider may take to send its whole log: it has
// no pages, and only one that was read to its end is worth anything.
const exportTime = 2 * time.Hour

// ExportLog takes what is new in the provider's log into the lake, and notes in
// the books what it was. It reads the log once and sends nothing. An attempt
// that dies is gone on with by the next one: what is in the lake is taken once.
func (h *Hands) ExportLog(ctx context.Context, in batch.LogExportInput) (batch.LogExport, error) {
	p := beat(ctx, "opening the lake")
	defer p.end()
	if err := h.needSwarms("export the log"); err != nil {
		return batch.LogExport{}, raise(err)
	}
	out, err := h.exportLog(ctx, in, p)
	return out, raise(err)
}

func (h *Hands) exportLog(ctx context.Context, in batch.LogExportInput, p *pulse) (out batch.LogExport, err error) {
	days := lake.Days{From: in.From, To: in.To}
	if in.Day != "" {
		if in.From != "" || in.To != "" {
			return out, &batch.Fault{
				Kind: batch.BadInput, Op: "export the log", Thing: in.Day, Moved: batch.MovedNo,
				Detail: "a day and a stretch of days are both given", Hint: `write {"day": "2026-11-21"}, or {"from": "2026-11-01", "to": "2026-11-21"}`,
			}
		}
		days = lake.Days{From: in.Day, To: in.Day}
	}
	open, cancel := h.whileOpen(ctx) // hours of work that another worker can go on with hold up no shutdown
	defer cancel()
	l, err := lake.Open(open, h.Lake)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	out, err = l.Export(open, lake.Order{
		Logs: func(ctx context.Context, yield func(swarms.LogLine) error) error {
			_, err := h.Swarms.LogLines(swarms.WithTimeout(ctx, exportTime), yield)
			return err
		},
		Key: h.key, Days: days, Today: in.Today, Books: &lakeBooks{ledger: h.Ledger}, Now: h.now, Program: h.Program, Far: p.now,
	})
	if err != nil {
		if open.Err() != nil && ctx.Err() == nil {
			err = &batch.Fault{Kind: batch.OutOfReach, Op: "export the log", Thing: out.To, Detail: "this worker shuts down; another one goes on", Err: err}
		}
		return out, err
	}
	h.Log.Info("log exported", zap.String("lake", out.URL), zap.Int("read", out.Read), zap.Int("rows", out.Rows), zap.Int("parts", out.Parts),
		zap.String("dollars", out.Dollars.String()), zap.Int("differences", out.Differences))
	note, err := json.Marshal(out)
	if err != nil {
		return out, err
	}
	return out, h.Ledger.NoteDaily(ctx, batch.DailyExport, out.To, h.now(), note)
}
