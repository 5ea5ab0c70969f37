package notify

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// What Slack takes: 150 characters of a header, 3,000 of a section, ten fields.
// https://docs.slack.dev/reference/block-kit/blocks
const (
	slackHeader  = 150
	slackSection = 2900
)

// slackURL says whether an address is that of an incoming webhook of Slack's.
// Other addresses with slack:// are the library's.
func slackURL(u *url.URL) bool {
	switch u.Scheme {
	case "https":
		return u.Hostname() == "hooks.slack.com" || u.Hostname() == "hooks.slack-gov.com"
	case "slack":
		return strings.HasPrefix(u.Path, "/services/") || strings.HasPrefix(u.Path, "/triggers/")
	}
	return false
}

// slack is an incoming webhook.
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
func (s *Sink) slack(u *url.URL, o Options) error {
	if err := only(u); err != nil {
		return err
	}
	if u.Hostname() == "" {
		return errors.New("it has no host")
	}
	address := *u
	if u.Scheme == "slack" {
		if address.Scheme = "https"; loopback(u.Hostname()) {
			address.Scheme = "http"
		}
	}
	s.Place = "slack " + u.Host
	c := client(o.Transport)
	s.send = func(ctx context.Context, n Note) error {
		body, err := json.Marshal(slackMessage(n))
		if err != nil {
			return refused(0, err.Error(), "")
		}
		return post(ctx, c, address.String(), nil, body)
	}
	return nil
}

type (
	slackText struct {
		Type  string `json:"type"`
		Text  string `json:"text"`
		Emoji *bool  `json:"emoji,omitempty"`
	}
	slackBlock struct {
		Type     string      `json:"type"`
		Text     *slackText  `json:"text,omitempty"`
		Fields   []slackText `json:"fields,omitempty"`
		Elements []slackText `json:"elements,omitempty"`
	}
	slackAttachment struct {
		Color    string       `json:"color"`
		Fallback string       `json:"fallback"`
		Blocks   []slackBlock `json:"blocks"`
	}
	slackBody struct {
		Text        string            `json:"text"` // in notifications of a phone
		Attachments []slackAttachment `json:"attachments"`
	}
)

// slackMessage is a note in blocks, with a bar in the colour of its severity.
// All text is plain: no name of a job becomes a mention, a link or bold.
func slackMessage(n Note) slackBody {
	a := n.Alert
	blocks := []slackBlock{{Type: "header", Text: slackPlain(headline(n), slackHeader)}}
	if l := fit(lines(a), "\u2022 ", slackSection); l != "" {
		blocks = append(blocks, slackBlock{Type: "section", Text: slackPlain(strings.TrimRight(l, "\n"), slackSection)})
	}
	if r := line(a.Remedy); r != "" {
		blocks = append(blocks, slackBlock{Type: "section", Text: slackPlain("Do: "+r, slackSection)})
	}
	context := slackBlock{Type: "context"}
	for _, f := range facts(n) {
		context.Elements = append(context.Elements, *slackPlain(f.name+": "+f.value, 200))
	}
	if l := link(a); l != "" && !strings.ContainsAny(l, "<>|") {
		context.Elements = append(context.Elements, slackText{Type: "mrkdwn", Text: "<" + slackEscape(l) + "|Look at it>"})
	}
	if len(context.Elements) > 0 {
		blocks = append(blocks, context)
	}
	short := slackEscape(clip(headline(n), 300))
	return slackBody{Text: short, Attachments: []slackAttachment{{Color: colour(n), Fallback: short, Blocks: blocks}}}
}

func slackPlain(s string, most int) *slackText {
	no := false // ":name:" stays as it is
	s = slackEscape(clip(s, most))
	for over := length(s) - most; over > 0; over = length(s) - most { // what was escaped is longer
		cut := []rune(s)[:most-3]
		s = string(cut)
		if i := strings.LastIndexByte(s, '&'); i >= len(s)-5 && i >= 0 {
			s = s[:i] // no half of an entity
		}
		s += "..."
	}
	return &slackText{Type: "plain_text", Text: s, Emoji: &no}
}

// slackEscape writes the three characters that mean something.
// https://docs.slack.dev/messaging/formatting-message-text#escaping
func slackEscape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// colour is red, orange, blue, or green for what is over.
func colour(n Note) string {
	switch {
	case n.Occasion == batch.IsOver:
		return "#2e7d32"
	case n.Alert.Severity == batch.Critical:
		return "#c62828"
	case n.Alert.Severity == batch.Warning:
		return "#ef6c00"
	}
	return "#1565c0"
}
