package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net/mail"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/offpeak/offpeak/batch"
)

// mail is a mailbox, by a server that takes messages for it:
//
//	smtp://user:password@host:587?from=offpeak@example.com&to=ops@example.com,ada@example.com
//	smtps://...                 TLS from the first byte, port 465
//
// smtp:// demands STARTTLS, except from this machine itself: starttls=optional
// has it used where it is offered. Passwords never cross a network in the clear.
func (s *Sink) mail(u *url.URL, o Options) error {
	if err := only(u, "from", "to", "starttls"); err != nil {
		return err
	}
	q := u.Query()
	from, err := mail.ParseAddress(q.Get("from"))
	if err != nil {
		return errors.New("from is no mail address: from=offpeak@example.com")
	}
	to, err := mail.ParseAddressList(q.Get("to"))
	if err != nil {
		return errors.New("to is no list of mail addresses: to=ops@example.com,ada@example.com")
	}
	if u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return errors.New("smtp://user:password@host:port?from=&to= has a host and no path")
	}
	opts, err := mailOptions(u, o.TLS)
	if err != nil {
		return err
	}
	if _, err := gomail.NewClient(u.Hostname(), opts...); err != nil {
		return err
	}
	names := make([]string, len(to))
	for i, t := range to {
		names[i] = t.Address
	}
	s.Place = "mail " + clip(strings.Join(names, ", "), 80)
	s.send = func(ctx context.Context, n Note) error {
		m, err := mailMessage(n, from, to)
		if err != nil {
			return refused(0, err.Error(), "")
		}
		c, err := gomail.NewClient(u.Hostname(), opts...)
		if err != nil {
			return refused(0, err.Error(), "")
		}
		return sendMail(ctx, c, m)
	}
	return nil
}

func mailOptions(u *url.URL, trust *tls.Config) ([]gomail.Option, error) {
	own := loopback(u.Hostname())
	port, policy := 587, gomail.TLSMandatory
	opts := []gomail.Option{gomail.WithTimeout(Timeout / 2)}
	switch v := u.Query().Get("starttls"); {
	case v != "" && u.Scheme == "smtps":
		return nil, errors.New("smtps:// is TLS from the first byte: it has no starttls")
	case v == "optional" || v == "" && own:
		policy = gomail.TLSOpportunistic
	case v != "" && v != "required":
		return nil, errors.New("starttls is neither required nor optional")
	}
	if u.Scheme == "smtps" {
		port = 465
		opts = append(opts, gomail.WithSSL())
	}
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 65535 {
			return nil, errors.New("the port is none")
		}
		port = n
	}
	opts = append(opts, gomail.WithTLSPolicy(policy), gomail.WithPort(port))
	if trust == nil {
		trust = &tls.Config{}
	}
	trust = trust.Clone()
	trust.ServerName, trust.MinVersion = u.Hostname(), tls.VersionTLS12
	opts = append(opts, gomail.WithTLSConfig(trust))
	if u.User != nil {
		password, _ := u.User.Password()
		// The library finds out which kind the server offers, and sends a password
		// over TLS alone.
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	return opts, nil
}

// sendMail hands a message to the server. It counts as taken when the server
// has said so for its text: what goes wrong after that is no reason to send it
// again.
func sendMail(ctx context.Context, c *gomail.Client, m *gomail.Msg) error {
	conn, err := c.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return smtpFault(err, 0)
	}
	defer func() { _ = c.CloseWithSMTPClient(conn) }()
	if err = c.SendWithSMTPClient(conn, m); err == nil || m.IsDelivered() {
		return nil
	}
	var s *gomail.SendError
	if errors.As(err, &s) {
		return smtpFault(err, s.ErrorCode())
	}
	return smtpFault(err, 0)
}

// smtpFault tells what may be tried again: everything but the server's 5xx.
// https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
func smtpFault(err error, code int) error {
	var said *textproto.Error
	if code == 0 && errors.As(err, &said) {
		code = said.Code
	}
	if code >= 500 && code < 600 {
		return refused(0, line(err.Error()), "look at user, password and addresses of the mailbox in OFFPEAK_NOTIFY, then: starter alerts test")
	}
	return &batch.Fault{Kind: batch.OutOfReach, Detail: line(err.Error())}
}

// mailMessage is a note as text and HTML. Its id is the delivery's, so that
// servers and mailboxes that look at it drop a repeat; the messages of one
// incident are one thread.
func mailMessage(n Note, from *mail.Address, to []*mail.Address) (*gomail.Msg, error) {
	_, domain, _ := strings.Cut(from.Address, "@")
	m := gomail.NewMsg()
	m.FromMailAddress(from)
	m.ToMailAddress(to...)
	m.Subject(clip("offpeak "+headline(n), 200))
	m.SetMessageIDWithValue(n.Delivery + ".offpeak@" + domain)
	sum := sha256.Sum256([]byte(n.Alert.Key))
	thread := "<" + hex.EncodeToString(sum[:12]) + ".incident.offpeak@" + domain + ">"
	m.SetGenHeader(gomail.HeaderReferences, thread)
	m.SetGenHeader(gomail.HeaderInReplyTo, thread)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation replies
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetGenHeader("X-Offpeak-Delivery", n.Delivery)
	m.SetUserAgent("offpeak")
	m.SetDateWithValue(n.At)
	if n.Alert.Severity == batch.Critical && n.Occasion != batch.IsOver {
		m.SetImportance(gomail.ImportanceHigh)
	}
	m.SetBodyString(gomail.TypeTextPlain, plain(n, 20_000)+"\n")
	var html bytes.Buffer
	if err := mailHTML.Execute(&html, map[string]any{
		"Colour": template.CSS(colour(n)), "Mark": mark(n), "Title": title(n.Alert), "Lines": lines(n.Alert), "Do": line(n.Alert.Remedy), //nolint:gosec // a colour of ours
		"Facts": factRows(n), "Link": link(n.Alert),
	}); err != nil {
		return nil, fmt.Errorf("write the mail: %w", err)
	}
	m.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return m, nil
}

func factRows(n Note) [][2]string {
	var out [][2]string
	for _, f := range facts(n) {
		out = append(out, [2]string{f.name, f.value})
	}
	return out
}

var mailHTML = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="en"><body style="margin:0;padding:16px;font-family:system-ui,-apple-system,Segoe UI,Roboto,sans-serif;font-size:15px;line-height:1.45;color:#1b1b1b;background:#ffffff">
<div style="max-width:640px;border-left:4px solid {{.Colour}};padding:4px 0 4px 16px">
<div style="color:{{.Colour}};font-weight:600;font-size:13px">{{.Mark}}</div>
<h1 style="font-size:18px;margin:2px 0 12px">{{.Title}}</h1>
{{- if .Lines}}
<ul style="margin:0 0 12px;padding-left:20px">{{range .Lines}}<li>{{.}}</li>
{{end}}</ul>
{{- end}}
{{- if .Do}}
<p style="margin:0 0 12px"><b>Do:</b> {{.Do}}</p>
{{- end}}
{{- if .Link}}
<p style="margin:0 0 12px"><a href="{{.Link}}">Look at it</a></p>
{{- end}}
<table style="border-collapse:collapse;font-size:13px;color:#5b5b5b">{{range .Facts}}<tr><td style="padding:1px 12px 1px 0">{{index . 0}}</td><td>{{index . 1}}</td></tr>
{{end}}</table>
</div>
</body></html>
`))
