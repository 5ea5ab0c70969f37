package notify

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// filters takes the parameters that every address may have, and leaves the rest
// to its kind.
func (s *Sink) filters(u *url.URL) error {
	q := u.Query()
	take := func(name string) (string, bool) {
		v, there := q.Get(name), q.Has(name)
		q.Del(name)
		return strings.TrimSpace(v), there
	}
	if v, there := take("min"); there {
		if s.min = batch.Severity(v); s.min.Rank() == 0 {
			return errors.New("min is none of critical, warning, info")
		}
	}
	if v, there := take("report"); there {
		on, err := strconv.ParseBool(v)
		if err != nil {
			return errors.New("report is neither 1 nor 0")
		}
		s.report = on
	}
	if v, there := take("kinds"); there {
		s.kinds = []batch.AlertKind{}
		for k := range strings.SplitSeq(v, ",") {
			kind := batch.AlertKind(strings.TrimSpace(k))
			if !slices.Contains(batch.AlertKinds(), kind) {
				return fmt.Errorf("kinds has one that there isn't; there are %s", kindNames())
			}
			s.report = s.report || kind == batch.AlertReport
			s.kinds = append(s.kinds, kind)
		}
		if !slices.Contains(s.kinds, batch.AlertTest) {
			s.kinds = append(s.kinds, batch.AlertTest) // whoever tries it out wants an answer
		}
	}
	u.RawQuery = q.Encode()
	return nil
}

func kindNames() string {
	var names []string
	for _, k := range batch.AlertKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// only refuses parameters that the kind of address doesn't have.
func only(u *url.URL, known ...string) error {
	for name := range u.Query() {
		if !slices.Contains(known, name) {
			all := append(slices.Clone(known), "min", "kinds", "report")
			return fmt.Errorf("an address of %s:// has no parameter %q; it has %s", u.Scheme, clip(name, 20), strings.Join(all, ", "))
		}
	}
	return nil
}

// loopback says whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
