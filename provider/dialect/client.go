package dialect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
)

// Options make a Client.
type Options struct {
	// Value is the worker's setting of that name, or of the file that NAME_FILE
	// names; "" when it isn't set.
	Value     func(name string) string
	Timeout   time.Duration     // per request; ten minutes when 0, WithTimeout overrides it
	Transport http.RoundTripper // wire.NewTransport() when nil. Another one must not re-send by itself
	Now       func() time.Time  // time.Now when nil
	UserAgent string
}

// Client is a declaration with its secrets. It is safe for concurrent use, and
// no printer shows its secrets.
type Client struct {
	d         *Dialect
	base      string
	secrets   func() map[string]string
	settings  map[string]string
	red       wire.Secret
	scope     string
	limits    []provider.Window
	timeout   time.Duration
	transport http.RoundTripper
	now       func() time.Time
	agent     string
}

// Missing lists the secrets that a declaration wants and that aren't set: who
// has none of them doesn't use the API.
func Missing(d *Dialect, value func(string) string) (missing []string, some bool) {
	for _, name := range slices.Sorted(maps.Keys(d.Secrets)) {
		if v := d.Secrets[name]; value(v.From) == "" {
			missing = append(missing, v.From)
		} else {
			some = true
		}
	}
	return missing, some
}

// New joins a declaration and its secrets, or says all that is wrong.
func New(d *Dialect, o Options) (*Client, error) {
	c := &Client{
		d: d, base: d.BaseURL, settings: map[string]string{}, timeout: o.Timeout, transport: o.Transport, now: o.Now,
		agent: o.UserAgent,
	}
	var wrong []string
	secrets, all := map[string]string{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(d.Secrets)) {
		v := strings.TrimSpace(o.Value(d.Secrets[name].From))
		switch {
		case v == "":
			wrong = append(wrong, d.Secrets[name].From+" isn't set: "+d.Secrets[name].About)
		case strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }):
			wrong = append(wrong, d.Secrets[name].From+" has a space, line end or other character that a header can't carry; copy it again")
		}
		secrets[name], all = v, append(all, v)
	}
	for name, v := range d.Settings {
		if c.settings[name] = v.Default; o.Value(v.From) != "" {
			c.settings[name] = o.Value(v.From)
		}
	}
	c.secrets, c.red = func() map[string]string { return secrets }, wire.NewSecret(all...)
	if v := o.Value(d.BaseFrom); d.BaseFrom != "" && v != "" {
		c.base = v
	}
	base, err := wire.ParseBase(c.base, "a setting of its own")
	if err != nil {
		wrong = append(wrong, cmpName(d.BaseFrom, "base_url")+": "+err.Error())
	}
	c.base = base
	limits, bad := d.windows(c.settings)
	c.limits, wrong = limits, append(wrong, bad...)
	if len(wrong) > 0 {
		return nil, &batch.Fault{Kind: batch.BadInput, Op: "read setting", Thing: d.Name, Moved: batch.MovedNo, Detail: strings.Join(wrong, "\n"), Hint: "the dialect names each of its settings: starter providers " + d.Name}
	}
	c.scope = d.Name + "/" + c.shared(all)
	if c.timeout <= 0 {
		c.timeout = 10 * time.Minute
	}
	if c.transport == nil {
		c.transport = wire.NewTransport()
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.agent == "" {
		c.agent = "offpeak (+https://github.com/offpeak/offpeak)"
	}
	return c, nil
}

func cmpName(name, def string) string {
	if name == "" {
		return def
	}
	return name
}

// shared is who shares the limits: what the declaration says, else the secrets'
// first digits of a hash.
func (c *Client) shared(secrets []string) string {
	named, err := c.d.Scope.fill(func(name string) (jsonText, bool) {
		v := c.settings[strings.TrimPrefix(name, "setting.")]
		return quoted(v), v != ""
	}, func(s string) string { return s })
	if err == nil && named != "" {
		return named
	}
	sum := sha256.Sum256([]byte(strings.Join(secrets, "\n")))
	return hex.EncodeToString(sum[:])[:12]
}

// windows are the limits, with what the settings say of them.
func (d *Dialect) windows(settings map[string]string) (out []provider.Window, wrong []string) {
	for _, l := range d.Limits {
		w := provider.Window{Name: l.Name, Span: l.Span, Limit: l.Limit, Remaining: -1, Step: l.Step}
		if l.From != "" {
			v := settings[l.From]
			if v == "" {
				if l.Limit == 0 && (d.Told == nil || d.Told.Window != l.Name) {
					continue // nobody says how many, and nobody asked for it to be kept
				}
			} else {
				n, span, has := strings.Cut(v, "/")
				limit, err := strconv.ParseInt(n, 10, 64)
				if has && err == nil {
					w.Span, err = time.ParseDuration(span)
				}
				if err != nil || limit < 1 || w.Span <= 0 {
					wrong = append(wrong, fmt.Sprintf("%s: %q is no limit: write 300, or 1/2s for a span of its own", d.Settings[l.From].From, v))
					continue
				}
				w.Limit = limit
			}
		}
		out = append(out, w)
	}
	return out, wrong
}

// Dialect is the declaration.
func (c *Client) Dialect() *Dialect { return c.d }

// Scope names in the books who shares the limits: "swiftia/acme".
func (c *Client) Scope() string { return c.scope }

// BaseURL is where requests go.
func (c *Client) BaseURL() string { return c.base }

// Limits are the declared windows. A limit of 0 is told by headers.
func (c *Client) Limits() []provider.Window { return slices.Clone(c.limits) }

// CloseIdle closes the pool's idle connections, for a clean shutdown.
func (c *Client) CloseIdle() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Format prints the client without its secrets, whatever the verb.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "dialect.Client(%s, %s, %s)", c.d.Name, c.base, c.scope)
}

// LogValue keeps the secrets out of structured logs.
func (c *Client) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// MarshalJSON does the same for JSON.
func (c *Client) MarshalJSON() ([]byte, error) { return quoted(fmt.Sprint(c)), nil }

// WithTimeout makes every request under ctx take at most d.
func WithTimeout(ctx context.Context, d time.Duration) context.Context {
	return wire.WithTimeout(ctx, d)
}

func (c *Client) timeoutOf(ctx context.Context) time.Duration { return wire.TimeoutOf(ctx, c.timeout) }
