package swarms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/offpeak/offpeak/provider"
)

// The free endpoints that speak of the service.
const (
	PathModels = "/v1/models/available"
	PathSwarms = "/v1/swarms/available"
	PathHealth = "/health"
)

// Models reads the names of the models that this account's tier may use.
func (c *Client) Models(ctx context.Context) ([]string, provider.Receipt, error) {
	return c.names(ctx, PathModels, "models", "data")
}

// SwarmsAvailable reads the swarm types that the API knows.
func (c *Client) SwarmsAvailable(ctx context.Context) ([]string, provider.Receipt, error) {
	return c.names(ctx, PathSwarms, "swarm_types", "swarms")
}

// Health asks whether the API is up; it sends no key. An answer that doesn't
// say so is OutOfReach.
func (c *Client) Health(ctx context.Context) (provider.Receipt, error) {
	x, err := c.get(ctx, ask{path: PathHealth, open: true}, func(body []byte) error {
		var w struct{ Status json.RawMessage }
		if err := object(body, &w); err != nil {
			return err
		}
		if s := str(w.Status); s != "ok" && s != "healthy" {
			return fmt.Errorf("status is %s; ok was expected", shown(w.Status))
		}
		return nil
	})
	return x.rec, err
}

// names reads a list of names from the first of the members that is a list:
// of strings, or of objects with an id or a name, depending on the version.
func (c *Client) names(ctx context.Context, path string, members ...string) ([]string, provider.Receipt, error) {
	var out []string
	x, err := c.get(ctx, ask{path: path}, func(body []byte) error {
		var w map[string]json.RawMessage
		if err := object(body, &w); err != nil {
			return err
		}
		for _, m := range members {
			t := bytes.TrimSpace(w[m])
			if len(t) == 0 || t[0] != '[' {
				continue
			}
			var l []json.RawMessage
			if err := json.Unmarshal(t, &l); err != nil {
				return fmt.Errorf("%s is no list", m)
			}
			out = make([]string, 0, len(l))
			for _, e := range l {
				var o struct{ ID, Name json.RawMessage }
				_ = json.Unmarshal(e, &o) // a string leaves it empty
				if n := first(str(e), str(o.ID), str(o.Name)); n != "" {
					out = append(out, c.secret.Line(n))
				}
			}
			return nil
		}
		return errors.New("the answer has no list of " + members[0])
	})
	return out, x.rec, err
}
