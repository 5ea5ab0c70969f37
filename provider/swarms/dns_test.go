package swarms

import (
	"context"
	"io"
	"log"
	"net"
	"testing"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// noSuchName is a resolver whose server, on loopback, knows no name.
func noSuchName(t *testing.T) *net.Resolver {
	t.Helper()
	srv, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := srv.ReadFrom(buf)
			if err != nil {
				return
			}
			reply := append([]byte(nil), buf[:n]...)
			reply[2], reply[3] = 0x81, 0x83    // a response: NXDOMAIN
			copy(reply[6:12], make([]byte, 6)) // no records; the question stays
			_, _ = srv.WriteTo(question(reply), from)
		}
	}()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", srv.LocalAddr().String())
	}}
}

// question cuts a DNS message behind its only question.
func question(msg []byte) []byte {
	i := 12
	for i < len(msg) && msg[i] != 0 {
		i += int(msg[i]) + 1
	}
	return msg[:min(i+5, len(msg))]
}
