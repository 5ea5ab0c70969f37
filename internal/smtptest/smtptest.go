// Package smtptest is a mail server for tests: it speaks SMTP over a real
// socket, with STARTTLS and AUTH, keeps what it takes, and refuses on cue.
package smtptest

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Message is one that the server has taken.
type Message struct {
	From string
	To   []string
	User string // who signed in; "" for nobody
	TLS  bool
	Text string // header and body as they came
}

// Server is the mail server. Its fields are set before the first connection.
type Server struct {
	Addr     string
	Roots    *x509.CertPool // whoever trusts these trusts the server
	StartTLS bool           // offered
	Password string         // of the user "offpeak"; "" asks for none
	// Say answers a command in place of the server, "" leaves it to the server:
	// "451 later". It sees DATA, MAIL, RCPT and "." for the end of a message.
	Say func(command string) string

	ctx      context.Context //nolint:containedctx // the test's
	cert     tls.Certificate
	mu       sync.Mutex
	messages []Message
	got      chan struct{}
}

// New listens on loopback until the test ends.
func New(tb testing.TB) *Server {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{Addr: l.Addr().String(), ctx: tb.Context(), got: make(chan struct{}, 1000)}
	s.cert, s.Roots = certificate(tb)
	var crew sync.WaitGroup
	var (
		mu   sync.Mutex
		open = map[net.Conn]bool{}
	)
	crew.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			crew.Go(func() {
				s.serve(c)
				mu.Lock()
				delete(open, c)
				mu.Unlock()
			})
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		crew.Wait()
	})
	return s
}

// Messages are those that were taken so far.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Got is sent to whenever a message was taken.
func (s *Server) Got() <-chan struct{} { return s.got }

// session is one connection.
type session struct {
	*Server
	conn net.Conn
	in   *bufio.Reader
	now  Message
}

func (s *Server) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	x := &session{Server: s, conn: c, in: bufio.NewReader(c)}
	x.say("220 smtptest ready")
	for {
		line, err := x.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		if s.Say != nil {
			if answer := s.Say(verb); answer != "" {
				x.say(answer)
				continue
			}
		}
		if !x.command(verb, rest) {
			return
		}
	}
}

func (x *session) say(lines ...string) {
	_, _ = io.WriteString(x.conn, strings.Join(lines, "\r\n")+"\r\n")
}

func (x *session) command(verb, rest string) bool {
	switch verb {
	case "EHLO", "HELO":
		offers := []string{"250-smtptest", "250-8BITMIME", "250-ENHANCEDSTATUSCODES"}
		if x.StartTLS && !x.now.TLS {
			offers = append(offers, "250-STARTTLS")
		}
		if x.Password != "" {
			offers = append(offers, "250-AUTH PLAIN LOGIN")
		}
		x.say(append(offers, "250 SIZE 1000000")...)
	case "STARTTLS":
		x.say("220 go ahead")
		t := tls.Server(x.conn, &tls.Config{Certificates: []tls.Certificate{x.cert}, MinVersion: tls.VersionTLS12})
		if err := t.HandshakeContext(x.ctx); err != nil {
			return false
		}
		x.conn, x.in, x.now = t, bufio.NewReader(t), Message{TLS: true}
	case "AUTH":
		x.auth(rest)
	case "MAIL":
		if x.Password != "" && x.now.User == "" {
			x.say("530 5.7.0 sign in first")
			break
		}
		x.now.From, x.now.To = address(rest), nil
		x.say("250 2.1.0 fine")
	case "RCPT":
		x.now.To = append(x.now.To, address(rest))
		x.say("250 2.1.5 fine")
	case "DATA":
		x.say("354 go on")
		return x.data()
	case "QUIT":
		x.say("221 bye")
		return false
	default: // NOOP, RSET
		x.say("250 2.0.0 fine")
	}
	return true
}

// auth is PLAIN, with its text in the command.
// https://www.rfc-editor.org/rfc/rfc4616
func (x *session) auth(rest string) {
	kind, text, _ := strings.Cut(rest, " ")
	plain, err := base64.StdEncoding.DecodeString(text)
	parts := strings.Split(string(plain), "\x00")
	if err != nil || !strings.EqualFold(kind, "PLAIN") || len(parts) != 3 || parts[1] != "offpeak" || parts[2] != x.Password {
		x.say("535 5.7.8 wrong user or password " + string(plain)) // a server that talks too much
		return
	}
	x.now.User = parts[1]
	x.say("235 2.7.0 welcome")
}

func (x *session) data() bool {
	var text strings.Builder
	for {
		line, err := x.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		text.WriteString(strings.TrimPrefix(line, "."))
	}
	if x.Say != nil {
		if answer := x.Say("."); answer != "" {
			x.say(answer)
			return true
		}
	}
	x.now.Text = text.String()
	x.mu.Lock()
	x.messages = append(x.messages, x.now)
	x.mu.Unlock()
	select {
	case x.got <- struct{}{}:
	default:
	}
	x.say("250 2.0.0 taken")
	return true
}

func address(rest string) string {
	_, after, _ := strings.Cut(rest, "<")
	a, _, _ := strings.Cut(after, ">")
	return a
}

// certificate is one for 127.0.0.1 that nobody but its own pool trusts.
func certificate(tb testing.TB) (tls.Certificate, *x509.CertPool) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "smtptest"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// URL is an address of the server for OFFPEAK_NOTIFY.
func (s *Server) URL(query string) string {
	who := ""
	if s.Password != "" {
		who = "offpeak:" + s.Password + "@"
	}
	return fmt.Sprintf("smtp://%s%s?from=offpeak@example.com&to=ops@example.com%s", who, s.Addr, query)
}
