package archive

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

var bucketRE = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)

// params are what a query may say. Credentials, and everything rarer, come
// from the environment, the files and the roles that every AWS program knows.
var params = []string{"region", "endpoint", "use_path_style", "profile"}

// secretRE are names by which people hand over credentials.
var secretRE = regexp.MustCompile(`(?i)key|secret|token|password|credential|signature`)

// dial makes a client as a URL says.
func dial(ctx context.Context, u *url.URL) (*s3.Client, error) {
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, badURL(u, "its query can't be read")
	}
	for _, name := range slices.Sorted(maps.Keys(q)) { // of several mistakes always the same
		switch {
		case secretRE.MatchString(name):
			return nil, badURL(u, strconv.Quote(clip(name))+" doesn't belong into it, every log would have it: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role say who asks")
		case !slices.Contains(params, name):
			return nil, badURL(u, strconv.Quote(clip(name))+" is none of "+strings.Join(params, ", "))
		case len(q[name]) > 1 || q.Get(name) == "":
			return nil, badURL(u, name+" is to be given once, and not empty")
		}
	}
	endpoint, err := endpoint(u, q.Get("endpoint"))
	if err != nil {
		return nil, err
	}
	pathStyle := false
	if v := q.Get("use_path_style"); v != "" {
		if pathStyle, err = strconv.ParseBool(v); err != nil {
			return nil, badURL(u, "use_path_style is neither true nor false")
		}
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(q.Get("region")), config.WithSharedConfigProfile(q.Get("profile")))
	if err != nil {
		return nil, badURL(u, oneLine(err.Error()))
	}
	if cfg.Region == "" {
		if endpoint == "" {
			return nil, badURL(u, "it names no region, and neither does AWS_REGION: add ?region=")
		}
		cfg.Region = "us-east-1" // signatures need one, and most stores take this
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = pathStyle
		o.HTTPClient = impatient{o.HTTPClient}
		o.DisableLogOutputChecksumValidationSkipped = true // it would be said to standard error for every object that came in parts
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	}), nil
}

func endpoint(u *url.URL, raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	e, err := url.Parse(raw)
	if err != nil || e.Scheme != "https" && e.Scheme != "http" || e.Host == "" || e.User != nil || e.RawQuery != "" || e.Fragment != "" {
		return "", badURL(u, "endpoint is not of the form https://host:port")
	}
	return raw, nil
}

// prefix is the path of a URL as the beginning of keys.
func prefix(u *url.URL) (string, error) {
	p := strings.Trim(u.Path, "/")
	if p == "" {
		return "", nil
	}
	if len(p) > maxPrefix || checkKey(opOpen, p) != nil {
		return "", badURL(u, "its path is no prefix: parts of letters, digits, '.', '_' and '-', joined by '/', at most "+strconv.Itoa(maxPrefix)+" bytes")
	}
	return p + "/", nil
}

// maxPrefix and MaxKey together are below the 1,024 bytes that S3 allows.
const maxPrefix = 256

// forbidden are the statuses that mean "not you".
func forbidden(status int) bool {
	return status == http.StatusForbidden || status == http.StatusUnauthorized
}
