package codec

import (
	"errors"
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/offpeak/offpeak/batch"
)

// What stands in clear beside an encrypted payload: names that Temporal's own
// samples use (https://github.com/temporalio/samples-go/tree/main/encryption).
const (
	Encoding = "binary/encrypted"
	KeyIDTag = "encryption-key-id"
)

// ErrKey is the cause of a fault of reading a payload: its key isn't known here,
// or isn't the one that it was encrypted with.
var ErrKey = errors.New("no key reads it")

var _ converter.PayloadCodec = (*Keys)(nil)

// Encode encrypts each payload with the first key, whole: how it was encoded is
// inside. Without keys it leaves them alone. What is encrypted already is left
// as it is, so that a payload that was only passed on needs one key, not two.
func (k *Keys) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	ring := k.Ring()
	if ring.Empty() {
		return payloads, nil
	}
	id := ring.ids[0]
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if encrypted(p) {
			out[i] = p
			continue
		}
		clear, err := proto.Marshal(p)
		if err != nil {
			return nil, &batch.Fault{Kind: batch.Internal, Op: "encrypt payload", Err: err}
		}
		out[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(Encoding), KeyIDTag: []byte(id)},
			Data:     ring.seals[id].Seal(nil, nil, clear, bound(id)),
		}
	}
	return out, nil
}

// Decode decrypts what is encrypted and leaves the rest alone. A key that isn't
// known here is a fault that names it.
func (k *Keys) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	var ring Ring
	read := false
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if !encrypted(p) {
			out[i] = p
			continue
		}
		if !read {
			ring, read = k.Ring(), true
		}
		var err error
		if out[i], err = ring.open(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func encrypted(p *commonpb.Payload) bool {
	return string(p.GetMetadata()[converter.MetadataEncoding]) == Encoding
}

func (r Ring) open(p *commonpb.Payload) (*commonpb.Payload, error) {
	id := string(p.GetMetadata()[KeyIDTag])
	seal, ok := r.seals[id]
	if !ok {
		f := &batch.Fault{
			Kind: batch.BadInput, Op: "decrypt payload", Thing: "key " + clip(id), Err: ErrKey,
			Detail: "this program has the keys " + strings.Join(r.ids, ", "),
			Hint:   "add the line of that key to OFFPEAK_CODEC_KEYS_FILE (or OFFPEAK_CODEC_KEYS), below the first; a file is read anew within a second",
		}
		if r.Empty() {
			f.Detail = "this program has no keys"
			f.Hint = "set OFFPEAK_CODEC_KEYS_FILE or OFFPEAK_CODEC_KEYS as it is set where the payload was made"
		}
		return nil, f
	}
	clear, err := seal.Open(nil, nil, p.GetData(), bound(id))
	var inside commonpb.Payload
	if err == nil {
		err = proto.Unmarshal(clear, &inside)
	}
	if err != nil {
		return nil, &batch.Fault{
			Kind: batch.BadInput, Op: "decrypt payload", Thing: "key " + clip(id), Err: ErrKey,
			Detail: "the key of that name here isn't the one that encrypted it, or somebody has changed it since",
			Hint:   "compare starter codec check where it was made and here; give each key an id of its own",
		}
	}
	return &inside, nil
}

// bound ties a payload to the format and to its key's name.
func bound(id string) []byte { return fmt.Appendf(nil, "offpeak payload 1 %s", id) }

// clip bounds an id that anybody may have written.
func clip(id string) string {
	if idShape.MatchString(id) {
		return id
	}
	return fmt.Sprintf("%.64q", id)
}
