package codec

import (
	"context"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Apply gives a client these keys: its payloads, and its errors' messages and
// stack traces, are encrypted, and are read whichever of the keys they were
// encrypted with. Without keys it only reads, and says why when it can't.
func (k *Keys) Apply(o *client.Options) {
	o.DataConverter = &data{CodecDataConverter: plain(k), keys: k}
	o.FailureConverter = k.failures(false)
}

// ApplyWorker is Apply for a client whose workers run workflows: what they
// can't read stops the workflow at that point, visibly, until they can, instead
// of ending it. Other calls of such a client must be prepared for a panic where
// an error can't be read.
func (k *Keys) ApplyWorker(o *client.Options) {
	k.Apply(o)
	o.FailureConverter = k.failures(true)
}

// Of are the keys that a client was given; nil when it wasn't.
func Of(o client.Options) *Keys {
	if d, ok := o.DataConverter.(*data); ok {
		return d.keys
	}
	return nil
}

func plain(k *Keys) *converter.CodecDataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), k).(*converter.CodecDataConverter)
}

// data is the converter of payloads.
type data struct {
	*converter.CodecDataConverter
	keys *Keys
}

var (
	_ converter.DataConverter = (*data)(nil)
	_ workflow.ContextAware   = (*data)(nil)
)

// WithSerializationContext binds to nothing more: a payload is passed on from
// one workflow to another, and read by people, who don't know where it was made.
func (d *data) WithSerializationContext(converter.SerializationContext) converter.DataConverter {
	return d
}

// WithContext is for activities and clients: what can't be read is an error.
func (d *data) WithContext(context.Context) converter.DataConverter { return d }

// WithWorkflowContext is for workflows: what can't be read is a panic. An error
// would be an answer, and the story would go on with it: a night would fail, or
// take a job that was paid for as one whose end isn't known. A panic fails the
// workflow task instead, with its message in the history, and Temporal tries
// again until a worker has the key.
func (d *data) WithWorkflowContext(workflow.Context) converter.DataConverter { return &strict{d} }

type strict struct{ *data }

// WithSerializationContext keeps the strictness.
func (s *strict) WithSerializationContext(converter.SerializationContext) converter.DataConverter {
	return s
}

// WithContext is no workflow's any more.
func (s *strict) WithContext(context.Context) converter.DataConverter { return s.data }

// WithWorkflowContext is itself.
func (s *strict) WithWorkflowContext(workflow.Context) converter.DataConverter { return s }

// FromPayload panics when no key reads it.
func (s *strict) FromPayload(p *commonpb.Payload, to any) error {
	s.readable(p)
	return s.data.FromPayload(p, to)
}

// FromPayloads panics when no key reads one of them.
func (s *strict) FromPayloads(p *commonpb.Payloads, to ...any) error {
	s.readable(p.GetPayloads()...)
	return s.data.FromPayloads(p, to...)
}

func (s *strict) readable(payloads ...*commonpb.Payload) {
	for _, p := range payloads {
		if p == nil {
			continue
		}
		if _, err := s.keys.Decode([]*commonpb.Payload{p}); err != nil {
			panic(err)
		}
	}
}

// failures is the converter of errors. Those of its messages that it can't read
// it replaces by why; or, in a worker, it panics as strict does.
type failures struct {
	converter.FailureConverter
	keys   *Keys
	strict bool
}

func (k *Keys) failures(strict bool) converter.FailureConverter {
	return &failures{keys: k, strict: strict, FailureConverter: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: &data{CodecDataConverter: plain(k), keys: k}, EncodeCommonAttributes: !k.Ring().Empty(),
	})}
}

// FailureToError reads a failure and its causes.
func (f *failures) FailureToError(failure *failurepb.Failure) error {
	for at := failure; at != nil; at = at.GetCause() {
		for _, p := range payloadsOf(at) {
			_, err := f.keys.Decode([]*commonpb.Payload{p})
			if err == nil {
				continue
			}
			if f.strict {
				panic(err) // see data.WithWorkflowContext
			}
			if p == at.GetEncodedAttributes() {
				at.Message = fmt.Sprintf("an error that can't be read: %v", err)
			}
		}
	}
	return f.FailureConverter.FailureToError(failure)
}

// payloadsOf is what a failure holds besides its cause.
func payloadsOf(f *failurepb.Failure) []*commonpb.Payload {
	var all []*commonpb.Payload
	if p := f.GetEncodedAttributes(); p != nil {
		all = append(all, p)
	}
	for _, d := range []*commonpb.Payloads{
		f.GetApplicationFailureInfo().GetDetails(), f.GetCanceledFailureInfo().GetDetails(),
		f.GetTimeoutFailureInfo().GetLastHeartbeatDetails(), f.GetResetWorkflowFailureInfo().GetLastHeartbeatDetails(),
	} {
		all = append(all, d.GetPayloads()...)
	}
	return all
}
