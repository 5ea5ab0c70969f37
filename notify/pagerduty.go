package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// pagerDutyEvents is the service of the US; accounts of the EU have
// https://events.eu.pagerduty.com/v2/enqueue.
const pagerDutyEvents = "https://events.pagerduty.com/v2/enqueue"

// routingKey is an integration key as PagerDuty makes them.
var routingKey = regexp.MustCompile(`^[A-Za-z0-9]{20,64}$`)

// pagerduty is an integration of a PagerDuty service (Events API v2). What is
// told twice is one event there: its dedup_key is the incident.
// https://developer.pagerduty.com/docs/send-alert-event
func (s *Sink) pagerduty(u *url.URL, o Options) error {
	if err := only(u, "endpoint", "region"); err != nil {
		return err
	}
	key := u.Hostname()
	if !routingKey.MatchString(key) {
		return errors.New("pagerduty://ROUTING_KEY: the key is the 32 letters and digits of an Events API v2 integration")
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" {
		return errors.New("pagerduty://ROUTING_KEY takes parameters and nothing else")
	}
	endpoint := pagerDutyEvents
	switch region := u.Query().Get("region"); region {
	case "", "us":
	case "eu":
		endpoint = "https://events.eu.pagerduty.com/v2/enqueue"
	default:
		return errors.New("region is neither us nor eu")
	}
	if e := u.Query().Get("endpoint"); e != "" {
		at, err := url.Parse(e)
		if err != nil || at.Scheme != "https" && (at.Scheme != "http" || !loopback(at.Hostname())) {
			return errors.New("endpoint is no https:// URL")
		}
		endpoint = e
	}
	s.hide.add(key)
	s.Place, s.pager = "pagerduty", true
	c := client(o.Transport)
	s.send = func(ctx context.Context, n Note) error {
		body, err := json.Marshal(pagerDutyEvent(key, n))
		if err != nil {
			return refused(0, err.Error(), "")
		}
		return post(ctx, c, endpoint, nil, body)
	}
	return nil
}

type (
	pdEvent struct {
		RoutingKey string     `json:"routing_key"`
		Action     string     `json:"event_action"` // trigger or resolve
		DedupKey   string     `json:"dedup_key"`
		Client     string     `json:"client,omitempty"`
		Payload    *pdPayload `json:"payload,omitempty"`
		Links      []pdLink   `json:"links,omitempty"`
	}
	pdPayload struct {
		Summary   string         `json:"summary"`
		Source    string         `json:"source"`
		Severity  batch.Severity `json:"severity"` // ours are among theirs
		Timestamp string         `json:"timestamp,omitempty"`
		Component string         `json:"component,omitempty"`
		Class     string         `json:"class"`
		Details   pdDetails      `json:"custom_details"`
	}
	pdDetails struct {
		Facts    []string `json:"facts,omitempty"`
		Do       string   `json:"do,omitempty"`
		Dollars  string   `json:"dollars,omitempty"`
		Occasion string   `json:"occasion"`
		Delivery string   `json:"delivery"`
	}
	pdLink struct {
		Href string `json:"href"`
		Text string `json:"text"`
	}
)

// pagerDutyEvent is a note as an event: what is over resolves what its incident
// triggered.
func pagerDutyEvent(key string, n Note) pdEvent {
	a := n.Alert
	e := pdEvent{RoutingKey: key, Action: "trigger", DedupKey: dedupKey(a.Key), Client: "offpeak"}
	if n.Occasion == batch.IsOver {
		e.Action = "resolve"
		return e // the rest of one isn't read
	}
	d := pdDetails{Do: clip(line(a.Remedy), 1000), Occasion: string(n.Occasion), Delivery: n.Delivery}
	for i, l := range lines(a) {
		if i == 50 { // an event holds 512 KB; a person reads less
			d.Facts = append(d.Facts, "and more")
			break
		}
		d.Facts = append(d.Facts, clip(l, 300))
	}
	if a.Dollars != 0 {
		d.Dollars = a.Dollars.Dollars()
	}
	e.Payload = &pdPayload{
		Summary: clip(title(a), 1024), Source: "offpeak", Severity: a.Severity, Component: string(a.Batch), Class: string(a.Kind), Details: d,
	}
	if !a.At.IsZero() {
		e.Payload.Timestamp = stamp(a.At)
	}
	if l := link(a); l != "" {
		e.Links = []pdLink{{l, "Look at it"}}
	}
	return e
}

// dedupKey is the incident's key, or a hash of one that is too long.
func dedupKey(key string) string {
	if len(key) <= 255 {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "offpeak/" + hex.EncodeToString(sum[:])
}
