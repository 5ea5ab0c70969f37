package archive

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"gocloud.dev/gcerrors"

	"github.com/offpeak/offpeak/batch"
)

// Fetch opens one object of any bucket by its URL, such as a manifest that
// somebody put there: s3://bucket/key?region=eu-central-1, with the query of an
// archive. It is no archive's: nothing is written, and the key may be any. The
// caller closes it. What the asker has to set right is a fault of kind BadInput
// or NotFound, a store that can't be reached one of kind OutOfReach.
func Fetch(ctx context.Context, rawURL string) (io.ReadCloser, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, asked(badURL(nil, "it is not a URL"))
	}
	key := strings.TrimPrefix(u.Path, "/")
	switch {
	case u.User != nil:
		return nil, asked(badURL(u, "credentials don't belong into it: every log would have them"))
	case u.Scheme != "s3":
		return nil, asked(badURL(u, "its scheme is neither file nor s3"))
	case u.Fragment != "" || key == "" || strings.HasSuffix(key, "/"):
		return nil, asked(badURL(u, "it names no object of a bucket"))
	}
	b, err := dialBucket(ctx, u)
	if err != nil {
		return nil, asked(err)
	}
	r, err := b.blobs.NewReader(ctx, key, nil)
	if err != nil {
		f := b.fault(opFetch, shown(u), err)
		switch {
		case gcerrors.Code(err) == gcerrors.NotFound:
			f.Kind = batch.NotFound
		case forbidden(f.Status):
			f.Kind = batch.BadInput
		}
		return nil, asked(f)
	}
	return &fetched{reader{r, b, shown(u)}, b}, nil
}

const opFetch = "read"

// asked has a fault of the archive's speak to whoever named the object.
func asked(err error) error {
	var f *batch.Fault
	if !errors.As(err, &f) {
		return err
	}
	out := *f
	out.Op, out.Hint = opFetch, "name it as s3://bucket/key?region=REGION (also endpoint=URL, use_path_style=true, profile=NAME)"
	switch {
	case forbidden(f.Status):
		out.Hint = "the worker reads it: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role of the worker's say who asks, and need s3:GetObject and s3:ListBucket on it"
	case f.Status == http.StatusNotFound:
		out.Hint = "the worker reads it: see that bucket and key are right"
	case f.Kind == batch.OutOfReach:
		out.Hint = f.Hint
	}
	return &out
}

// fetched lets go of its bucket with the object.
type fetched struct {
	reader
	bucket *bucket
}

// Close ends the reading.
func (f *fetched) Close() error { return errors.Join(f.reader.Close(), f.bucket.blobs.Close()) }
