package postgres_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/certtest"
	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/postgres"
)

// TestTLS: a server that takes only clients with certificates, by TLS whose other
// end is known. What doesn't fit is said, with what to do.
func TestTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := certtest.New(t, "ours"), certtest.New(t, "theirs")
	cluster := func(server certtest.Pair) *pgtest.Cluster {
		t.Helper()
		c, err := pgtest.NewTLS(pgtest.TLS{Cert: server.Cert, Key: server.Key, ClientCA: ours.File})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
		return c
	}
	good, old := cluster(ours.Server(t, "localhost")), cluster(ours.Expired(t, "server"))
	me := ours.Client(t, "offpeak")
	none := filepath.Join(t.TempDir(), "none.pem")
	plain := pgtest.Database(t)
	params := func(ca string, mine certtest.Pair) string {
		p := "sslmode=verify-full"
		for name, file := range map[string]string{"sslrootcert": ca, "sslcert": mine.Cert, "sslkey": mine.Key} {
			if file != "" {
				p += "&" + name + "=" + file
			}
		}
		return p
	}
	for _, c := range []struct {
		what, url string
		says      []string // none: it works
		kind      batch.Kind
	}{
		{"as it should be", good.URLTLS("localhost", "postgres", params(ours.File, me)), nil, ""},
		{"another authority", good.URLTLS("localhost", "postgres", params(theirs.File, me)), []string{"authority", "sslrootcert"}, batch.BadInput},
		{"no authority", good.URLTLS("localhost", "postgres", params("", me)), []string{"authority", "sslrootcert"}, batch.BadInput},
		{"another name", good.URLTLS("127.0.0.1", "postgres", params(ours.File, me)), []string{"127.0.0.1", "other names"}, batch.BadInput},
		{"the server's is over", old.URLTLS("127.0.0.1", "postgres", params(ours.File, me)), []string{"expired", "renew"}, batch.BadInput},
		{"no certificate", good.URLTLS("localhost", "postgres", params(ours.File, certtest.Pair{})), []string{"certificate", "sslcert"}, batch.BadInput},
		{"a stranger's", good.URLTLS("localhost", "postgres", params(ours.File, theirs.Client(t, "offpeak"))), []string{"certificate", "sslcert"}, batch.BadInput},
		{"another user's", good.URLTLS("localhost", "postgres", params(ours.File, ours.Client(t, "somebody"))), []string{"certificate", "sslcert"}, batch.BadInput},
		{"the client's is over", good.URLTLS("localhost", "postgres", params(ours.File, ours.Expired(t, "offpeak"))), []string{"certificate", "sslcert"}, batch.BadInput},
		{"no TLS", good.URLTLS("localhost", "postgres", "sslmode=disable"), []string{"sslmode=verify-full"}, batch.BadInput},
		{"TLS to one without", strings.Replace(plain, "sslmode=disable", params(ours.File, me), 1), []string{"doesn't speak TLS"}, batch.BadInput},
		{"a file that isn't there", good.URLTLS("localhost", "postgres", params(none, me)), []string{none, "sslrootcert"}, batch.BadInput},
		{"half a pair", good.URLTLS("localhost", "postgres", params(ours.File, certtest.Pair{Cert: me.Cert})), []string{"sslkey"}, batch.BadInput},
		{"a mode that isn't", good.URLTLS("localhost", "postgres", "sslmode=full"), []string{"sslmode"}, batch.BadInput},
	} {
		l, err := postgres.Open(t.Context(), c.url, ledger.Options{})
		if err == nil {
			err = l.Close()
		}
		var f *batch.Fault
		switch {
		case c.says == nil:
			if err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		case !errors.As(err, &f):
			t.Errorf("%s: got %v", c.what, err)
			continue
		}
		if f.Kind != c.kind {
			t.Errorf("%s: kind %s, want %s", c.what, f.Kind, c.kind)
		}
		for _, s := range c.says {
			if !strings.Contains(f.Error()+"\n"+f.Hint, s) {
				t.Errorf("%s: %q isn't said: %v\nhint: %s", c.what, s, f, f.Hint)
			}
		}
		t.Logf("%s: %v\nhint: %s", c.what, f, f.Hint)
	}
}
