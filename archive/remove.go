package archive

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"gocloud.dev/gcerrors"
)

const opRemove = "delete from archive"

// removers is how many keys are deleted at once: each is a journey to a store.
const removers = 16

// Remove deletes what is under some keys. Whoever calls it has written down
// before that it is going to be so (ledger.BeginPurge): a key without content
// and without a note is a loss, and one that was written once isn't to be
// written again. A key that holds nothing is no error, so that a removal that
// was cut short is begun anew. All are gone, through a power cut too, before it
// returns without an error. gone is told of every key, one call at a time; nil
// when nobody wants to know.
//
// A bucket that keeps versions keeps the content under a delete marker, until
// its own lifecycle rule ends it.
func (a *Archive) Remove(ctx context.Context, keys []string, gone func(key string)) error {
	for _, k := range keys {
		if err := a.writable(k); err != nil {
			return err
		}
	}
	if len(keys) == 0 {
		return nil
	}
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		turn sync.Mutex // for gone
		next atomic.Int64
		all  sync.WaitGroup
	)
	for range min(removers, len(keys)) {
		all.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(keys) && inner.Err() == nil; i = next.Add(1) - 1 {
				k := keys[i]
				if err := a.store.remove(inner, k); err != nil {
					stop(a.store.fault(opRemove, k, err)) // the first one counts
					return
				}
				if gone != nil {
					turn.Lock()
					gone(k)
					turn.Unlock()
				}
			}
		})
	}
	all.Wait()
	if err := context.Cause(inner); err != nil {
		return err
	}
	if err := a.store.removed(keys); err != nil {
		return a.store.fault(opRemove, keys[0], err)
	}
	return nil
}

func (d *folder) remove(_ context.Context, key string) error {
	err := os.Remove(d.path(key))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// removed brings the folders to disk from which names went.
func (d *folder) removed(keys []string) error {
	var folders []string
	for _, k := range keys {
		folders = append(folders, filepath.Dir(d.path(k)))
	}
	slices.Sort(folders)
	for _, f := range slices.Compact(folders) {
		if err := d.dirs.sync(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (b *bucket) remove(ctx context.Context, key string) error {
	err := b.blobs.Delete(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound && codeOf(err) != noBucket {
		return nil
	}
	return err
}

func (b *bucket) removed([]string) error { return nil }
