package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"

	"github.com/offpeak/offpeak/batch"
)

// bucket is a store that speaks S3: AWS, MinIO, Ceph, Cloudflare R2 and others.
// It writes with If-None-Match: *, which the store must heed (AWS S3 User
// Guide, "Conditional writes").
type bucket struct {
	client *s3.Client
	blobs  *blob.Bucket // below the prefix
	name   string
	prefix string // "" or with a slash at its end
}

func openBucket(ctx context.Context, u *url.URL, readOnly bool) (*Archive, error) {
	b, err := dialBucket(ctx, u)
	if err != nil {
		return nil, err
	}
	if b.prefix, err = prefix(u); err != nil {
		return nil, err
	}
	if b.prefix != "" {
		b.blobs = blob.PrefixedBucket(b.blobs, b.prefix)
	}
	if !readOnly {
		if err := b.prove(ctx); err != nil {
			_ = b.blobs.Close() // it was never used
			return nil, b.refused(u, err)
		}
	}
	return &Archive{bucket: b.blobs, store: b, url: strings.TrimRight(shown(u), "/"), readOnly: readOnly}, nil
}

// dialBucket makes a client for the bucket that a URL names. Nobody is asked
// yet.
func dialBucket(ctx context.Context, u *url.URL) (*bucket, error) {
	if !bucketRE.MatchString(u.Host) || u.Opaque != "" {
		return nil, badURL(u, "it names no bucket: 3 to 63 of a-z, 0-9, '.', '_' and '-' after the two slashes")
	}
	client, err := dial(ctx, u)
	if err != nil {
		return nil, err
	}
	blobs, err := s3blob.OpenBucket(ctx, client, u.Host, &s3blob.Options{RequestChecksumCalculation: client.Options().RequestChecksumCalculation})
	if err != nil {
		return nil, badURL(u, err.Error())
	}
	return &bucket{client: client, blobs: blobs, name: u.Host}, nil
}

// Bounds. The SDK tries a request three times by itself (AWS_MAX_ATTEMPTS): an
// object isn't a purchase.
const (
	answerLimit = time.Minute     // from the begin of a request to the begin of its answer
	putLimit    = 2 * time.Minute // a paid answer waits for no longer to be booked
	partSize    = 8 << 20         // of a stream: 10,000 parts make 78 GiB
	partsAtOnce = 2               // of a stream: what it holds in memory
)

// put is one request of exactly the content's memory: the library's writer
// would hold a part's worth for each of hundreds of jobs at once.
func (b *bucket) put(ctx context.Context, key string, content []byte) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, putLimit)
	defer cancel()
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: new(b.prefix + key), Body: bytes.NewReader(content), ContentType: new(contentType(key)), IfNoneMatch: new("*"),
	})
	return placed(err)
}

// stream uploads in parts; nothing is under the key until the last request,
// which has the condition. The upload has a context of its own: it ends by an
// error of its reader, so that it can still tell the store to throw its parts
// away, which cost money for as long as they are kept.
func (b *bucket) stream(ctx context.Context, key string, fill func(io.Writer) error) (bool, error) {
	up, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r, w := io.Pipe()
	stop := context.AfterFunc(ctx, func() {
		_ = w.CloseWithError(context.Cause(ctx)) // it never fails
		time.AfterFunc(answerLimit, cancel)      // the end of a part that hangs
	})
	defer stop()
	done := make(chan error, 1)
	go func() {
		err := b.blobs.Upload(up, key, r, &blob.WriterOptions{
			ContentType: contentType(key), IfNotExist: true, BufferSize: partSize, MaxConcurrency: partsAtOnce,
		})
		_ = r.CloseWithError(err) // fill writes in vain from here on
		done <- err
	}()
	own := fill(w)
	if own == nil {
		own = context.Cause(ctx)
	}
	_ = w.CloseWithError(own)
	err := <-done
	if own != nil {
		return false, own
	}
	return placed(err)
}

// placed reads the answer to a conditional write.
func placed(err error) (bool, error) {
	// A conflict is a race with another writer of the key: what it wrote is
	// there now, or the next attempt finds out.
	if code := codeOf(err); code == "PreconditionFailed" || code == "ConditionalRequestConflict" {
		return false, nil
	}
	return err == nil, err
}

// keep has nothing to do: what a store has said yes to is durable.
func (b *bucket) keep(string) error { return nil }

// probeKey is a small object that every opening tries to write again.
const probeKey = "write-once.txt"

// prove sees that the bucket can be written to and that it refuses to write a
// key twice, whole and in parts. The first opening leaves a small object
// there; each later one writes nothing.
func (b *bucket) prove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, putLimit)
	defer cancel()
	const text = "This object shows at each start of a worker that the store refuses to write a key twice.\n"
	made := false
	for range 2 {
		var err error
		if made, err = b.put(ctx, probeKey, []byte(text)); err != nil {
			return err
		}
		if !made {
			break
		}
	}
	if !made {
		var err error
		if made, err = b.putParts(ctx, probeKey, text); err != nil {
			return err
		}
	}
	if made {
		return errOverwrites
	}
	return nil
}

var errOverwrites = errors.New("it wrote a key a second time although it was told If-None-Match: *, so that it can't keep what was paid for from being overwritten")

// putParts is the same as one part of an upload in parts.
func (b *bucket) putParts(ctx context.Context, key, text string) (made bool, err error) {
	name := new(b.prefix + key)
	up, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: name, ContentType: new(contentType(key))})
	if err != nil {
		return false, err
	}
	defer func() {
		if !made { // one that stays is what a bucket's lifecycle rule is for
			_, _ = b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: name, UploadId: up.UploadId})
		}
	}()
	part, err := b.client.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b.name, Key: name, UploadId: up.UploadId, PartNumber: new(int32(1)), Body: strings.NewReader(text)})
	if err != nil {
		return false, err
	}
	_, err = b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b.name, Key: name, UploadId: up.UploadId, IfNoneMatch: new("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: new(int32(1)), ETag: part.ETag}}},
	})
	return placed(err)
}

// refused is the fault of an opening: what a person has to set right first is
// BadInput.
func (b *bucket) refused(u *url.URL, err error) error {
	f := b.fault(opOpen, shown(u), err)
	switch {
	case errors.Is(err, errOverwrites), f.Status == http.StatusNotImplemented:
		f.Kind, f.Hint = batch.BadInput, "use a store that heeds If-None-Match: * on writes, whole and in parts, or a folder"
	case f.Status == http.StatusForbidden, f.Status == http.StatusUnauthorized, f.Status == http.StatusNotFound,
		f.Status == http.StatusBadRequest, f.Status == http.StatusMovedPermanently:
		f.Kind = batch.BadInput
	}
	return f
}
