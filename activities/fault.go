package activities

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
)

// later asks for another attempt of the activity after a while. It is never
// without a reason: the fault says it.
type later struct {
	*batch.Fault
	delay time.Duration
	wait  batch.Wait // what for, where the gate said it
}

func (l later) Unwrap() error { return l.Fault }

// over marks a fault that no retry mends although its kind may be retried
// elsewhere: a provider that is still out of reach when the night is over.
type over struct{ error }

func (o over) Unwrap() error { return o.error }

// least is the shortest delay that is handed to Temporal: zero is dropped by
// the SDK, and the server rounds what is below a second up to one. Shorter
// ones are waited for in process.
const least = time.Second

// final lists the kinds that stay as they are however often one tries.
var final = map[batch.Kind]bool{
	batch.BadInput: true, batch.KeyRefused: true, batch.CreditsTooLow: true, batch.OverBudget: true,
	batch.RejectedByAPI: true, batch.NightClaimed: true, batch.ManifestDiffers: true, batch.NotFound: true,
	batch.Internal: true,

	batch.DiscountMissed: true, batch.BillingMissing: true, batch.OutcomesUnknown: true,
	batch.BooksDisagree: true, batch.NothingToJudge: true,
}

// expected lists the kinds that a good night is full of: they stay out of the
// error metrics.
var expected = map[batch.Kind]bool{batch.Waiting: true, batch.RateLimited: true, batch.OutcomeUnknown: true, batch.NotSent: true}

// raise turns an error of ours into Temporal's: the kind is the type, the
// fault is the first detail, and what may be tried again says when. It is the
// only bridge between the two. A cancellation passes as it is.
func raise(err error, details ...any) error {
	if err == nil {
		return nil
	}
	var f *batch.Fault
	if !errors.As(err, &f) {
		if errors.Is(err, context.Canceled) || temporal.IsCanceledError(err) {
			return err
		}
		// What has no kind is a bug of ours, or a database driver's news.
		f = &batch.Fault{Kind: batch.Internal, Op: "run activity", Detail: err.Error(), Err: err}
	}
	opts := temporal.ApplicationErrorOptions{
		NonRetryable: final[f.Kind],
		Cause:        nil, // the message says it; a cause would repeat it in the UI
		Details:      append([]any{flat(f)}, details...),
	}
	var o over
	if errors.As(err, &o) {
		opts.NonRetryable = true
	}
	var l later
	if errors.As(err, &l) && !opts.NonRetryable {
		opts.NextRetryDelay = max(l.delay, least)
		if l.wait.Reason != "" {
			opts.Details = append(opts.Details, l.wait) // for whoever looks at what a night waits for
		}
	} else if f.After > 0 && !opts.NonRetryable {
		opts.NextRetryDelay = max(f.After, least)
	}
	if expected[f.Kind] && !opts.NonRetryable {
		opts.Category = temporal.ApplicationErrorCategoryBenign
	}
	message := f.Error()
	switch many := strings.Contains(f.Detail, "\n"); {
	case many: // a list: each of it on a line of its own
		message = strings.Replace(message, ": "+f.Detail, ":\n"+f.Detail, 1)
		if f.Hint != "" {
			message += "\n" + f.Hint
		}
	case f.Hint != "":
		message += ". " + f.Hint
	}
	return temporal.NewApplicationErrorWithOptions(message, string(f.Kind), opts)
}

// Raise is the bridge for the door that worker/host keeps: a Nexus handler
// runs in a worker and refuses as the hands do.
func Raise(f *batch.Fault) error { return raise(f) }

// flat is the fault as it travels: its cause, which JSON leaves out, becomes
// its detail.
func flat(f *batch.Fault) batch.Fault {
	out := *f
	if out.Detail == "" && out.Err != nil {
		out.Detail = out.Err.Error()
	}
	out.Err = nil
	return out
}

// waiting is the fault of an attempt that has to come back later.
func waiting(op, thing, why string, delay time.Duration) error {
	return later{Fault: &batch.Fault{Kind: batch.Waiting, Op: op, Thing: thing, Detail: why}, delay: delay}
}

// held is waiting for what the gate names.
func held(op, thing string, w batch.Wait, delay time.Duration) error {
	return later{&batch.Fault{Kind: batch.Waiting, Op: op, Thing: thing, Detail: w.Detail}, delay, w}
}
