package notify_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/notify"
)

// addresses are one of each kind; SECRET stands where something secret is.
// Those of the library are as its documentation has them.
// https://shoutrrr.nickfedor.com/services/overview/
var addresses = map[string]string{
	"https":      "https://user:SECRET@example.com/hooks/SECRET?token=SECRET",
	"slackhook":  "https://hooks.slack.com/services/T00000000/B00000000/SECRETSECRETSECRETSECRET",
	"pagerduty":  "pagerduty://SECRETSECRETSECRETSECRETSECRETSE",
	"bark":       "bark://:SECRET@example.com",
	"discord":    "discord://SECRETSECRET@1234567890",
	"generic":    "generic://example.com/SECRET?token=SECRET",
	"googlechat": "googlechat://chat.googleapis.com/v1/spaces/FOO/messages?key=SECRET&token=SECRET",
	"gotify":     "gotify://example.com/AzyoeNS.D4iJLVa",
	"ifttt":      "ifttt://SECRETSECRET/?events=alert",
	"join":       "join://shoutrrr:SECRET@join/?devices=device1",
	"lark":       "lark://open.larksuite.com/SECRETSECRET?secret=SECRET",
	"mattermost": "mattermost://example.com/SECRETSECRET",
	"notifiarr":  "notifiarr://SECRETSECRET",
	"ntfy":       "ntfy://user:SECRET@example.com/SECRETtopic",
	"opsgenie":   "opsgenie://api.opsgenie.com/SECRETSECRET",
	"pushbullet": "pushbullet://o.SECRETSECRETSECRETSECRETSECRETSE/device",
	"pushover":   "pushover://shoutrrr:SECRET@USERSECRET/",
	"rocketchat": "rocketchat://example.com/SECRETa/SECRETb",
	"signal":     "signal://user:SECRET@example.com:8080/+1234567890/+9876543210",
	"teams":      "teams://?host=" + url.QueryEscape("https://prod-00.westus.logic.azure.com/workflows/SECRETSECRET/triggers/manual/paths/invoke?sig=SECRETSECRET"),
	"telegram":   "telegram://123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@telegram?chats=@channel",
	"twilio":     "twilio://AC0123456789abcdef0123456789abcdef:SECRETSECRET@+15551234567/+15557654321",
	"wecom":      "wecom://SECRETSE-CRET-SECR-ETSE-CRETSECRETSE",
	"zulip":      "zulip://bot@example.com:SECRETSECRET@example.com?stream=ops&topic=night",
}

// secretsOf are the parts that nobody may see.
func secretsOf(kind, address string) []string {
	secrets := []string{"SECRET"}
	switch kind {
	case "gotify":
		secrets = append(secrets, "AzyoeNS.D4iJLVa")
	case "telegram":
		secrets = append(secrets, "AAAAAAAAAAAA")
	}
	return append(secrets, address, url.QueryEscape(address))
}

// TestNoSecretLeaves: whatever a server answers and whatever a library makes of
// it, no error holds a part of the address that is secret. The server here
// answers with everything that it was told.
func TestNoSecretLeaves(t *testing.T) {
	t.Parallel()
	talker := newReceiver(t, func(w http.ResponseWriter, r request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, "bad request to %s\nwith %v\nof %s", r.URL, r.Header, r.Body)
	})
	dead := newReceiver(t, nil)
	dead.Close()
	for kind, address := range addresses {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for _, out := range []struct {
				name  string
				by    http.RoundTripper
				wants batch.Kind
			}{{"talker", talker, batch.RejectedByAPI}, {"dead", dead, batch.OutOfReach}} {
				sinks, err := notify.Open(address, notify.Options{Transport: out.by, Secret: "SECRETsignature"})
				if err != nil {
					t.Fatalf("not understood: %v", err)
				}
				s := sinks[0]
				err = s.Send(t.Context(), missed())
				if batch.KindOf(err) != out.wants {
					t.Errorf("%s: %v, want %s", out.name, err, out.wants)
				}
				for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v %v", faultOf(t, err), faultOf(t, err).Hint), s.Place, s.Filter(), s.ID} {
					for _, secret := range secretsOf(kind, address) {
						if strings.Contains(text, secret) {
							t.Errorf("%s shows %q in %q", out.name, secret, text)
						}
					}
				}
			}
		})
	}
	for _, known := range router.SupportedSchemas() {
		switch known {
		case "logger", "smtp", "mqtt", "mqtts", "matrix", "slack": // of ours, none, or one that signs in over a socket of its own
		case "hangouts": // googlechat by its old name
		default:
			if addresses[known] == "" {
				t.Errorf("%s:// isn't tried", known)
			}
		}
	}
}

// TestServicesOfTheLibrary: the text arrives, by whatever shape a service has,
// and wakes nobody by a name.
func TestServicesOfTheLibrary(t *testing.T) {
	t.Parallel()
	for kind, address := range addresses {
		if kind == "https" || kind == "slackhook" || kind == "pagerduty" {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, func(w http.ResponseWriter, asked request) {
				w.Header().Set("Content-Type", "application/json")
				switch kind {
				case "bark":
					_, _ = fmt.Fprint(w, `{"code":200,"message":"success"}`)
					return
				case "pushbullet":
					_, _ = fmt.Fprint(w, strings.Replace(string(asked.Body), "{", `{"active":true,`, 1)) // it says what it was told
					return
				}
				_, _ = fmt.Fprint(w, `{"ok":true,"success":true,"code":0,"errcode":0,"StatusCode":0,"msg":"success","result":"success","response":"success","status":1,"id":1,"Active":true}`)
			})
			n := missed()
			n.Alert.Lines = append(n.Alert.Lines, "@everyone wake up")
			err := openOne(t, address, notify.Options{Transport: r}).Send(t.Context(), n)
			got := r.all()
			if len(got) == 0 {
				t.Fatalf("nothing was sent: %v", err)
			}
			var all strings.Builder
			for _, one := range got {
				text, uerr := url.QueryUnescape(string(one.Body) + " " + one.URL + " " + fmt.Sprint(one.Header))
				if uerr != nil {
					text = string(one.Body) + " " + one.URL
				}
				all.WriteString(text)
			}
			if !strings.Contains(all.String(), "3 charges missed the discount") {
				t.Errorf("%v; it got %s", err, all.String())
			}
			if strings.Contains(all.String(), "@everyone") {
				t.Errorf("a name of a job wakes everyone: %s", all.String())
			}
			if err != nil {
				t.Errorf("%v", err)
			}
			posts := 0
			for _, one := range got {
				if !strings.Contains(one.URL, "/register") { // zulip asks how long a message may be
					posts++
				}
			}
			if posts != 1 {
				t.Errorf("%d requests for one message", posts)
			}
		})
	}
}
