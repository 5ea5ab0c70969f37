package nightly

import (
	"context"
	"crypto/tls"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
)

// handshakes are the ends of a TLS handshake that no waiting mends. gRPC hands
// them on as text alone: these are crypto/tls's and crypto/x509's own words, as
// the tests get them from real ones.
var handshakes = []struct{ says, what, hint string }{
	{"unknown authority", "its certificate isn't signed by an authority known here", "TEMPORAL_TLS_SERVER_CA_CERT_PATH names the PEM file of the authority that signed the server's certificate"},
	{"certificate is valid for", "its certificate is for other names", "connect by a name that stands in the certificate, or set TEMPORAL_TLS_SERVER_NAME to one"},
	{"doesn't contain any IP SANs", "its certificate is for other names", "connect by a name that stands in the certificate, or set TEMPORAL_TLS_SERVER_NAME to one"},
	{"x509: certificate has expired or is not yet valid", "its certificate has expired or isn't valid yet", "renew the server's certificate; if its time is right, look at this machine's clock"},
	{"certificate required", "it asks for a client's certificate", "TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH name the PEM files of one that the server's authority has signed"},
	{"tls: expired certificate", "it finds our certificate expired", "renew the certificate that TEMPORAL_TLS_CLIENT_CERT_PATH names"},
	{"remote error: tls:", "it refuses our certificate", "TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH name the PEM files of one that the server's authority has signed"},
	{"first record does not look like a TLS handshake", "it doesn't speak TLS", "unset TEMPORAL_TLS, the TEMPORAL_TLS_... variables and TEMPORAL_API_KEY, or connect to the port that does"},
}

// Unreachable is the fault of a connection that can't be made for what TLS is
// told to trust or to show, with what to set; nil when it fails for anything
// else. A server that refuses a certificate closes the connection, and whether
// its reason arrives before our own write fails is chance: then it is asked once
// more, without writing.
func Unreachable(ctx context.Context, o client.Options, err error) *batch.Fault {
	f := Handshake(o.HostPort, err)
	if f != nil || err == nil || o.ConnectionOptions.TLS == nil {
		return f
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	return Handshake(o.HostPort, shakeHands(ctx, o.HostPort, o.ConnectionOptions.TLS))
}

// askTime is for a handshake and what the server says after it: one that is
// content waits for us to begin.
const askTime = 3 * time.Second

// shakeHands is how a server answers a handshake, its alert after it included:
// in TLS 1.3 a client's certificate is looked at when the client is done.
func shakeHands(ctx context.Context, address string, c *tls.Config) error {
	c = c.Clone()
	c.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: c}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing was written
	if at, ok := ctx.Deadline(); ok {
		_ = conn.SetReadDeadline(at)
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

// Handshake is the fault of a connection to Temporal that fails for what TLS is
// told to trust or to show, with what to set; nil for any other error, which
// another try may mend. See [Unreachable].
func Handshake(address string, err error) *batch.Fault {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, h := range handshakes {
		if strings.Contains(text, h.says) {
			return &batch.Fault{
				Kind: batch.BadInput, Op: "connect to Temporal", Thing: address, Moved: batch.MovedNo, Err: err,
				Detail: h.what + ": " + text, Hint: h.hint,
			}
		}
	}
	return nil
}
