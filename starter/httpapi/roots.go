package httpapi

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// Roots say which files and objects a request may have the worker read: those
// below one of them. The worker reads with rights of its own, and who may start
// a night over HTTP may not therefore read every file of it.
type Roots struct {
	any  bool
	list []*url.URL
}

// AnyRoot allows every place, as the command line does: for one user on
// loopback, without keys.
func AnyRoot() Roots { return Roots{any: true} }

// ParseRoots reads OFFPEAK_HTTP_ROOTS: file:///folder/ or s3://bucket/prefix/
// with the query that its objects have, such as ?region=eu-central-1. Everything
// that is wrong is said at once.
func ParseRoots(list []string) (Roots, error) {
	var (
		out   Roots
		wrong []string
	)
	for i, s := range list {
		u, err := url.Parse(s)
		switch {
		case err != nil || u.User != nil || u.Fragment != "" || u.Opaque != "" || climbs(u):
			wrong = append(wrong, fmt.Sprintf("entry %d isn't a URL without credentials, fragment and ..", i+1)) // it may hold a password
		case u.Scheme == "file" && (u.Host != "" || !strings.HasPrefix(u.Path, "/") || u.RawQuery != ""):
			wrong = append(wrong, fmt.Sprintf("entry %d: a folder is file:///absolute/folder/", i+1))
		case u.Scheme == "s3" && u.Host == "":
			wrong = append(wrong, fmt.Sprintf("entry %d: a bucket is s3://bucket/prefix/?region=REGION", i+1))
		case u.Scheme != "file" && u.Scheme != "s3":
			wrong = append(wrong, fmt.Sprintf("entry %d: its scheme is neither file nor s3", i+1))
		default:
			out.list = append(out.list, u)
		}
	}
	if len(wrong) > 0 {
		return out, &batch.Fault{
			Kind: batch.BadInput, Op: "read setting", Thing: "OFFPEAK_HTTP_ROOTS", Detail: strings.Join(wrong, "\n"),
			Hint: "separate folders and buckets by commas: file:///srv/nights/,s3://bucket/nights/?region=eu-central-1",
		}
	}
	return out, nil
}

// with adds a place.
func (r Roots) with(u *url.URL) Roots {
	r.list = append(slices.Clip(r.list), u)
	return r
}

// Allow is nil for a URL that may be read. field is where the request names it.
// What isn't a URL of ours is BadInput, what lies elsewhere is Forbidden.
func (r Roots) Allow(field, raw string) error {
	const op = "look at URL"
	wrong := func(detail string) error {
		return bad(op, field, detail, "name file:///absolute/path, or s3://bucket/key?region=REGION without credentials, or upload the jobs (POST /v1/uploads)")
	}
	if path.IsAbs(raw) {
		raw = (&url.URL{Scheme: "file", Path: raw}).String()
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Opaque != "" || u.Fragment != "":
		return wrong("it is no URL")
	case u.User != nil:
		return wrong("it holds credentials, which every log would have")
	case u.Scheme == "" && u.Host == "":
		return wrong("it is relative, and a request has no folder of its own")
	case u.Scheme == "file" && (u.Host != "" || !path.IsAbs(u.Path) || u.RawQuery != ""), u.Scheme == "s3" && (u.Host == "" || strings.Trim(u.Path, "/") == ""):
		return wrong("it names no file and no object of a bucket")
	case u.Scheme != "file" && u.Scheme != "s3":
		return wrong("its scheme is neither file nor s3")
	case malformed(u):
		return wrong("its query can't be read")
	case climbs(u):
		return wrong("its path has .. or an empty part in it")
	}
	for _, root := range r.list {
		if below(root, u) {
			return nil
		}
	}
	if r.any && !linkLocal(u) {
		return nil
	}
	detail := "it lies outside of the places that this server lets be read"
	if r.any {
		detail = "its endpoint is a link-local address, where clouds keep credentials"
	}
	return &batch.Fault{
		Kind: problem.Forbidden, Op: op, Thing: field, Detail: detail,
		Hint: "upload the jobs (POST /v1/uploads), or have the server's owner add the folder or bucket to OFFPEAK_HTTP_ROOTS",
	}
}

func malformed(u *url.URL) bool {
	_, err := url.ParseQuery(u.RawQuery)
	return err != nil
}

// climbs says that a path may leave the folder that it begins with, also where
// somebody decodes it once more.
func climbs(u *url.URL) bool {
	for _, p := range []string{u.Path, u.EscapedPath()} {
		if again, err := url.PathUnescape(p); err == nil && again != p && p == u.Path {
			p = again
		}
		if strings.ContainsAny(p, "\\\x00") || strings.Contains(p, "//") || slices.Contains(strings.Split(p, "/"), "..") || slices.Contains(strings.Split(p, "/"), ".") {
			return true
		}
	}
	return false
}

// below says that u lies in root: same bucket, same endpoint and region, and a
// path that goes on where the root's ends, at a slash.
func below(root, u *url.URL) bool {
	folder := strings.TrimRight(root.Path, "/") + "/"
	return u.Scheme == root.Scheme && u.Host == root.Host && len(u.Path) > len(folder) && strings.HasPrefix(u.Path, folder) &&
		maps.EqualFunc(u.Query(), root.Query(), slices.Equal)
}

// linkLocal says that an object's endpoint is an address of this link. A name
// that resolves to one isn't found out here.
func linkLocal(u *url.URL) bool {
	for _, e := range u.Query()["endpoint"] {
		at, err := url.Parse(e)
		if err != nil {
			return true
		}
		ip, err := netip.ParseAddr(at.Hostname())
		if err == nil && (ip.Unmap().IsLinkLocalUnicast() || ip.Is6() && ip.WithZone("") == awsMetadata) {
			return true
		}
	}
	return false
}

// awsMetadata is the instance metadata service's address of EC2 in IPv6 (AWS,
// EC2 user guide, "Access instance metadata").
var awsMetadata = netip.MustParseAddr("fd00:ec2::254")
