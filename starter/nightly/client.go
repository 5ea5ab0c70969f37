package nightly

import (
	"context"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
)

// Client is the door. It is safe for concurrent use.
type Client struct {
	temporal client.Client
	address  string // for messages
	now      func() time.Time
	books    Books // nil: none were handed over
	data     converter.DataConverter
	failures converter.FailureConverter
}

// New makes a Client of a connection to Temporal, which stays the caller's to
// close. Address is only named in messages.
func New(temporal client.Client, address string) *Client {
	c := &Client{temporal: temporal, address: address, now: time.Now}
	return c.WithConverters(nil, nil)
}

// WithConverters returns a Client that reads what the connection itself
// doesn't decode (heartbeats, memos, inputs of schedules) by these converters:
// those of the connection's options. Nil is Temporal's own. Dial does so.
func (c *Client) WithConverters(data converter.DataConverter, failures converter.FailureConverter) *Client {
	twin := *c
	if twin.data = data; data == nil {
		twin.data = converter.GetDefaultDataConverter()
	}
	if twin.failures = failures; failures == nil {
		twin.failures = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: twin.data})
	}
	return &twin
}

// dialTimeout bounds the first contact: somebody is waiting at a prompt.
const dialTimeout = 10 * time.Second

// Dial connects to Temporal and makes sure that it answers. A server that
// doesn't is a fault of kind OutOfReach that names its address.
func Dial(ctx context.Context, o client.Options) (*Client, error) {
	if o.HostPort == "" {
		o.HostPort = client.DefaultHostPort
	}
	c := &Client{address: o.HostPort, now: time.Now}
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := client.DialContext(dialing, o)
	if err != nil {
		if f := Unreachable(ctx, o, err); f != nil {
			return nil, f
		}
		return nil, c.fault(ctx, "connect to Temporal", o.HostPort, err)
	}
	c.temporal = conn
	return c.WithConverters(o.DataConverter, o.FailureConverter), nil
}

// Ping says whether Temporal answers: nil, or a fault of kind OutOfReach.
func (c *Client) Ping(ctx context.Context) error {
	if _, err := c.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return c.fault(ctx, "ask Temporal", c.address, err)
	}
	return nil
}

// Close ends the connection. It must not be called on a connection that
// belongs to somebody else.
func (c *Client) Close() { c.temporal.Close() }

// WithClock returns a Client that asks now what time it is when it decides
// which night a batch belongs to.
func (c *Client) WithClock(now func() time.Time) *Client {
	twin := *c
	twin.now = now
	return &twin
}
