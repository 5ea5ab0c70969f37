package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
)

// TLS are the PEM files of a server that is reached by TLS alone, and takes
// nobody without a certificate that names the user.
type TLS struct{ Cert, Key, ClientCA string }

// NewTLS is New with TLS. Its databases are named by URLTLS.
func NewTLS(t TLS) (*Cluster, error) {
	return create(func(c *Cluster) error {
		data := filepath.Join(c.dir, "data")
		for name, file := range map[string]string{"server.crt": t.Cert, "server.key": t.Key, "clients.crt": t.ClientCA} {
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if err := c.own(filepath.Join(data, name), b); err != nil {
				return err
			}
		}
		conf, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = conf.WriteString("\nssl = on\nssl_ca_file = 'clients.crt'\n")
		if closed := conf.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
		return c.own(filepath.Join(data, "pg_hba.conf"), []byte("hostssl all all 127.0.0.1/32 cert\n"))
	})
}

// own writes a file that only the server may read.
func (c *Cluster) own(path string, b []byte) error {
	if err := os.WriteFile(path, b, 0o600); err != nil || c.as == nil {
		return err
	}
	return os.Chown(path, int(c.as.Uid), int(c.as.Gid))
}

// URLTLS names a database of the cluster with further parameters.
func (c *Cluster) URLTLS(host, database, params string) string {
	return fmt.Sprintf("postgres://offpeak@%s:%d/%s?%s", host, c.port, database, params)
}
