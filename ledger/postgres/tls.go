package postgres

import (
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// notURL is the fault of a URL that can't be read. Files of certificates that
// can't be read belong to it; the URL itself isn't shown.
func notURL(err error) *batch.Fault {
	f := &batch.Fault{
		Kind: batch.BadInput, Op: "open the ledger", Detail: "not the URL of a PostgreSQL database",
		Hint: "write postgres://USER:PASSWORD@HOST:PORT/DATABASE",
	}
	if inner := errors.Unwrap(err); inner != nil && strings.Contains(err.Error(), "failed to configure TLS") {
		f.Detail, f.Hint = "TLS: "+inner.Error(), "sslmode is verify-full, and sslrootcert, sslcert and sslkey name PEM files that this program can read"
	}
	return f
}

// handshake says what is wrong with a certificate, the server's or ours; "" when
// an error isn't that.
func handshake(err error) (detail, hint string) {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		refused *net.OpError
	)
	switch {
	case errors.As(err, &unknown):
		return "the server's certificate isn't signed by an authority known here", "sslrootcert in the ledger's URL names the PEM file of the authority that signed it"
	case errors.As(err, &name):
		return "the server's certificate is for other names: " + name.Error(), "connect by a name that stands in it"
	case errors.As(err, &invalid):
		return "the server's certificate: " + invalid.Error(), "renew it; if its time is right, look at this machine's clock"
	case errors.As(err, &refused) && refused.Op == "remote error":
		return "the server refuses our certificate: " + refused.Err.Error(), "sslcert and sslkey in the ledger's URL name the PEM files of a certificate that is good now, and that the server's authority has signed"
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return "the server doesn't speak TLS", "have it (ssl = on); sslmode=disable sends everything in clear"
	}
	return "", ""
}
