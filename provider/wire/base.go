package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// ParseBase checks where requests go. It must be https, without user info, query
// or fragment; plain http is accepted where a key can't cross the internet:
// loopback and private addresses, single-label names such as compose's
// "simulator", and names under .localhost, .internal, .svc and
// .svc.cluster.local. keyName is the setting that the key belongs into.
func ParseBase(s, keyName string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", errors.New("it is not a URL; write https://host[:port]") // url.Error would repeat a password
	}
	switch {
	case u.User != nil:
		return "", errors.New("it has user info; the key belongs into " + keyName)
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("its scheme is %q; write https://host[:port]", u.Scheme)
	case u.Hostname() == "" || u.Opaque != "":
		return "", errors.New("it has no host; write https://host[:port]")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("it has a query or a fragment; write https://host[:port]")
	case u.Scheme == "http" && !staysHome(u.Hostname()):
		return "", fmt.Errorf("http://%s would send the key in clear over the internet; write https://%s", u.Host, u.Host)
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

// staysHome says whether a host can be reached in clear without crossing the
// internet.
func staysHome(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if !strings.Contains(host, ".") {
		return true
	}
	for _, suffix := range []string{".localhost", ".internal", ".svc", ".svc.cluster.local"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}
