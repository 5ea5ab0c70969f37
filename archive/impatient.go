package archive

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// impatient gives up a request that isn't answered: the SDK's own client waits
// for as long as the store keeps the connection open.
type impatient struct{ s3.HTTPClient }

// Do makes one request.
func (c impatient) Do(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	late := time.AfterFunc(answerLimit, func() { cancel(fmt.Errorf("no answer within %s", answerLimit)) })
	resp, err := c.HTTPClient.Do(r.WithContext(ctx))
	late.Stop()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && r.Context().Err() == nil {
			err = cause
		}
		cancel(nil)
		return resp, err
	}
	resp.Body = &ending{resp.Body, cancel}
	return resp, nil
}

// ending lets go of a request's context with its answer.
type ending struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

// Close ends the answer.
func (e *ending) Close() error {
	defer e.cancel(nil)
	return e.ReadCloser.Close()
}
