package nightly_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/certtest"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/starter/nightly"
)

// behindTLS is Temporal behind a listener that does TLS, as a load balancer does.
func behindTLS(t *testing.T, c *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				if in.(*tls.Conn).Handshake() != nil {
					return
				}
				out, err := net.Dial("tcp", temporalAt)
				if err != nil {
					return
				}
				defer out.Close()
				go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	return l.Addr().String()
}

// TestTLS: Temporal behind TLS that asks for a client's certificate, by Temporal's
// own settings. What doesn't fit is said at once, with what to do.
func TestTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := certtest.New(t, "ours"), certtest.New(t, "theirs")
	good := behindTLS(t, certtest.Demanding(t, ours.Server(t), ours))
	other := behindTLS(t, certtest.Demanding(t, ours.Server(t, "temporal.example.com"), ours))
	old := behindTLS(t, certtest.Demanding(t, ours.Expired(t, "server"), ours))
	me, stranger, late := ours.Client(t, "worker"), theirs.Client(t, "worker"), ours.Expired(t, "worker")
	none := filepath.Join(t.TempDir(), "none.pem")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, at, ca string
		mine         certtest.Pair
		more         []string
		says         []string // none: it works
		kind         batch.Kind
	}{
		{"as it should be", good, ours.File, me, nil, nil, ""},
		{"by another name, as told", other, ours.File, me, []string{"TEMPORAL_TLS_SERVER_NAME=temporal.example.com"}, nil, ""},
		{"another authority", good, theirs.File, me, nil, []string{"unknown authority", "TEMPORAL_TLS_SERVER_CA_CERT_PATH"}, batch.BadInput},
		{"no authority", good, "", me, nil, []string{"unknown authority", "TEMPORAL_TLS_SERVER_CA_CERT_PATH"}, batch.BadInput},
		{"another name", other, ours.File, me, nil, []string{"127.0.0.1", "TEMPORAL_TLS_SERVER_NAME"}, batch.BadInput},
		{"the server's is over", old, ours.File, me, nil, []string{"expired", "server's certificate"}, batch.BadInput},
		{"no certificate", good, ours.File, certtest.Pair{}, nil, []string{"certificate required", "TEMPORAL_TLS_CLIENT_CERT_PATH"}, batch.BadInput},
		{"a stranger's", good, ours.File, stranger, nil, []string{"TEMPORAL_TLS_CLIENT_CERT_PATH"}, batch.BadInput},
		{"the client's is over", good, ours.File, late, nil, []string{"expired", "TEMPORAL_TLS_CLIENT_CERT_PATH"}, batch.BadInput},
		{"no TLS", good, "", certtest.Pair{}, []string{"TEMPORAL_TLS=false"}, []string{"TEMPORAL_TLS"}, batch.OutOfReach},
		{"TLS to one without", temporalAt, ours.File, me, nil, []string{"doesn't speak TLS", "TEMPORAL_TLS"}, batch.BadInput},
		{"a file that isn't there", good, none, me, nil, []string{none}, batch.BadInput},
		{"a file without certificates", good, empty, me, nil, []string{"CA"}, batch.BadInput},
		{"half a pair", good, ours.File, certtest.Pair{Cert: me.Cert}, nil, []string{"key"}, batch.BadInput},
		{"a key of another", good, ours.File, certtest.Pair{Cert: me.Cert, Key: late.Key}, nil, []string{"private key"}, batch.BadInput},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			env := config.Env{
				"TEMPORAL_ADDRESS=" + c.at, "TEMPORAL_CONFIG_FILE=" + os.DevNull, "TEMPORAL_TLS=true", "TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + c.ca,
				"TEMPORAL_TLS_CLIENT_CERT_PATH=" + c.mine.Cert, "TEMPORAL_TLS_CLIENT_KEY_PATH=" + c.mine.Key,
			}
			o, err := config.Temporal(append(env, c.more...), "")
			if err == nil {
				var n *nightly.Client
				if n, err = nightly.Dial(t.Context(), o); err == nil {
					err = n.Ping(t.Context())
					n.Close()
				}
			}
			var f *batch.Fault
			switch {
			case c.says == nil:
				if err != nil {
					t.Fatal(err)
				}
				return
			case !errors.As(err, &f):
				t.Fatalf("got %v", err)
			}
			if f.Kind != c.kind {
				t.Errorf("kind %s, want %s", f.Kind, c.kind)
			}
			for _, s := range c.says {
				if !strings.Contains(f.Error()+"\n"+f.Hint, s) {
					t.Errorf("%q isn't said: %v\nhint: %s", s, f, f.Hint)
				}
			}
			t.Logf("%v\nhint: %s", f, f.Hint)
		})
	}
}
