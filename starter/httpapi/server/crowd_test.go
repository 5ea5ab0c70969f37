package server_test

import (
	"bufio"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/offpeak/offpeak/starter/httpapi/server"
)

// TestTwoThousandFollow: two thousand clients that follow one night and say
// nothing, over real connections; what each costs, and that the server answers
// others meanwhile. It measures the memory of the whole program: not parallel.
func TestTwoThousandFollow(t *testing.T) {
	const clients = 2000
	const most = 64 << 10 // bytes each, of server and test together; 37 KiB were measured
	s := serve(t, server.Options{Limits: server.Limits{PerKey: clients, PerKeyBurst: clients + 10}})
	before := memory()
	conns := make([]net.Conn, clients)
	var wg sync.WaitGroup
	for w := range 20 {
		wg.Go(func() {
			for i := w; i < clients; i += 20 {
				conns[i] = follow(t, s)
			}
		})
	}
	wg.Wait()
	t.Cleanup(func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	})
	if t.Failed() {
		return
	}
	if n := s.hub.Following(); n != clients {
		t.Errorf("%d follow", n)
	}
	each := (memory() - before) / clients
	t.Logf("%d idle clients: %d KiB each", clients, each>>10)
	if each > most {
		t.Errorf("%d bytes for each client; at most %d", each, most)
	}
	if r := s.ask("GET", "/v1/who", nil); r.status != 200 {
		t.Errorf("beside them: %d", r.status)
	}
	s.stop()
	for _, c := range conns {
		text, err := io.ReadAll(c)
		if err != nil || !strings.Contains(string(text), "retry: ") {
			t.Fatalf("the last words: %q, %v", text, err)
		}
	}
	if err := <-s.ended; err != nil || s.hub.Following() != 0 {
		t.Errorf("%v, %d follow", err, s.hub.Following())
	}
}

// follow opens a stream and reads its first event, and no more.
func follow(t *testing.T, s *site) net.Conn {
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Errorf("more files may have to be allowed: ulimit -n 8192: %v", err)
		return nil
	}
	_, err = io.WriteString(c, "GET /v1/batches/a/2026-11-22/events HTTP/1.1\r\nHost: "+s.Addr()+"\r\n\r\n")
	in := bufio.NewReaderSize(c, 512)
	for n, line := 0, ""; err == nil && !strings.HasPrefix(line, "data: "); n++ {
		if line, err = in.ReadString('\n'); n == 0 && !strings.Contains(line, " 200 ") {
			t.Errorf("answered %q", line)
			return c
		}
	}
	if err != nil {
		t.Error(err)
	}
	return c
}

// memory is what the program holds: heap and stacks.
func memory() uint64 {
	runtime.GC()
	runtime.GC() // what the first one has finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
