package swarms

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/provider"
)

// LogLine is a row of the log together with everything that the provider said
// in it, to be kept.
type LogLine struct {
	LogRow

	// Line is the row as one line of JSON without a line end, the same bytes
	// for the same row however it was printed: members in the order of their
	// names, no white space, strings escaped one way, numbers in the provider's
	// own literals. In place of api_key it has key_id, the key's KeyID; any
	// other member that holds a key, and every occurrence of one that the row or
	// the client names, is "[redacted]". JSON that was printed inside a string
	// (data, in some stores) is JSON here.
	Line []byte
}

// LogLines is Logs for who keeps the rows: each comes with its line. An error
// of yield ends the reading and is returned as it is; Line is the caller's.
func (c *Client) LogLines(ctx context.Context, yield func(LogLine) error) (provider.Receipt, error) {
	return c.log(ctx, true, func(w *rowWire, raw json.RawMessage) error {
		line, err := w.line(raw, c.secret.Reveal())
		if err != nil {
			return err // can't be: it was read as JSON a moment ago
		}
		row, err := ReadLine(line)
		if err != nil {
			return err
		}
		return yield(LogLine{row, line})
	})
}

// ReadLine reads a line that LogLines made.
func ReadLine(line []byte) (LogRow, error) {
	var w struct {
		rowWire
		KeyID string `json:"key_id"`
	}
	if err := json.Unmarshal(line, &w); err != nil {
		return LogRow{}, errors.New("it is no row of the provider's log: " + err.Error())
	}
	w.Key = nil
	r := w.row()
	r.KeyID = w.KeyID
	return r, nil
}

// line is the row to be kept.
func (w *rowWire) line(raw json.RawMessage, own string) ([]byte, error) {
	row, err := decodeAny(raw)
	if err != nil {
		return nil, err
	}
	members, ok := row.(map[string]any)
	if !ok {
		return nil, errNotARun
	}
	if text, ok := members["data"].(string); ok {
		if data, err := decodeAny([]byte(text)); err == nil {
			if _, ok := data.(map[string]any); ok {
				members["data"] = data
			}
		}
	}
	s := scrub{}
	s.know(own)
	s.learn(members)
	s.order()
	key := str(w.Key)
	for name := range members {
		if isCredential(name) {
			delete(members, name)
		}
	}
	members = s.clean(members).(map[string]any)
	members["key_id"] = KeyID(key)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(members); err != nil { // sorts members by name
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decodeAny decodes one JSON value; numbers keep their literals.
func decodeAny(v []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.UseNumber()
	var out any
	if err := dec.Decode(&out); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return out, nil
}

// scrub takes keys out of a decoded value, where no escape can hide them.
type scrub struct{ keys []string }

// know adds a key; see minSecret for what is too short to be one.
func (s *scrub) know(key string) {
	if len(key) >= minSecret {
		s.keys = append(s.keys, key)
	}
}

// learn finds the keys that a value names as such, at any depth.
func (s *scrub) learn(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if text, ok := member.(string); ok && isCredential(name) {
				s.know(text)
				if _, token, ok := strings.Cut(text, " "); ok { // "Bearer sk-..."
					s.know(token)
				}
			}
			s.learn(member)
		}
	case []any:
		for _, e := range v {
			s.learn(e)
		}
	}
}

// order puts longer keys first, so that one that is part of another doesn't
// leave a rest of it, and the same row is the same line every time.
func (s *scrub) order() {
	slices.SortFunc(s.keys, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	s.keys = slices.Compact(s.keys)
}

func (s *scrub) text(v string) string {
	for _, key := range s.keys {
		v = strings.ReplaceAll(v, key, redacted)
	}
	return v
}

// clean is v without keys.
func (s *scrub) clean(v any) any {
	switch v := v.(type) {
	case string:
		return s.text(v)
	case json.Number:
		if text := s.text(string(v)); text != string(v) {
			return text
		}
	case []any:
		for i, e := range v {
			v[i] = s.clean(e)
		}
	case map[string]any:
		for name, member := range v {
			if member = s.clean(member); isCredential(name) {
				member = redacted
			}
			if other := s.text(name); other != name {
				delete(v, name)
				name = other
			}
			v[name] = member
		}
	}
	return v
}
