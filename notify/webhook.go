package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/offpeak/offpeak/batch"
)

// Webhook is the body of a request to a webhook of one's own. Fields may be
// added under the same name; the schema is docs/schemas/alert-v1.schema.json.
type Webhook struct {
	Schema   string         `json:"schema"`   // "offpeak/alert-v1"
	Delivery string         `json:"delivery"` // the same on every attempt, and in the header Offpeak-Delivery: drop what you have
	Occasion batch.Occasion `json:"occasion"` // opened, worse, lasts, over or once
	Due      string         `json:"due"`      // when it was to be told, RFC 3339
	Text     string         `json:"text"`     // the whole of it for people
	Alert    batch.Alert    `json:"alert"`
}

// AlertSchema names the shape of Webhook.
const AlertSchema = "offpeak/alert-v1"

// The headers of a webhook. The signature is
//
//	t=UNIX SECONDS,v1=hex(HMAC-SHA256(OFFPEAK_NOTIFY_SECRET, UNIX SECONDS "." BODY))
//
// Whoever checks it refuses a time that is far from his own.
const (
	DeliveryHeader  = "Offpeak-Delivery"
	SignatureHeader = "Offpeak-Signature"
)

// webhook is a receiver of one's own.
func (s *Sink) webhook(u *url.URL, o Options) error {
	insecure := u.Query().Get("insecure") == "1"
	q := u.Query()
	q.Del("insecure") // the others are the receiver's own
	u.RawQuery = q.Encode()
	switch {
	case u.Hostname() == "":
		return errors.New("it has no host")
	case u.Scheme == "http" && !loopback(u.Hostname()) && !insecure:
		return errors.New("http:// sends alerts and their address in the clear: use https://, or add insecure=1 where the network is your own")
	}
	s.Place = "webhook " + u.Host
	var (
		c       = client(o.Transport)
		address = *u
		header  = http.Header{}
	)
	address.User, address.Fragment = nil, ""
	if u.User != nil {
		password, _ := u.User.Password()
		r := http.Request{Header: header}
		r.SetBasicAuth(u.User.Username(), password)
		s.hide.add(header.Get("Authorization"))
	}
	s.hide.add(o.Secret)
	s.send = func(ctx context.Context, n Note) error {
		body, err := json.Marshal(Webhook{
			Schema: AlertSchema, Delivery: n.Delivery, Occasion: n.Occasion, Due: stamp(n.At), Text: plain(n, 4000), Alert: n.Alert,
		})
		if err != nil {
			return refused(0, err.Error(), "")
		}
		h := header.Clone()
		h.Set(DeliveryHeader, n.Delivery)
		if o.Secret != "" {
			h.Set(SignatureHeader, Sign(o.Secret, o.Now().Unix(), body))
		}
		return post(ctx, c, address.String(), h, body)
	}
	return nil
}

// Sign is the value of SignatureHeader.
func Sign(secret string, at int64, body []byte) string {
	t := strconv.FormatInt(at, 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
