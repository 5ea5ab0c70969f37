package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Serve has a simulated API answer on the listener until ctx ends, then stops:
// stop ends what is under way, and connections are closed. It returns nil after
// such a stop.
func Serve(ctx context.Context, l net.Listener, api http.Handler, stop func()) error {
	web := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	undo := context.AfterFunc(ctx, func() {
		stop()
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		stopped <- errors.Join(web.Shutdown(grace), web.Close())
	})
	err := web.Serve(l)
	if undo() { // it ended by itself
		stop()
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	}
	return <-stopped
}

// Hang gives no answer until the client leaves or the simulator, whose life
// ends, stops.
func Hang(r *http.Request, life context.Context) { //nolint:revive // the request comes first: it is what hangs
	select {
	case <-r.Context().Done():
	case <-life.Done():
	}
	panic(http.ErrAbortHandler)
}

// Reset ends the connection by a TCP reset, which a client sees as "connection
// reset by peer" rather than as an early end.
func Reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2 has no connection of one's own: its stream is reset
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

// Must is what an Open of options that are known to be right returns, as in
// tests; it panics when they aren't.
func Must[T any](opened T, err error) T {
	if err != nil {
		panic(err)
	}
	return opened
}
