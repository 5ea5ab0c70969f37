package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
)

// Options make a server. Addr, Handler and Keys are required.
type Options struct {
	Addr         string       // host:port; loopback, unless there are keys
	Handler      http.Handler // the operations and their documentation
	Pages        http.Handler // what people see, on every other path; asks for keys itself. nil: none
	Keys         *keys.Ring
	Cert         string       // files of a certificate and its key, in PEM; both or none. They are followed as the keys are
	CertKey      string       //
	Origins      []string     // of pages elsewhere that may call: https://desk.example.com
	Codec        http.Handler // decrypts what Temporal keeps, below /codec/; nil: nobody does
	Limits       Limits
	CodecOrigins []string // of the Temporal UI, whose pages may call Codec and nothing else

	Checks []Check     // of /readyz, besides the server's own
	Drain  func()      // ends what would go on for ever; called when the server has stopped accepting
	Log    *zap.Logger // nil: none
	Now    func() time.Time
}

// Check is something that has to answer before the server can be of use. Its
// error is logged, not shown.
type Check struct {
	Name string
	Ask  func(context.Context) error
}

// Limits bound what clients can cost. Zero is the default of each.
type Limits struct {
	Header      time.Duration // for a request's header to arrive: 10 s
	Idle        time.Duration // a connection may be kept without a request: 2 min
	Grace       time.Duration // before a body has to arrive at Pace: 10 s
	Pace        int64         // bytes a second that a body has to keep on average: 500, as Apache's mod_reqtimeout has it
	Stall       time.Duration // for a client to take a piece of an answer: 30 s
	Drain       time.Duration // for running requests to end: 30 s
	Delay       time.Duration // between /readyz saying no and not accepting any more, so that a balancer can look: none
	HeaderBytes int           // 32 KiB
	Body        int64         // bytes of a request: 16 MiB
	Upload      int64         // bytes of an upload: 1 GiB
	Requests    int           // at once, without those who follow events: 256
	Conns       int           // at once: 8,192; more wait to be accepted
	PerKey      rate.Limit    // requests a second with one key: 50
	PerKeyBurst int           // and at once: 100
	Failures    rate.Limit    // refused keys a second from one address: 1
	FailBurst   int           // and at once: 20
}

func (l *Limits) defaults() {
	set(&l.Header, 10*time.Second)
	set(&l.Idle, 2*time.Minute)
	set(&l.Grace, 10*time.Second)
	set(&l.Pace, 500)
	set(&l.Stall, 30*time.Second)
	set(&l.Drain, 30*time.Second)
	set(&l.HeaderBytes, 32<<10)
	set(&l.Body, 16<<20)
	set(&l.Upload, 1<<30)
	set(&l.Requests, 256)
	set(&l.Conns, 8192)
	set(&l.PerKey, 50)
	set(&l.PerKeyBurst, 100)
	set(&l.Failures, 1)
	set(&l.FailBurst, 20)
}

func set[T int | int64 | time.Duration | rate.Limit](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// check says all that is wrong with the options at once.
func (o *Options) check() error {
	var wrong, hints []string
	host, _, err := net.SplitHostPort(o.Addr)
	switch {
	case err != nil:
		wrong = append(wrong, fmt.Sprintf("the address %q isn't HOST:PORT, such as 127.0.0.1:8780", o.Addr))
	case !loopback(host) && o.Keys.Empty():
		wrong = append(wrong, fmt.Sprintf("%s can be reached from other machines, and there are no keys: everybody could start nights", o.Addr))
		hints = append(hints, "starter keys new --id NAME --scope operate makes a key; put the line that it prints into a file and name that in OFFPEAK_HTTP_KEYS_FILE. Or listen on 127.0.0.1")
	}
	if (o.Cert == "") != (o.CertKey == "") {
		wrong = append(wrong, "a certificate and its key go together: --tls-cert and --tls-key")
	}
	for _, origin := range o.Origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || origin != u.Scheme+"://"+u.Host {
			wrong = append(wrong, fmt.Sprintf("the origin %q isn't SCHEME://HOST[:PORT], such as https://desk.example.com; each is named, there is no *", origin))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	detail := strings.Join(wrong, "\n")
	return &batch.Fault{Kind: batch.BadInput, Op: "serve", Detail: detail, Err: errors.New(detail), Hint: strings.Join(hints, "\n")}
}

// loopback says that a host can't be reached from elsewhere.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
