package s3test_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/offpeak/offpeak/internal/s3test"
)

func client(t *testing.T, s *s3test.Server) *s3.Client {
	t.Helper()
	c, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(s3test.Region))
	if err != nil {
		t.Fatal(err)
	}
	return s3.NewFromConfig(c, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = &s.Endpoint, true })
}

// TestServer: objects are files, a signature is checked, a precondition is
// kept, also by an upload in parts.
func TestServer(t *testing.T) {
	s := s3test.New(t)
	c := client(t, s)
	put := func(body string) error {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new(s3test.Bucket), Key: new("a/b"), Body: strings.NewReader(body), IfNoneMatch: new("*")})
		return err
	}
	if err := put("first"); err != nil {
		t.Fatal(err)
	}
	var refused interface{ ErrorCode() string }
	if err := put("second"); !errors.As(err, &refused) || refused.ErrorCode() != "PreconditionFailed" {
		t.Errorf("written twice: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(s.Folder, "a", "b")); err != nil || string(text) != "first" {
		t.Errorf("%q, %v", text, err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", s.Secret[1:])
	c = client(t, s)
	if err := put("third"); !errors.As(err, &refused) || refused.ErrorCode() != "SignatureDoesNotMatch" {
		t.Errorf("with another secret: %v", err)
	}
}
