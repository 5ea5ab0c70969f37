package swarms

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider/wire"
)

// DefaultBaseURL is the public API.
const DefaultBaseURL = "https://api.swarms.world"

// DefaultTimeout is how long a whole request may take, from dialling to the
// last byte of the answer: what the provider's readiness checklist recommends.
const DefaultTimeout = 600 * time.Second

const defaultUserAgent = "offpeak (+https://github.com/offpeak/offpeak)"

// Options makes a Client. Only Key is required.
type Options struct {
	BaseURL   string            // DefaultBaseURL when empty; see New for what is accepted
	Key       string            `json:"-"` // sent as x-api-key; never printed
	Timeout   time.Duration     // per request; DefaultTimeout when 0; WithTimeout overrides it for one call
	Transport http.RoundTripper // wire.NewTransport() when nil. Another one must not re-send by itself
	Now       func() time.Time  // time.Now when nil
	UserAgent string
}

// Format prints the options without the key, whatever the verb.
func (o Options) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "swarms.Options(%s, key %s)", o.BaseURL, KeyID(o.Key))
}

// LogValue keeps the key out of structured logs.
func (o Options) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(o)) }

// Client is a connection pool and a key. It is safe for concurrent use. Its
// key can't be printed by any means of fmt, encoding/json or log/slog.
type Client struct {
	base      string
	secret    wire.Secret
	timeout   time.Duration
	transport http.RoundTripper
	now       func() time.Time
	userAgent string
	maxRow    int64 // of the log, in bytes
}

// New checks the options. A base URL must be https, without user info, query
// or fragment; plain http is accepted where the key can't cross the internet:
// loopback and private addresses, single-label names such as compose's
// "simulator", and names under .localhost, .internal, .svc and
// .svc.cluster.local. What is wrong is a fault of kind BadInput.
func New(o Options) (*Client, error) {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	base, err := wire.ParseBase(o.BaseURL, "SWARMS_API_KEY")
	if err != nil {
		return nil, setting("SWARMS_BASE_URL", err)
	}
	if err := checkKey(o.Key); err != nil {
		return nil, setting("SWARMS_API_KEY", err)
	}
	if o.Timeout < 0 {
		return nil, setting("timeout", fmt.Errorf("%s is negative; leave it out for %s", o.Timeout, DefaultTimeout))
	}
	c := &Client{
		base: base, secret: wire.NewSecret(o.Key), timeout: o.Timeout,
		transport: o.Transport, now: o.Now, userAgent: o.UserAgent, maxRow: maxRow,
	}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	if c.transport == nil {
		c.transport = wire.NewTransport()
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.userAgent == "" {
		c.userAgent = defaultUserAgent
	}
	return c, nil
}

// KeyID is how the client's key is named in books and logs.
func (c *Client) KeyID() string { return KeyID(c.secret.Reveal()) }

// BaseURL is where requests go.
func (c *Client) BaseURL() string { return c.base }

// CloseIdle closes the pool's idle connections, for a clean shutdown.
func (c *Client) CloseIdle() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Format prints the client without its key, whatever the verb.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "swarms.Client(%s, key %s)", c.base, c.KeyID())
}

// KeyID names a key without giving it away: the first 12 hex digits of its
// SHA-256; "" for no key.
func KeyID(key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])[:12]
}

// WithTimeout makes every request under ctx take at most d instead of the
// client's Timeout, shorter or longer. A deadline of ctx itself still holds.
func WithTimeout(ctx context.Context, d time.Duration) context.Context {
	return wire.WithTimeout(ctx, d)
}

func (c *Client) timeoutOf(ctx context.Context) time.Duration { return wire.TimeoutOf(ctx, c.timeout) }

func checkKey(key string) error {
	if key == "" {
		return errors.New("there is no API key; make one at https://swarms.world/platform/api-keys")
	}
	if i := strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }); i >= 0 {
		return fmt.Errorf("the API key has a space, line end or other character at position %d that a header can't carry; copy it again", i+1)
	}
	return nil
}

func setting(name string, err error) error {
	return &batch.Fault{Kind: batch.BadInput, Op: "read setting", Thing: name, Moved: batch.MovedNo, Detail: err.Error(), Err: err}
}
