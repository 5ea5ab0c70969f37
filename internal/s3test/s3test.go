// Package s3test gives tests an object store of their own that speaks S3: the
// Versity S3 gateway on a folder, on a free port of loopback, with random
// credentials that it checks. scripts/need s3 gets it. The tests of archive and
// of the doors that read an archive use it.
package s3test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Bucket is the one bucket that a server has.
const Bucket = "offpeak-test"

// Region is the region whose name requests must be signed with.
const Region = "us-east-1"

// Server is a running store.
type Server struct {
	Endpoint string // http://127.0.0.1:PORT
	Folder   string // where the bucket's objects are files: a key is a path below it
	Access   string
	Secret   string
}

// URL is the archive's setting for a prefix of the bucket; "" for all of it.
func (s *Server) URL(prefix string) string { return s.Through(s.Endpoint, prefix) }

// Through is URL by way of another endpoint, such as a proxy's.
func (s *Server) Through(endpoint, prefix string) string {
	u := url.URL{Scheme: "s3", Host: Bucket, Path: "/" + prefix}
	u.RawQuery = url.Values{"region": {Region}, "endpoint": {endpoint}, "use_path_style": {"true"}}.Encode()
	return u.String()
}

// Env is what a program needs in its environment to be let in, and to ask
// nobody else: no files of the person at this machine, no metadata service.
func (s *Server) Env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + s.Access, "AWS_SECRET_ACCESS_KEY=" + s.Secret, "AWS_SESSION_TOKEN=", "AWS_PROFILE=", "AWS_REGION=",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_MAX_ATTEMPTS=1", // a test of a store that is away needn't wait for the SDK's own retries
	}
}

// New starts a server that ends with the test, and lets this process in by its
// environment. Where there is no gateway the test is left out, and fails under
// CI=true.
func New(t *testing.T) *Server {
	t.Helper()
	program, err := find()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	s := &Server{Folder: filepath.Join(dir, "data", Bucket), Access: rand.Text(), Secret: rand.Text() + rand.Text()}
	for _, d := range []string{s.Folder, filepath.Join(dir, "meta")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, kv := range s.Env() {
		name, value, _ := bytes.Cut([]byte(kv), []byte("="))
		t.Setenv(string(name), string(value))
	}
	// A port that is free now may be somebody else's a moment later.
	for range 5 {
		if err = s.start(t, program, dir); err == nil {
			return s
		}
	}
	t.Fatal(err)
	return nil
}

// find is the gateway: on PATH, or in .bin of this folder or one above.
func find() (string, error) {
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path, nil
	}
	dir, err := os.Getwd()
	for err == nil {
		path := filepath.Join(dir, ".bin", "versitygw")
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 && !info.IsDir() {
			return path, nil
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	return "", errors.New("s3test: versitygw is neither on PATH nor in .bin: scripts/need s3 gets it")
}

// output keeps what the server says, for errors.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (s *Server) start(t *testing.T, program, dir string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := "127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if err := l.Close(); err != nil {
		return err
	}
	said := &output{}
	// The folder for metadata: not every file system has the attributes that
	// they are kept in otherwise.
	cmd := exec.Command(program, "--port", address, "--region", Region, "--quiet", "--health", "/health",
		"posix", "--sidecar", filepath.Join(dir, "meta"), filepath.Dir(s.Folder))
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+s.Access, "ROOT_SECRET_ACCESS_KEY="+s.Secret)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, said, said
	tie(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // says only how it ended
	}()
	end := func() {
		_ = cmd.Process.Kill() // it has ended by itself otherwise
		<-done
	}
	s.Endpoint = "http://" + address
	if err := ready(t.Context(), s.Endpoint+"/health", done); err != nil {
		end()
		return fmt.Errorf("s3test: start versitygw: %w; it said:\n%s", err, said)
	}
	t.Cleanup(end)
	return nil
}

// ready waits until the server answers or has ended.
func ready(ctx context.Context, url string, done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(r); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-done:
			return errors.New("it ended by itself")
		case <-ctx.Done():
			return errors.New("it doesn't answer")
		case <-tick.C:
		}
	}
}
