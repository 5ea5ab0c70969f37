package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/server"
)

// TestDrain: who follows is told to come back elsewhere, what runs ends, and
// meanwhile the server says that it isn't ready.
func TestDrain(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(1_800_000_000, 0)}
	s := serve(t, server.Options{Now: c.Now, Limits: server.Limits{Delay: time.Hour, Drain: time.Hour}})
	events := s.begin("GET", "/v1/batches/a/2026-11-22/events", nil)
	defer events.Body.Close()
	lines := lineReader(events.Body)
	for line := range lines {
		if strings.HasPrefix(line, "data: ") {
			break
		}
	}
	cutOff := make(chan error, 1)
	go func() {
		res, err := s.client.Get(s.URL() + "/v1/wait")
		if err == nil {
			_ = res.Body.Close()
		}
		cutOff <- err
	}()
	<-s.begun
	if r := s.ask("GET", "/readyz", nil); r.status != 200 {
		t.Errorf("before: %d %s", r.status, r.text)
	}
	s.stop()
	for { // the server says so as soon as it was told
		r := s.ask("GET", "/readyz", nil)
		if r.status == 503 {
			if !strings.Contains(r.text, `{"name":"server","ok":false,"detail":"draining`) {
				t.Errorf("%s", r.text)
			}
			break
		}
	}
	if r := s.ask("GET", "/v1/who", nil); r.status != 200 {
		t.Errorf("a balancer that hasn't looked yet: %d", r.status)
	}
	select {
	case err := <-s.ended:
		t.Fatalf("ended with a request under way: %v", err)
	default:
	}
	close(s.cut) // ends the delay, and the time for what runs
	if err := <-s.ended; batch.KindOf(err) != batch.Cancelling {
		t.Errorf("%v", err)
	}
	if err := <-cutOff; err == nil {
		t.Error("what ran was not cut off")
	}

	s = serve(t, server.Options{})
	events = s.begin("GET", "/v1/batches/a/2026-11-22/events", nil)
	defer events.Body.Close()
	lines = lineReader(events.Body)
	for line := range lines {
		if strings.HasPrefix(line, "data: ") {
			break
		}
	}
	answer := make(chan reply, 1)
	go func() { answer <- s.ask("GET", "/v1/wait", nil) }()
	<-s.begun
	s.stop()
	var last []string
	for line := range lines {
		last = append(last, line)
	}
	if text := strings.Join(last, "\n"); !strings.Contains(text, "\nretry: ") || !strings.Contains(text, "going away") || strings.Contains(text, "event: end") {
		t.Errorf("the last words: %q", text)
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("still accepting")
	}
	close(s.release)
	if r := <-answer; r.status != 200 || r.text != "done" {
		t.Errorf("what ran: %d %q", r.status, r.text)
	}
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
}

// TestCertificate: TLS by files that are followed; a broken one changes nothing.
func TestCertificate(t *testing.T) {
	t.Parallel()
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	issue(t, cert, key, 1)
	c := &clock{now: time.Unix(1_800_000_000, 0)}
	s := serve(t, server.Options{Cert: cert, CertKey: key, Now: c.Now})
	if !strings.HasPrefix(s.URL(), "https://") {
		t.Errorf("at %s", s.URL())
	}
	shown := func() int64 {
		d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // which one it is, is what is asked
		conn, err := d.DialContext(t.Context(), "tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if n := shown(); n != 1 {
		t.Errorf("certificate %d", n)
	}
	issue(t, cert, key, 2)
	if n := shown(); n != 1 {
		t.Errorf("certificate %d in the same second", n)
	}
	c.pass(time.Second)
	if n := shown(); n != 2 {
		t.Errorf("certificate %d", n)
	}
	for _, http2 := range []bool{false, true} {
		s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2}}
		c.pass(time.Second)
		if r := s.ask("GET", "/readyz", nil); r.status != 200 || !strings.Contains(r.text, `"certificate","ok":true`) {
			t.Errorf("HTTP/2 %v: %d %s", http2, r.status, r.text)
		}
		if r := s.ask("POST", "/v1/read", strings.NewReader("body")); r.text != "{\"bytes\":4}\n" {
			t.Errorf("HTTP/2 %v: %d %s", http2, r.status, r.text)
		}
		events := s.begin("GET", "/v1/batches/a/2026-11-22/events", nil)
		if events.ProtoMajor != 1 != http2 {
			t.Errorf("%s", events.Proto)
		}
		for line := range lineReader(events.Body) {
			if strings.HasPrefix(line, "data: ") {
				break
			}
		}
		_ = events.Body.Close()
	}
	write(t, cert, "not a certificate")
	c.pass(time.Second)
	if n := shown(); n != 2 {
		t.Errorf("certificate %d", n)
	}
	c.pass(time.Second)
	if r := s.ask("GET", "/readyz", nil); r.status != 503 || !strings.Contains(r.text, `"certificate","ok":false`) || strings.Contains(r.text, cert) {
		t.Errorf("%d %s", r.status, r.text)
	}
	if !strings.Contains(s.log.String(), cert) {
		t.Error("the log doesn't say which file is broken")
	}
	_, err := server.New(context.Background(), server.Options{Addr: "127.0.0.1:0", Keys: ring(t, keys.Source{}), Cert: cert, CertKey: key})
	if batch.KindOf(err) != batch.BadInput {
		t.Errorf("a broken file at the start: %v", err)
	}
}

// TestReady names what isn't, and keeps the reason for the log.
func TestReady(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(1_800_000_000, 0)}
	asked := 0
	var ill error
	s := serve(t, server.Options{Now: c.Now, Checks: []server.Check{
		{Name: "temporal", Ask: func(context.Context) error { asked++; return ill }},
		{Name: "ledger", Ask: func(context.Context) error { return nil }},
	}})
	for range 5 {
		if r := s.ask("GET", "/readyz", nil); r.status != 200 || r.text != `{"ready":true,"checks":[{"name":"server","ok":true},{"name":"keys","ok":true},{"name":"temporal","ok":true},{"name":"ledger","ok":true}]}`+"\n" {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times within a second", asked)
	}
	ill = errors.New("dial 10.1.2.3: " + planted)
	c.pass(time.Second)
	for range 2 {
		r := s.ask("GET", "/readyz", nil)
		if r.status != 503 || !strings.Contains(r.text, `{"name":"temporal","ok":false`) || strings.Contains(r.text, planted) || strings.Contains(r.text, "10.1.2.3") {
			t.Errorf("%d %s", r.status, r.text)
		}
		c.pass(time.Second)
	}
	if n := strings.Count(s.log.String(), "not ready"); n != 1 || !strings.Contains(s.log.String(), "10.1.2.3") {
		t.Errorf("logged %d times, or without the reason", n)
	}
	if r := s.ask("GET", "/healthz", nil); r.status != 200 || r.text != "{\"status\":\"alive\"}\n" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// issue writes a certificate of its own making.
func issue(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(4_000_000_000, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}
