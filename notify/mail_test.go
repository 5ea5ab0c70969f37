package notify_test

import (
	"crypto/tls"
	"net/mail"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/smtptest"
	"github.com/offpeak/offpeak/notify"
)

// TestMail: what is taken, over what kind of connection, and what each refusal
// means. The server is a real one on loopback.
func TestMail(t *testing.T) {
	t.Parallel()
	const password = "mail-s3cret"
	say := func(command, answer string) func(string) string {
		return func(c string) string {
			if c == command {
				return answer
			}
			return ""
		}
	}
	for _, c := range []struct {
		name     string
		server   func(*smtptest.Server)
		query    string
		distrust bool
		want     batch.Kind
		tls      bool
	}{
		{name: "in the clear on this machine", server: func(*smtptest.Server) {}},
		{name: "STARTTLS where it is offered", server: func(s *smtptest.Server) { s.StartTLS = true }, tls: true},
		{name: "STARTTLS demanded", server: func(s *smtptest.Server) { s.StartTLS = true }, query: "&starttls=required", tls: true},
		{name: "STARTTLS demanded and not offered", server: func(*smtptest.Server) {}, query: "&starttls=required", want: batch.OutOfReach},
		{name: "a server that isn't the one", server: func(s *smtptest.Server) { s.StartTLS = true }, distrust: true, want: batch.OutOfReach},
		{name: "signed in over TLS", server: func(s *smtptest.Server) { s.StartTLS, s.Password = true, password }, tls: true},
		{name: "no password in the clear", server: func(s *smtptest.Server) { s.Password = password }, want: batch.OutOfReach},
		{name: "a mailbox that isn't there", server: func(s *smtptest.Server) { s.Say = say("RCPT", "550 5.1.1 no such user") }, want: batch.RejectedByAPI},
		{name: "greylisted", server: func(s *smtptest.Server) { s.Say = say("RCPT", "451 4.7.1 come back later") }, want: batch.OutOfReach},
		{name: "refused for its text", server: func(s *smtptest.Server) { s.Say = say(".", "554 5.7.1 spam") }, want: batch.RejectedByAPI},
		{name: "full", server: func(s *smtptest.Server) { s.Say = say(".", "452 4.2.2 mailbox full") }, want: batch.OutOfReach},
		{name: "a server that goes home at once when it has it", server: func(s *smtptest.Server) {
			taken := false
			s.Say = func(c string) string {
				switch {
				case c == "DATA":
					taken = true
				case c == "RSET" && taken:
					return "421 4.3.2 closing"
				}
				return ""
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			post := smtptest.New(t)
			c.server(post)
			trust := &tls.Config{RootCAs: post.Roots, MinVersion: tls.VersionTLS12}
			if c.distrust {
				trust = nil
			}
			err := openOne(t, post.URL(c.query), notify.Options{TLS: trust}).Send(t.Context(), missed())
			if batch.KindOf(err) != c.want {
				t.Fatalf("%v, want %q", err, c.want)
			}
			got := post.Messages()
			if err != nil {
				if len(got) != 0 || strings.Contains(err.Error(), password) {
					t.Errorf("%d were taken all the same, and it says %v", len(got), err)
				}
				return
			}
			if len(got) != 1 || got[0].TLS != c.tls || got[0].From != "offpeak@example.com" || got[0].To[0] != "ops@example.com" {
				t.Errorf("taken: %+v", got)
			}
			if post.Password != "" && got[0].User != "offpeak" {
				t.Errorf("signed in as %q", got[0].User)
			}
		})
	}
	wrong := smtptest.New(t)
	wrong.StartTLS, wrong.Password = true, password
	address := strings.Replace(wrong.URL(""), password, "wr0ng-password", 1)
	err := openOne(t, address, notify.Options{TLS: &tls.Config{RootCAs: wrong.Roots, MinVersion: tls.VersionTLS12}}).Send(t.Context(), missed())
	if batch.KindOf(err) != batch.RejectedByAPI || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("a wrong password: %v", err)
	}
}

// TestMailHeaders: a repeat has the same id, an incident is one thread, and no
// title writes a header of its own.
func TestMailHeaders(t *testing.T) {
	t.Parallel()
	post := smtptest.New(t)
	s := openOne(t, post.URL(",ada@example.com"), notify.Options{})
	hostile := notes()["hostile"]
	for _, n := range []notify.Note{missed(), missed(), hostile, notes()["over"]} {
		if err := s.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	var parsed []mail.Header
	for _, m := range post.Messages() {
		p, err := mail.ReadMessage(strings.NewReader(m.Text))
		if err != nil {
			t.Fatal(err)
		}
		if len(m.To) != 2 || p.Header.Get("Bcc") != "" || p.Header.Get("To") != "<ops@example.com>, <ada@example.com>" {
			t.Errorf("to %v, headers %v", m.To, p.Header)
		}
		if p.Header.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("auto-replies come back: %v", p.Header)
		}
		parsed = append(parsed, p.Header)
	}
	if len(parsed) != 4 {
		t.Fatalf("%d mails", len(parsed))
	}
	if id := parsed[0].Get("Message-ID"); id != "<"+missed().Delivery+".offpeak@example.com>" || id != parsed[1].Get("Message-ID") {
		t.Errorf("ids %q and %q", id, parsed[1].Get("Message-ID"))
	}
	if parsed[0].Get("References") == "" || parsed[0].Get("References") != parsed[3].Get("References") {
		t.Error("an incident's mails are no thread")
	}
}
