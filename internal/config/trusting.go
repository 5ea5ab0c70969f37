package config

import (
	"net/netip"
	"net/url"
	"strings"
)

// trusting warns of a ledger across a network whose server nobody checks: with
// any sslmode but verify-full, whoever sits between can be the books. A name
// without a dot is taken for a neighbour, such as a container's.
func trusting(ledger string) string {
	u, err := url.Parse(ledger)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") || u.Query().Get("sslmode") == "verify-full" {
		return ""
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() || err != nil && !strings.Contains(host, ".") {
		return ""
	}
	return "OFFPEAK_LEDGER: nobody checks who " + host + " is: add sslmode=verify-full (docs/security.md)"
}
