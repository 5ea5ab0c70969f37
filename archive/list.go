package archive

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// Object is one key of a store.
type Object struct {
	Key   string
	Bytes int64
	At    time.Time // when it was written
}

const opList = "list archive"

// List is every key below a folder of keys ("logs/key=4b0f2c"), or of the whole
// store for "", in order of the keys; none where there is no such folder. What
// is written meanwhile may be in it or not. An error ends it.
func (a *Archive) List(ctx context.Context, folder string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		prefix := ""
		if folder != "" {
			if err := checkKey(opList, folder); err != nil {
				yield(Object{}, err)
				return
			}
			prefix = strings.TrimSuffix(folder, "/") + "/"
		}
		for it := a.bucket.List(&blob.ListOptions{Prefix: prefix}); ; {
			o, err := it.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Object{}, a.store.fault(opList, folder, err))
				return
			}
			if o.IsDir || !keyRE.MatchString(o.Key) { // what is being written, or somebody else's
				continue
			}
			if !yield(Object{o.Key, o.Size, o.ModTime}, nil) {
				return
			}
		}
	}
}
