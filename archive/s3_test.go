package archive_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/s3test"
)

// proxy stands before a server and sees every request; it is the host that
// signatures are made for.
func proxy(t *testing.T, s *s3test.Server, before func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	p := passing(t, s)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before(w, r) {
			p.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// passing hands requests on as they are, the host that was signed included.
func passing(t *testing.T, s *s3test.Server) http.Handler {
	t.Helper()
	to, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, r.In.Host
	}}
}

// discreet: nothing of the credentials is in an error.
func discreet(t *testing.T, s *s3test.Server, err error) {
	t.Helper()
	var f *batch.Fault
	if !errors.As(err, &f) {
		t.Errorf("%v isn't a fault", err)
		return
	}
	if text := f.Error() + f.Hint + f.Detail; strings.Contains(text, s.Secret) || strings.Contains(text, s.Access) {
		t.Errorf("an error shows credentials: %s", text)
	}
}

// TestS3OpenRefuses what a person has to set right, and says what.
func TestS3OpenRefuses(t *testing.T) {
	s := s3test.New(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := "http://" + dead.Addr().String()
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, setting, env, value string
		kind                      batch.Kind
		says, hint                string
	}{
		{"another secret", s.URL(""), "AWS_SECRET_ACCESS_KEY", s.Secret[1:], batch.BadInput, "(HTTP 403): SignatureDoesNotMatch", "AWS_ACCESS_KEY_ID"},
		{"nobody's key", s.URL(""), "AWS_ACCESS_KEY_ID", "AKIANOBODY", batch.BadInput, "No user exists with the provided access key", ""},
		{"no credentials", s.URL(""), "AWS_ACCESS_KEY_ID", "", batch.OutOfReach, "credentials", "AWS_ACCESS_KEY_ID"},
		{"no such bucket", strings.Replace(s.URL(""), s3test.Bucket, "other", 1), "", "", batch.BadInput, "(HTTP 404): NoSuchBucket", "make the bucket other"},
		{"nobody there", s.Through(nowhere, "x"), "", "", batch.OutOfReach, "connection refused", "can be reached"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.env != "" {
				t.Setenv(c.env, c.value)
			}
			_, err := archive.Open(t.Context(), c.setting)
			var f *batch.Fault
			if !errors.As(err, &f) || f.Kind != c.kind || !strings.Contains(err.Error(), c.says) || !strings.Contains(f.Hint, c.hint) {
				t.Errorf("%v; want %s with %q and a hint with %q", err, c.kind, c.says, c.hint)
			}
			discreet(t, s, err)
		})
	}
}

// TestS3ThatOverwrites: a store that writes a key a second time is refused
// when it is opened, whether it forgets the condition of whole objects or only
// that of uploads in parts.
func TestS3ThatOverwrites(t *testing.T) {
	for name, forgets := range map[string]func(*http.Request) bool{
		"whole":    func(r *http.Request) bool { return r.Header.Get("If-None-Match") == "*" && r.Method == http.MethodPut },
		"in parts": func(r *http.Request) bool { return r.URL.Query().Has("uploads") },
	} {
		t.Run(name, func(t *testing.T) {
			s := s3test.New(t)
			direct := sdk(t, s)
			// The object vanishes before it is written: what the store answers then
			// is what one answers that overwrites.
			endpoint := proxy(t, s, func(_ http.ResponseWriter, r *http.Request) bool {
				if forgets(r) {
					if _, err := direct.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: new(s3test.Bucket), Key: new("write-once.txt")}); err != nil {
						t.Error(err)
					}
				}
				return true
			})
			_, err := archive.Open(t.Context(), s.Through(endpoint, ""))
			if batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), "a second time") {
				t.Errorf("%v, want it refused", err)
			}
			discreet(t, s, err)
		})
	}
}

// TestS3Opening leaves one object, whoever opens how often, and no upload that
// isn't finished.
func TestS3Opening(t *testing.T) {
	s := s3test.New(t)
	for range 3 {
		a, err := archive.Open(t.Context(), s.URL("p"))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	c := sdk(t, s)
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: new(s3test.Bucket)})
	if err != nil || len(list.Contents) != 1 || *list.Contents[0].Key != "p/write-once.txt" {
		t.Errorf("%+v, %v", list, err)
	}
	unfinished(t, s)
}

func sdk(t *testing.T, s *s3test.Server) *s3.Client {
	t.Helper()
	c, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(s3test.Region))
	if err != nil {
		t.Fatal(err)
	}
	return s3.NewFromConfig(c, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = &s.Endpoint, true })
}

// unfinished: there are no parts of uploads that nobody will end, which cost
// money for as long as they are kept.
func unfinished(t *testing.T, s *s3test.Server) {
	t.Helper()
	up, err := sdk(t, s).ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: new(s3test.Bucket)})
	if err != nil || len(up.Uploads) != 0 {
		t.Errorf("%d uploads are unfinished, %v", len(up.Uploads), err)
	}
}

// TestS3StreamBreaks: the store goes away in the middle of a stream, after
// some parts. The writer hears of it and nothing is under the key; when the
// store is back, the stream is written whole.
func TestS3StreamBreaks(t *testing.T) {
	s := s3test.New(t)
	var parts atomic.Int64
	var down atomic.Bool
	endpoint := proxy(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("partNumber") && parts.Add(1) > 2 && down.Load() {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusServiceUnavailable)
			return false
		}
		return true
	})
	a, err := archive.Open(t.Context(), s.Through(endpoint, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	down.Store(true)
	const key, size = "d/2026-11-22/results.jsonl", 60 << 20
	fill := func(w io.Writer) error { return noise(w, [32]byte{7}, size) }
	err = a.Create(t.Context(), key, fill)
	if batch.KindOf(err) != batch.OutOfReach {
		t.Errorf("%v, want OutOfReach", err)
	}
	discreet(t, s, err)
	if _, err := a.Get(t.Context(), key); batch.KindOf(err) != batch.NotFound {
		t.Errorf("something is there: %v", err)
	}
	unfinished(t, s)
	down.Store(false)
	if err := a.Create(t.Context(), key, fill); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := fill(&want); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Get(t.Context(), key); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestS3AnswerLost: the store writes an object and its answer gets lost. The
// same content again is no error.
func TestS3AnswerLost(t *testing.T) {
	s := s3test.New(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "2") // the SDK itself asks again
	direct := passing(t, s)
	var lost atomic.Int64
	endpoint := proxy(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "report.txt") || r.Method != http.MethodPut || lost.Add(1) > 1 {
			return true
		}
		direct.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	})
	a, err := archive.Open(t.Context(), s.Through(endpoint, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	if err := a.Put(t.Context(), "d/2026-11-22/report.txt", []byte("text")); err != nil {
		t.Error(err)
	}
	if got, err := a.Get(t.Context(), "d/2026-11-22/report.txt"); err != nil || string(got) != "text" || lost.Load() != 2 {
		t.Errorf("%q after %d requests, %v", got, lost.Load(), err)
	}
}

// TestS3GoesAway: a store that is lost later is OutOfReach for every call,
// also one whose bucket is gone: an answer isn't missing because of it.
func TestS3GoesAway(t *testing.T) {
	s := s3test.New(t)
	var refuse atomic.Bool
	endpoint := proxy(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		if refuse.Load() {
			panic(http.ErrAbortHandler)
		}
		return true
	})
	a, err := archive.Open(t.Context(), s.Through(endpoint, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	all := func(when string) {
		_, errGet := a.Get(t.Context(), "d/2026-11-22/report.txt")
		for op, err := range map[string]error{
			"Get":    errGet,
			"Put":    a.Put(t.Context(), "d/2026-11-22/report.txt", []byte("x")),
			"Create": a.Create(t.Context(), "d/2026-11-22/report.txt", say("x")),
		} {
			if batch.KindOf(err) != batch.OutOfReach {
				t.Errorf("%s: %s: %v, want OutOfReach", when, op, err)
			}
			discreet(t, s, err)
		}
	}
	refuse.Store(true)
	all("away")
	refuse.Store(false)
	if err := os.RemoveAll(s.Folder); err != nil {
		t.Fatal(err)
	}
	all("without its bucket")
}
