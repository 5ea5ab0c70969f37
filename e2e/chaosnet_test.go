package e2e

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/offpeak/offpeak/e2e/chaos"
)

// proxies are one in each link of a house.
type proxies struct {
	t     *testing.T
	links map[chaos.Link]*toxiproxy.Proxy
}

// proxies puts a proxy into each link.
func (h *house) proxies() *proxies {
	h.t.Helper()
	to := map[chaos.Link]string{
		chaos.ToProvider: strings.TrimPrefix(h.api.URL, "http://"),
		chaos.ToTemporal: h.temporal.Address, chaos.StarterTemporal: h.temporal.Address,
	}
	if u, err := url.Parse(h.store); err == nil && u.Scheme == "postgres" {
		to[chaos.ToPostgres] = u.Host
	}
	n := &proxies{t: h.t, links: map[chaos.Link]*toxiproxy.Proxy{}}
	zerolog.SetGlobalLevel(zerolog.Disabled) // some of toxics' lines go past the logger
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	for link, upstream := range to {
		p := toxiproxy.NewProxy(server, string(link), "127.0.0.1:0", upstream)
		if err := p.Start(); err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(p.Stop)
		n.links[link] = p
	}
	return n
}

// worker is the environment of a worker that goes through the proxies.
func (n *proxies) worker(store string) []string {
	env := []string{"SWARMS_BASE_URL=http://" + n.links[chaos.ToProvider].Listen, "TEMPORAL_ADDRESS=" + n.links[chaos.ToTemporal].Listen}
	if p := n.links[chaos.ToPostgres]; p != nil {
		u, err := url.Parse(store)
		if err != nil {
			n.t.Fatal(err)
		}
		u.Host = p.Listen
		env = append(env, "OFFPEAK_LEDGER="+u.String())
	}
	return env
}

func (n *proxies) starter() []string {
	return []string{"TEMPORAL_ADDRESS=" + n.links[chaos.StarterTemporal].Listen}
}

// toxics of each deed, as toxiproxy's own API takes them.
var toxicOf = map[chaos.Deed][]string{
	chaos.Latency:   {`{"name":"%s-down","type":"latency","stream":"downstream","attributes":{"latency":600,"jitter":300}}`},
	chaos.Reset:     {`{"name":"%s-down","type":"reset_peer","stream":"downstream","attributes":{"timeout":0}}`},
	chaos.SlowClose: {`{"name":"%s-down","type":"slow_close","stream":"downstream","attributes":{"delay":2000}}`},
	chaos.Bandwidth: {`{"name":"%s-up","type":"bandwidth","stream":"upstream","attributes":{"rate":8}}`, `{"name":"%s-down","type":"bandwidth","stream":"downstream","attributes":{"rate":8}}`},
	chaos.Blackhole: {`{"name":"%s-up","type":"timeout","stream":"upstream","attributes":{"timeout":0}}`, `{"name":"%s-down","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`},
}

// spoil does what a deed says to a link; the function that it returns ends it.
func (n *proxies) spoil(nth int, e chaos.Event) func() {
	p := n.links[e.Link]
	if e.Do == chaos.CutOff {
		p.Stop()
		return func() {
			if !p.Enabled {
				if err := p.Start(); err != nil {
					n.t.Errorf("%s doesn't come back: %v", e.Link, err)
				}
			}
		}
	}
	var names []string
	for i, toxic := range toxicOf[e.Do] {
		name := fmt.Sprintf("%d-%d", nth, i)
		toxic = strings.NewReplacer("%s-down", name, "%s-up", name).Replace(toxic)
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			n.t.Errorf("%s: %v", e, err)
			continue
		}
		names = append(names, name)
	}
	return func() {
		for _, name := range names {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // one that writes to nobody
			if err := p.Toxics.RemoveToxic(ctx, name); err != nil {
				n.t.Errorf("%s doesn't end: %v", e, err)
			}
			cancel()
		}
	}
}
