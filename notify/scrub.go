package notify

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// scrub takes what is secret in an address out of texts: errors of net/http
// and of the libraries quote addresses whole or in part.
type scrub struct{ old []string }

// hidden stands for what was taken out.
const hidden = "[redacted]"

// harmless are parameters whose values are no secrets.
var harmless = []string{"min", "kinds", "report", "from", "to", "starttls", "insecure", "endpoint"}

// newScrub lists the parts of an address, as written and as decoded. The host
// of a scheme of the web is public; elsewhere it may be a token.
func newScrub(u *url.URL) *scrub {
	var parts []string
	add := func(texts ...string) {
		for _, t := range texts {
			if len(t) >= 4 { // shorter ones are no secrets, and words would lose letters
				parts = append(parts, t, url.QueryEscape(t), url.PathEscape(t))
			}
		}
	}
	add(u.String(), u.RequestURI(), u.EscapedPath(), u.Path, u.RawQuery)
	for seg := range strings.SplitSeq(u.Path, "/") {
		add(seg)
	}
	if u.User != nil {
		password, _ := u.User.Password()
		add(u.User.String(), password)
		if u.Scheme != "smtp" && u.Scheme != "smtps" { // a mailbox is no secret, a bot's id may be
			add(u.User.Username())
		}
	}
	for name, values := range u.Query() {
		if !slices.Contains(harmless, name) {
			add(values...)
		}
	}
	if !slices.Contains([]string{"http", "https", "smtp", "smtps", "ntfy", "gotify", "generic", "generic+https", "generic+http"}, u.Scheme) && !slackURL(u) {
		add(u.Host, u.Hostname())
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) }) // whole ones first
	return &scrub{slices.Compact(parts)}
}

// add names another secret.
func (s *scrub) add(secret string) {
	if len(secret) >= 4 {
		s.old = append(s.old, secret)
	}
}

func (s *scrub) text(t string) string {
	for _, o := range s.old {
		t = strings.ReplaceAll(t, o, hidden)
	}
	return t
}

func (s *scrub) err(err error) error { return errors.New(s.text(reason(err))) }

// reason is an error's text without the address that net/url and net/http put
// in front of it.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}
