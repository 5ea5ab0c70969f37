package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
)

// fault translates an error of a call to Temporal. ctx is the caller's own: its
// end is an interruption, whatever the call says.
func (c *Client) fault(ctx context.Context, op, thing string, err error) *batch.Fault {
	var ours *batch.Fault
	if errors.As(err, &ours) {
		return ours
	}
	f := &batch.Fault{Kind: batch.Internal, Op: op, Thing: thing, Err: err}
	var (
		missing   *serviceerror.NotFound
		namespace *serviceerror.NamespaceNotFound
		denied    *serviceerror.PermissionDenied
		bad       *serviceerror.InvalidArgument
	)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		f.Kind, f.Err, f.Detail = batch.Cancelling, ctx.Err(), "interrupted"
	case errors.Is(err, converter.ErrEncodingIsNotSupported):
		f.Kind, f.Detail = batch.BadInput, "what Temporal keeps of it is encrypted, and this program has no keys: "+err.Error()
		f.Hint = "give the connection the keys that its workers have (OFFPEAK_CODEC_KEYS_FILE; in a program of yours, codec.Keys.Apply)"
	case errors.As(err, &namespace):
		f.Kind, f.Detail = batch.NotFound, fmt.Sprintf("Temporal at %s has no namespace %q", c.address, namespace.Namespace)
		f.Hint = "name another one with --namespace or TEMPORAL_NAMESPACE"
	case errors.As(err, &missing):
		f.Kind = batch.NotFound
	case errors.As(err, &denied):
		f.Kind, f.Hint = batch.BadInput, "the Temporal profile or key may not do this"
	case errors.As(err, &bad):
		f.Kind = batch.BadInput
	default:
		if h := Handshake(c.address, err); h != nil {
			h.Op, h.Thing = op, thing
			return h
		}
		// Refused, unresolved, timed out, overloaded: the SDK says it in many
		// types, and to whoever asked they are one thing.
		f.Kind = batch.OutOfReach
		f.Detail = fmt.Sprintf("Temporal at %s can't be reached: %v", c.address, err)
		f.Hint = "is it running? temporal server start-dev starts one; --address or TEMPORAL_ADDRESS names another; one that asks for TLS needs TEMPORAL_TLS"
	}
	return f
}

// asFault is the fault that an error is, else nil: of what reads payloads, the
// want of a key.
func asFault(err error) *batch.Fault {
	var f *batch.Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// said is a failure's message, decoded.
func (c *Client) said(f *failurepb.Failure) string {
	err := c.failures.FailureToError(f)
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}

// ended decodes the failure with which a night ended. A failed audit gives the
// result and its fault; any other failure gives a fault alone. A night that was
// cancelled after it began was judged like any other: a result and no fault.
func (n Night) ended(err error) (batch.Result, *batch.Fault) {
	var (
		app        *temporal.ApplicationError
		cancelled  *temporal.CanceledError
		terminated *temporal.TerminatedError
		timeout    *temporal.TimeoutError
		f          = &batch.Fault{Op: "run night", Thing: string(n.Batch), Err: err}
		result     batch.Result
	)
	if n.again {
		f.Op = "reconcile"
	}
	switch {
	case errors.As(err, &app):
		result, f = n.fromDetails(app)
	case n.again && (errors.As(err, &cancelled) || errors.As(err, &terminated)):
		f.Kind, f.Detail = batch.Cancelling, "ended by a person before it was through; nothing is lost"
		f.Hint = "start it again: it compares everything anew"
	case errors.As(err, &cancelled):
		var r batch.Result
		if cancelled.HasDetails() && cancelled.Details(&r) == nil && r.Batch != "" {
			return r, nil
		}
		f.Kind, f.Detail = batch.Cancelling, "cancelled before anything was sent"
	case errors.As(err, &terminated):
		f.Kind, f.Detail = batch.Cancelling, "terminated; what was in flight drained, and nothing was audited"
		f.Hint = "start it again: nothing that was sent is sent again, and the audit covers the whole night"
	case errors.As(err, &timeout):
		f.Kind, f.Detail = batch.Internal, "timed out in Temporal: somebody set a timeout on the workflow"
		f.Hint = "start it again without one"
	default:
		f.Kind, f.Detail = batch.Internal, "ended in a way that Temporal has no word for"
	}
	return result, f
}

// fromDetails reads a failure that activities made: the error's type is the
// fault's kind, and its details hold the fault, the result, or both.
func (n Night) fromDetails(app *temporal.ApplicationError) (batch.Result, *batch.Fault) {
	f := &batch.Fault{Kind: batch.Kind(app.Type()), Op: "run night", Thing: string(n.Batch), Detail: app.Message()}
	var result batch.Result
	for _, raw := range detailsOf(app) {
		var probe struct {
			Kind  batch.Kind       `json:"kind"`
			Audit *json.RawMessage `json:"audit"`
		}
		if json.Unmarshal(raw, &probe) != nil {
			continue // not an object: not ours
		}
		switch {
		case probe.Audit != nil:
			var r batch.Result
			if json.Unmarshal(raw, &r) == nil {
				result = r
			}
		case probe.Kind != "":
			var g batch.Fault
			if json.Unmarshal(raw, &g) == nil && g.Kind == f.Kind {
				f = &g
			}
		}
	}
	if f.Kind == "" || !known(f.Kind) {
		// A panic or a mistyped payload: Temporal's own words are the best there are.
		f.Kind = batch.Internal
	}
	return result, f
}

// detailsOf is each of the error's details as JSON: they come one or two at a
// time and in any order.
func detailsOf(app *temporal.ApplicationError) []json.RawMessage {
	if !app.HasDetails() {
		return nil
	}
	for n := 2; n > 0; n-- {
		raw := make([]json.RawMessage, n)
		into := make([]any, n)
		for i := range raw {
			into[i] = &raw[i]
		}
		if app.Details(into...) == nil {
			return raw
		}
	}
	return nil
}

func known(k batch.Kind) bool {
	return k == batch.Internal || k.ExitCode() != batch.ExitInternal
}
