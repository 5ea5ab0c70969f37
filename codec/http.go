package codec

import (
	"errors"
	"fmt"
	"net/http"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/offpeak/offpeak/batch"
)

// Handler is the codec server of Temporal's UI and CLI
// (https://docs.temporal.io/codec-server): POST /codec/NAMESPACE/decode, and
// encode, with payloads in and out as JSON; the namespace may be left out. What
// no key reads is 400 with the reason as text, which the UI and the CLI show.
// Who may ask is for whoever serves it: it decrypts everything.
func (k *Keys) Handler() http.Handler {
	h := converter.NewPayloadCodecHTTPHandler(hinting{k})
	mux := http.NewServeMux()
	for _, what := range []string{"encode", "decode"} {
		mux.Handle("POST /codec/{namespace}/"+what, h)
		mux.Handle("POST /codec/"+what, h)
	}
	return mux
}

// hinting says in one line what Go programs find in a fault's fields.
type hinting struct{ *Keys }

// Encode refuses what it was given in place of a payload.
func (h hinting) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out, err := h.Keys.Encode(payloads)
	return out, hinted(err)
}

// Decode adds what is to be done about a missing key.
func (h hinting) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out, err := h.Keys.Decode(payloads)
	return out, hinted(err)
}

func hinted(err error) error {
	var f *batch.Fault
	if errors.As(err, &f) && f.Hint != "" {
		return fmt.Errorf("%w; %s", err, f.Hint)
	}
	return err
}
