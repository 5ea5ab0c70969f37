// Package certtest makes certificates for tests of TLS: an authority, and
// certificates of servers and clients that it signed, in PEM files. Nothing of it
// is good outside of a test.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	File string // its own certificate

	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Pair is a certificate and its key.
type Pair struct{ Cert, Key string } // files

// New makes an authority of a name.
func New(t testing.TB, name string) *Authority {
	t.Helper()
	a := &Authority{dir: t.TempDir()}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	var der []byte
	der, a.key = sign(t, template, template, nil)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.File = write(t, filepath.Join(a.dir, "ca.pem"), "CERTIFICATE", der)
	return a
}

// Server is a certificate for loopback, or for hosts.
func (a *Authority) Server(t testing.TB, hosts ...string) Pair {
	t.Helper()
	c := leaf("server", x509.ExtKeyUsageServerAuth)
	if c.DNSNames = hosts; hosts == nil {
		c.DNSNames, c.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	return a.pair(t, c)
}

// Client is a certificate of a name.
func (a *Authority) Client(t testing.TB, name string) Pair {
	t.Helper()
	return a.pair(t, leaf(name, x509.ExtKeyUsageClientAuth))
}

// Expired is one whose time is over, for either end.
func (a *Authority) Expired(t testing.TB, name string) Pair {
	t.Helper()
	c := leaf(name, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)
	c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	return a.pair(t, c)
}

// Demanding is the configuration of a server that takes nobody without a
// certificate of clients.
func Demanding(t testing.TB, server Pair, clients *Authority) *tls.Config {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(server.Cert, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(clients.cert)
	return &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
}

func leaf(name string, use ...x509.ExtKeyUsage) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, ExtKeyUsage: use, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func (a *Authority) pair(t testing.TB, template *x509.Certificate) Pair {
	t.Helper()
	der, key := sign(t, template, a.cert, a.key)
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(a.dir, "pair")
	if err != nil {
		t.Fatal(err)
	}
	return Pair{write(t, filepath.Join(dir, "cert.pem"), "CERTIFICATE", der), write(t, filepath.Join(dir, "key.pem"), "PRIVATE KEY", b)}
}

// sign makes a key and signs its certificate; with itself when by is nil.
func sign(t testing.TB, template, parent *x509.Certificate, by *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by = key
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

func write(t testing.TB, path, kind string, der []byte) string {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
