// Package switches pulls and releases the ledger's kill switches for the
// operator's commands starter stop and starter go. It writes to the books
// themselves: whoever pulls the switch has no time to ask whether Temporal and
// a worker answer. starter/cli calls it and prints what it returns.
package switches

import (
	"context"
	"errors"
	"slices"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/open"
)

// Key is an API key as the books know it.
type Key struct {
	ID       string `json:"id"`        // a hash's first digits, never the key
	InFlight int    `json:"in_flight"` // requests under way
}

// Switch is one that is pulled.
type Switch struct {
	Key string `json:"key"` // "" for all keys
	batch.Pause
}

// Panel is all switches that are pulled, and all keys.
type Panel struct {
	Ledger  string   `json:"ledger"` // without a password
	Pulled  []Switch `json:"pulled"`
	Keys    []Key    `json:"keys"`
	Changed bool     `json:"changed"` // by the command
}

// Stop has nothing more sent with a key, or with any for "", by any worker on
// the ledger: from its return on. What is in flight ends.
func Stop(ctx context.Context, env config.Env, key, by, why string) (Panel, error) {
	return change(ctx, env, key, func(l *ledger.Ledger) (bool, error) { return true, l.Halt(ctx, key, by, why) })
}

// Go undoes Stop.
func Go(ctx context.Context, env config.Env, key string) (Panel, error) {
	return change(ctx, env, key, func(l *ledger.Ledger) (bool, error) { return l.Release(ctx, key) })
}

// Look says how the switches are.
func Look(ctx context.Context, env config.Env) (Panel, error) {
	c, err := config.Load(env)
	if err != nil {
		return Panel{}, err
	}
	l, err := open.Reader(ctx, c.Ledger)
	if err != nil {
		return Panel{}, err
	}
	p, err := panel(ctx, l)
	p.Ledger = open.Redacted(c.Ledger)
	return p, errors.Join(err, l.Close())
}

func change(ctx context.Context, env config.Env, key string, do func(*ledger.Ledger) (bool, error)) (Panel, error) {
	// Read first: opening to write makes books that aren't there, and a switch
	// in empty books of one's own holds nobody.
	seen, err := Look(ctx, env)
	if err != nil {
		return Panel{}, err
	}
	if key != "" && !seen.knows(key) {
		return Panel{}, &batch.Fault{
			Kind: batch.NotFound, Op: "find key", Thing: key, Detail: "the books know no such key: nothing was ever sent with it",
			Hint: "starter stop lists the keys; --all holds everything",
		}
	}
	c, err := config.Load(env)
	if err != nil {
		return Panel{}, err
	}
	l, err := open.Ledger(ctx, c.Ledger, ledger.Options{})
	if err != nil {
		return Panel{}, err
	}
	did, err := do(l)
	if err != nil {
		return Panel{}, errors.Join(err, l.Close())
	}
	p, err := panel(ctx, l)
	p.Ledger, p.Changed = seen.Ledger, did
	return p, errors.Join(err, l.Close())
}

// knows also a key that is only stopped.
func (p Panel) knows(key string) bool {
	return slices.ContainsFunc(p.Keys, func(k Key) bool { return k.ID == key }) ||
		slices.ContainsFunc(p.Pulled, func(s Switch) bool { return s.Key == key })
}

func panel(ctx context.Context, l *ledger.Ledger) (Panel, error) {
	p := Panel{Pulled: []Switch{}, Keys: []Key{}}
	halts, err := l.Halts(ctx)
	if err != nil {
		return p, err
	}
	for _, h := range halts {
		p.Pulled = append(p.Pulled, Switch{h.Key, h.Pause})
	}
	ids, err := l.Keys(ctx)
	if err != nil {
		return p, err
	}
	for _, id := range ids {
		k, err := l.Key(ctx, id)
		if err != nil {
			return p, err
		}
		p.Keys = append(p.Keys, Key{id, k.InFlight})
	}
	return p, nil
}
