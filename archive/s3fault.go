package archive

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// noBucket is S3's code for a bucket that isn't there.
const noBucket = "NoSuchBucket"

// codeOf is S3's own name of an error, "" when the store said none.
func codeOf(err error) string {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// fault says in one line what a store, or the way to it, has against a
// request. Every kind is OutOfReach: credentials are changed and buckets come
// back, and the caller tries again.
func (b *bucket) fault(op, thing string, err error) *batch.Fault {
	f := &batch.Fault{Kind: batch.OutOfReach, Op: op, Thing: thing, Err: err, Detail: oneLine(err.Error())}
	var api interface {
		ErrorCode() string
		ErrorMessage() string
	}
	var status interface{ HTTPStatusCode() int }
	var dial *net.OpError
	if errors.As(err, &status) {
		f.Status = status.HTTPStatusCode()
	}
	switch {
	case errors.Is(err, errOverwrites):
		f.Detail = err.Error()
	case errors.As(err, &api):
		f.Detail = oneLine(strings.TrimSuffix(api.ErrorCode()+": "+api.ErrorMessage(), ": "))
	case errors.As(err, &dial):
		f.Detail = oneLine(dial.Error())
	}
	switch {
	case forbidden(f.Status) && op == opRemove:
		f.Hint = "who asks needs s3:DeleteObject on " + b.name + " to delete what is no longer kept; set OFFPEAK_KEEP_ANSWERS to forever where the bucket's own lifecycle rules do it"
	case forbidden(f.Status):
		f.Hint = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role say who asks; they need s3:GetObject, s3:PutObject, s3:ListBucket and s3:AbortMultipartUpload on " + b.name
	case f.Status == http.StatusNotFound:
		f.Hint = "make the bucket " + b.name + ", or correct OFFPEAK_ARCHIVE"
	case f.Status == 0:
		f.Hint = "see that the archive's endpoint is right and can be reached, and that there are credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role)"
	default:
		f.Hint = "ask whoever runs the store; what was written is safe, and it is tried again"
	}
	return f
}

// oneLine is a message of somebody else's, of bounded length.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 300 {
		return s[:300] + "..."
	}
	return s
}
