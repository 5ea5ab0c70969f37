// Package books reads the ledger for the doors: starter jobs, starter results,
// starter ledger verify and export, and the same over HTTP. It opens the books
// themselves, beside the workers that write them, so that they can be looked
// into, proven and taken out when Temporal and every worker are down. It changes
// nothing. starter/cli and starter/httpapi call it and show what it returns; no
// other room of the doors but starter/switches, which pulls the kill switch, may
// open a ledger.
package books

import (
	"context"
	"errors"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/open"
)

// Books are open until Close.
type Books struct {
	ledger  *ledger.Ledger
	place   string
	archive string // the setting: opened when answers are wanted
	env     config.Env
}

// Open opens the books that OFFPEAK_LEDGER names. Books that aren't there are
// NotFound: none are made.
func Open(ctx context.Context, env config.Env) (*Books, error) {
	c, err := config.Load(env)
	if err != nil {
		return nil, err
	}
	l, err := open.Reader(ctx, c.Ledger)
	if err != nil {
		return nil, stopped(ctx, err)
	}
	return &Books{l, open.Redacted(c.Ledger), c.Archive, env}, nil
}

// Close lets go of them.
func (b *Books) Close() error { return b.ledger.Close() }

// Place is where they are, without a password.
func (b *Books) Place() string { return b.place }

// Ping says whether they can be read now.
func (b *Books) Ping(ctx context.Context) error {
	_, err := b.ledger.Nights(ctx, "ping") // whether there is such a name doesn't matter
	return stopped(ctx, err)
}

// Find is the batch that NAME/NIGHT means, or NAME: its latest night.
func (b *Books) Find(ctx context.Context, arg string) (batch.ID, error) {
	if strings.Contains(arg, "/") {
		id, err := batch.ParseID(arg)
		if err != nil {
			return "", &batch.Fault{Kind: batch.BadInput, Op: "find night", Thing: arg, Err: err, Hint: "name a batch such as market-digest/2026-11-22"}
		}
		return id, nil
	}
	name := batch.Name(arg)
	if err := name.Valid(); err != nil {
		return "", &batch.Fault{Kind: batch.BadInput, Op: "find nights of", Thing: arg, Err: err}
	}
	ids, err := b.ledger.Nights(ctx, name)
	if err != nil {
		return "", stopped(ctx, err)
	}
	if len(ids) == 0 {
		return "", b.none("find nights of", arg)
	}
	return ids[len(ids)-1], nil
}

func (b *Books) none(op, thing string) error {
	return &batch.Fault{
		Kind: batch.NotFound, Op: op, Thing: thing, Detail: "there are none in " + b.place,
		Hint: "OFFPEAK_LEDGER says which books are read; a night enters them when a worker has planned it",
	}
}

// stopped is the fault of a command that a person interrupted.
func stopped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || batch.KindOf(err) == batch.OutOfReach) {
		return &batch.Fault{Kind: batch.Cancelling, Op: "read the ledger", Detail: "interrupted", Err: err}
	}
	return err
}
