package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/offpeak/offpeak/batch"
)

// titled are the services that take a title beside the text; to the others an
// unknown parameter is an error.
var titled = []string{"bark", "gotify", "join", "ntfy", "pushbullet", "pushover"}

// unused are services of the library that are no place for an alert, or whose
// kind of address is one of ours.
var unused = []string{"logger", "smtp", "pagerduty"}

// otherText is what all of the services take: Discord's 2,000 are the fewest.
const otherText = 1900

// other is any service that the library shoutrrr speaks to, by its addresses:
// discord, telegram, teams, ntfy, gotify, mattermost, matrix and so on.
// https://github.com/nicholas-fedor/shoutrrr
func (s *Sink) other(u *url.URL, o Options) error {
	scheme, _, _ := strings.Cut(u.Scheme, "+")
	if !router.SupportsSchema(scheme) || slices.Contains(unused, scheme) {
		known := slices.DeleteFunc(router.SupportedSchemas(), func(k string) bool { return slices.Contains(unused, k) })
		return fmt.Errorf("there is no kind of address %q; there are https, smtp, smtps, pagerduty and %s", clip(u.Scheme, 20), strings.Join(known, ", "))
	}
	s.Place = scheme + " #" + s.ID[:4]
	if q := u.Query(); scheme == "discord" && !q.Has("splitLines") && !q.Has("splitlines") {
		q.Set("splitLines", "No") // one message, and not one box a line
		u.RawQuery = q.Encode()
	}
	address := u.String()
	s.send = func(ctx context.Context, n Note) error {
		return sendOther(ctx, client(o.Transport), scheme, address, n)
	}
	if scheme == "matrix" || scheme == "mqtt" {
		return nil // these sign in when they are made: not before there is something to tell
	}
	if _, err := (&router.ServiceRouter{}).Locate(address); err != nil {
		return fmt.Errorf("it isn't as %s addresses are: %w", scheme, err)
	}
	return nil
}

// sendOther makes a client of the service for one message. Whether it was taken
// is read from the server's own answer on the way: some services of the library
// say so although nobody answered, others try again by themselves.
func sendOther(ctx context.Context, out *http.Client, scheme, address string, n Note) error {
	tap := &tap{ctx: ctx, client: out, ended: make(chan struct{})}
	service, err := locate(address, tap)
	if err != nil {
		return err
	}
	params := types.Params{}
	text := plain(n, otherText)
	if slices.Contains(titled, scheme) {
		params.SetTitle(clip(headline(n), 200))
		_, text, _ = strings.Cut(text, "\n")
		if text = strings.TrimSpace(text); text == "" {
			text = title(n.Alert)
		}
	}
	text = noMentions(text)
	done := make(chan error, 1)
	go func() {
		if c, ok := service.(types.ContextSender); ok {
			done <- c.SendContext(ctx, text, &params)
			return
		}
		done <- service.Send(text, &params)
	}()
	select {
	case err = <-done:
	case <-tap.ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	last := tap.verdict()
	var f *batch.Fault
	switch {
	case last == nil && err != nil && tap.answered():
		// It was answered, and the answer isn't what the library expects: that may
		// be a refusal, or a message that arrived. Another one could be the second.
		return refused(0, reason(err), "look at the address in OFFPEAK_NOTIFY, then: starter alerts test")
	case last == nil:
		return err
	case errors.As(last, &f) && f.Detail == "" && err != nil:
		f.Detail = reason(err)
	}
	return last
}

func locate(address string, c types.HTTPClient) (types.Service, error) {
	r, err := router.NewWithOptions(nil, types.SenderOptions{HTTPClient: c, Timeout: Timeout})
	if err != nil {
		return nil, err
	}
	return r.Locate(address)
}

// noMentions has no name of a job wake a whole channel.
func noMentions(s string) string {
	const apart = "@\u200b"
	return strings.NewReplacer("@everyone", apart+"everyone", "@here", apart+"here", "@channel", apart+"channel", "@all", apart+"all", "<@", "<"+apart, "<!", "<\u200b!").Replace(s)
}

// tap is the library's way out: it sees how the last request ended, and lets
// none be made again.
type tap struct {
	ctx    context.Context //nolint:containedctx // of the one message; services that take none must end with it all the same
	client *http.Client
	ended  chan struct{} // closed when a request would have been repeated

	mu    sync.Mutex
	last  error
	taken int      // requests that were answered well
	bad   []string // what was refused, or got no answer
	over  bool
}

// Do makes one request.
func (t *tap) Do(req *http.Request) (*http.Response, error) {
	if err := t.repeated(req); err != nil {
		return nil, err
	}
	if _, has := req.Context().Deadline(); !has {
		req = req.WithContext(t.ctx)
	}
	resp, err := t.client.Do(req)
	ended := err
	if err == nil {
		ended = judge(resp.StatusCode, resp.Header.Get("Retry-After"), "", time.Now())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last = ended; ended != nil {
		t.bad = append(t.bad, name(req))
	} else {
		t.taken++
	}
	return resp, err
}

func name(req *http.Request) string { return req.Method + " " + req.URL.String() }

func (t *tap) repeated(req *http.Request) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.bad, name(req)) {
		return nil
	}
	if !t.over {
		t.over = true
		close(t.ended)
	}
	return t.last
}

// answered says whether any request was.
func (t *tap) answered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.taken > 0
}

func (t *tap) verdict() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}
