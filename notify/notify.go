package notify

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Note is what is told: one alert on one occasion.
type Note struct {
	Delivery string // its id, the same however often it is sent
	Occasion batch.Occasion
	Alert    batch.Alert
	At       time.Time // when it became due
}

// Sink is one place that is told. It is safe for concurrent use.
type Sink struct {
	ID    string // names it in the books: a hash of its address without a password and filters
	Place string // for people: "webhook alerts.example.com"; never a secret

	min    batch.Severity
	kinds  []batch.AlertKind // nil for all but reports
	report bool
	pager  bool // it keeps incidents open until it is told that they are over

	hide *scrub
	send func(context.Context, Note) error
}

// Options are what sinks get besides their addresses.
type Options struct {
	Secret string           // signs what goes to a webhook of one's own; unsigned when empty
	Now    func() time.Time // time.Now when nil
	TLS    *tls.Config      // whom a mail server is; the machine's roots when nil

	// Transport carries every request over HTTP; one of its own, by the proxies
	// of the environment, when nil.
	Transport http.RoundTripper
}

// Timeout bounds one Send.
const Timeout = 30 * time.Second

// Open reads addresses, separated by white space. All that is wrong with them
// is said at once, as a fault of kind BadInput that shows none of them. It
// contacts nobody.
func Open(addresses string, o Options) ([]*Sink, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Transport == nil {
		o.Transport = transport()
	}
	var (
		sinks []*Sink
		wrong []error
	)
	for n, field := range strings.Fields(addresses) {
		s, err := open(field, o)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("OFFPEAK_NOTIFY: address %d: %w", n+1, err))
			continue
		}
		if same := slices.IndexFunc(sinks, func(b *Sink) bool { return b.ID == s.ID }); same >= 0 {
			wrong = append(wrong, fmt.Errorf("OFFPEAK_NOTIFY: address %d is the same place as another one before it, %s: give it once, with all kinds", n+1, s.Place))
			continue
		}
		sinks = append(sinks, s)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, &batch.Fault{Kind: batch.BadInput, Op: "read settings", Detail: err.Error(), Err: err, Hint: "docs/alerts.md has an example of each kind"}
	}
	named := map[string]int{}
	for _, s := range sinks {
		named[s.Place]++
	}
	for _, s := range sinks {
		if named[s.Place] > 1 { // two channels of one service, say
			s.Place += " #" + s.ID[:4]
		}
	}
	return sinks, nil
}

// open reads one address.
func open(address string, o Options) (*Sink, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return nil, errors.New("it is no URL: write it as https://host/path, or slack://, smtp://, pagerduty:// and so on; a % or a space in a password is written as %25, %20")
	}
	s := &Sink{hide: newScrub(u)}
	if err := s.filters(u); err != nil {
		return nil, err
	}
	s.ID = identity(u)
	var err2 error
	switch {
	case slackURL(u):
		err2 = s.slack(u, o)
	case u.Scheme == "http" || u.Scheme == "https":
		err2 = s.webhook(u, o)
	case u.Scheme == "smtp" || u.Scheme == "smtps":
		err2 = s.mail(u, o)
	case u.Scheme == "pagerduty":
		err2 = s.pagerduty(u, o)
	default:
		err2 = s.other(u, o)
	}
	if err2 != nil {
		return nil, s.hide.err(err2)
	}
	return s, nil
}

// identity names a place without giving it away. The password of a mailbox may
// be one that can be guessed, so that it isn't in the hash.
func identity(u *url.URL) string {
	plain := *u
	if u.User != nil && (u.Scheme == "smtp" || u.Scheme == "smtps") {
		plain.User = url.User(u.User.Username())
	}
	sum := sha256.Sum256([]byte("sink\x00" + plain.String()))
	return hex.EncodeToString(sum[:6])
}

// Takes says whether the sink is to be told of an alert. Reports go to those
// alone that ask for them.
func (s *Sink) Takes(a batch.Alert) bool {
	if a.Kind == batch.AlertReport {
		return s.report && !s.pager
	}
	if s.kinds != nil && !slices.Contains(s.kinds, a.Kind) {
		return false
	}
	return a.Severity.Rank() >= s.min.Rank()
}

// Pager says whether the sink keeps incidents open until it is told that they
// are over.
func (s *Sink) Pager() bool { return s.pager }

// Filter is what the sink is told of, for people.
func (s *Sink) Filter() string {
	what := "everything"
	if s.kinds != nil {
		names := make([]string, len(s.kinds))
		for i, k := range s.kinds {
			names[i] = string(k)
		}
		what = strings.Join(names, ", ")
	}
	if s.min.Rank() > 1 {
		what += ", from " + string(s.min)
	}
	if s.report && len(s.kinds) != 1 {
		what += ", and every morning's report"
	}
	return what
}

// Send tells the sink, with one message. Nil means that it has taken it. Else
// the fault says whether it may be tried again: OutOfReach, with After where the
// sink says when; RejectedByAPI for good.
func (s *Sink) Send(ctx context.Context, n Note) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	err := s.send(ctx, n)
	if err == nil {
		return nil
	}
	var f *batch.Fault
	if !errors.As(err, &f) {
		f = &batch.Fault{Kind: batch.OutOfReach, Detail: reason(err)}
	}
	clean := *f
	clean.Op, clean.Thing, clean.Moved = "tell", s.Place, batch.MovedNo
	clean.Detail, clean.Hint, clean.Err = clip(s.hide.text(f.Detail), 300), s.hide.text(f.Hint), nil
	return &clean
}

// refused is a sink's answer that no repetition changes.
func refused(status int, detail, hint string) error {
	return &batch.Fault{Kind: batch.RejectedByAPI, Status: status, Detail: detail, Hint: hint}
}

// transport is the one that every sink over HTTP shares: proxies as the
// environment has them.
func transport() *http.Transport {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.DisableKeepAlives = true // one message now and then: no connection is worth keeping
	return tr
}
