package notify

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// client posts without following redirects: a message goes where the operator
// sent it, and nowhere else.
func client(tr http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     tr,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post makes one request and judges the answer.
func post(ctx context.Context, c *http.Client, address string, header http.Header, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.GetBody = nil // what net/http could send again by itself, it won't
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", "offpeak")
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	return judge(resp.StatusCode, resp.Header.Get("Retry-After"), string(said), time.Now())
}

// judge says what an answer means: taken, refused for good, or try again.
func judge(status int, retryAfter, said string, now time.Time) error {
	said = clip(line(said), 200)
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		f := &batch.Fault{Kind: batch.OutOfReach, Status: status, Detail: said, After: after(retryAfter, now)}
		return f
	case status >= 300 && status < 400:
		return refused(status, "it answers with a redirect, which isn't followed", "give the address that it leads to in OFFPEAK_NOTIFY")
	}
	hint := "look at the sink's address in OFFPEAK_NOTIFY, then: starter alerts test"
	if status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusNotFound || status == http.StatusGone {
		hint = "the address in OFFPEAK_NOTIFY was withdrawn or has a slip: make a new one, then: starter alerts test"
	}
	return refused(status, said, hint)
}

// mostAfter bounds what a sink may ask for: it has a day in all.
const mostAfter = 6 * time.Hour

// after reads Retry-After: seconds or a date; 0 for none.
// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
func after(v string, now time.Time) time.Duration {
	if v == "" {
		return 0
	}
	var d time.Duration
	if secs, err := strconv.ParseInt(strings.TrimSpace(v), 10, 32); err == nil {
		d = time.Duration(secs) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	}
	return max(min(d, mostAfter), 0)
}

// line makes a text one line of printable characters.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r >= 0x7f && r < 0xa0, r == '\u2028', r == '\u2029':
			return ' '
		case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069': // they turn the rest of a line round
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// clip cuts a text to so many characters.
func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:max(most-3, 0)]) + "..."
	}
	return s
}
