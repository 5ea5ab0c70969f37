package swarms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
)

// maxRow bounds one row of the log, and every other single value in it.
const maxRow = 32 << 20

// Logs reads the provider's log, which has neither pages nor filters: every
// call brings all of it. Rows are handed to yield one by one as they arrive,
// in the provider's order; memory doesn't grow with the log. An error of yield
// ends the reading and is returned as it is.
//
// Only a nil error means that the log was read to its end, and only then may a
// run's absence be taken for anything. A log that is cut short, has a row
// above 32 MiB or a row that is no object, or isn't one that says success, is
// OutOfReach.
func (c *Client) Logs(ctx context.Context, yield func(LogRow) error) (provider.Receipt, error) {
	return c.log(ctx, false, func(w *rowWire, _ json.RawMessage) error {
		r := w.row()
		r.Run = withoutKey(c.secret, r.Run)
		r.ID, r.Category, r.CreatedAt = c.secret.Line(r.ID), c.secret.Line(r.Category), c.secret.Line(r.CreatedAt)
		return yield(r)
	})
}

// log reads the log and hands over each row, decoded and, where raw is wanted,
// as it came, which is good until the function returns.
func (c *Client) log(ctx context.Context, raw bool, row func(w *rowWire, raw json.RawMessage) error) (provider.Receipt, error) {
	x, err := c.send(ctx, ask{method: http.MethodGet, path: PathLogs})
	if err != nil {
		return x.rec, err
	}
	if !is2xx(x.resp.StatusCode) {
		err = x.refused() // completes the receipt
		return x.rec, err
	}
	var ours error
	err = readLog(x.body(), c.maxRow, raw, func(w *rowWire, raw json.RawMessage) error {
		ours = row(w, raw)
		return ours
	})
	switch {
	case ours != nil:
		x.close(true)
		return x.rec, ours
	case err != nil:
		detail := x.whyBroken(err)
		x.close(true)
		return x.rec, x.unreadable(detail)
	}
	x.close(x.rec.Status == http.StatusPartialContent)
	if x.rec.Truncated {
		return x.rec, x.unreadable("the answer is a part of something that wasn't asked for in parts")
	}
	return x.rec, nil
}

// budget is a reader that gives at most allowed bytes in all. It bounds what
// the JSON reader buffers for a single value: the reader asks for more only
// while a value is incomplete.
type budget struct {
	r       io.Reader
	given   int64
	allowed int64
}

var errRowTooLarge = errors.New("a value of the log is larger than the limit of one")

func (b *budget) Read(p []byte) (int, error) {
	left := b.allowed - b.given
	if left <= 0 {
		return 0, errRowTooLarge
	}
	n, err := b.r.Read(p[:min(int64(len(p)), left)])
	b.given += int64(n)
	return n, err
}

// logReader walks the answer value by value.
type logReader struct {
	in    budget
	dec   *json.Decoder
	max   int64 // bytes of one value
	raw   bool
	row   json.RawMessage // the last one as it came, where that is wanted; the next one takes its memory
	yield func(*rowWire, json.RawMessage) error
}

func readLog(r io.Reader, most int64, raw bool, yield func(*rowWire, json.RawMessage) error) error {
	l := &logReader{in: budget{r: r}, max: most, raw: raw, yield: yield}
	l.dec = json.NewDecoder(&l.in)
	return unexpectedEOF(l.document())
}

// unexpectedEOF: the document has its own end, so the body's end before it is
// a cut.
func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// grant allows one value's worth of bytes from where the decoder is.
func (l *logReader) grant() { l.in.allowed = l.dec.InputOffset() + l.max }

func (l *logReader) token() (json.Token, error) {
	l.grant()
	return l.dec.Token()
}

func (l *logReader) value(v any) error {
	l.grant()
	return l.dec.Decode(v)
}

// more needs a grant of its own: it reads over white space, and what it can't
// read looks like the end of the list to it. The bracket that must come next
// tells.
func (l *logReader) more() bool {
	l.grant()
	return l.dec.More()
}

func (l *logReader) bracket(want json.Delim, otherwise string) error {
	tok, err := l.token()
	if err == nil && tok != want {
		err = errors.New(otherwise)
	}
	return err
}

func (l *logReader) document() error {
	if err := l.bracket('{', "the log is no JSON object"); err != nil {
		return err
	}
	rows := false
	for l.more() {
		name, err := l.token()
		if err != nil {
			return err
		}
		switch name {
		case "logs":
			rows = true
			err = l.rows()
		case "status":
			err = l.status()
		default:
			var other json.RawMessage
			if err = l.value(&other); err == nil && (name == "detail" || name == "error") {
				if msg := say(other); msg != "" {
					err = errors.New("status 200 with an error: " + msg)
				}
			}
		}
		if err != nil {
			return err
		}
	}
	if err := l.bracket('}', "the log doesn't end where it should"); err != nil {
		return err
	}
	if !rows {
		return errors.New("the answer has no logs")
	}
	switch _, err := l.token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return errors.New("the log has something behind its end")
}

func (l *logReader) status() error {
	var v json.RawMessage
	if err := l.value(&v); err != nil {
		return err
	}
	if s := str(v); s != "" && !strings.EqualFold(s, "success") && !strings.EqualFold(s, "ok") {
		return fmt.Errorf("the log's status is %s; success was expected", shown(v))
	}
	return nil
}

func (l *logReader) rows() error {
	if err := l.bracket('[', "logs is no list"); err != nil {
		return err
	}
	for l.more() {
		w, err := l.next()
		if err != nil {
			return err
		}
		if w == nil {
			return errors.New("a row of the log is null; an object was expected")
		}
		if err := l.yield(w, l.row); err != nil {
			return err
		}
	}
	return l.bracket(']', "the list of logs doesn't end where it should")
}

// next is the next row; nil after a null, which must not pass as an empty row.
func (l *logReader) next() (w *rowWire, err error) {
	if !l.raw {
		err = l.value(&w)
		return w, err
	}
	if err := l.value(&l.row); err != nil {
		return nil, err
	}
	err = json.Unmarshal(l.row, &w)
	return w, err
}

// rowWire is a row as printed; Key never leaves it.
type rowWire struct {
	ID        json.RawMessage `json:"id"`
	CreatedAt json.RawMessage `json:"created_at"`
	Category  json.RawMessage `json:"category"`
	Key       json.RawMessage `json:"api_key"`
	Data      json.RawMessage `json:"data"`
}

func (w *rowWire) row() LogRow {
	r := LogRow{ID: str(w.ID), CreatedAt: str(w.CreatedAt), Category: str(w.Category), KeyID: KeyID(str(w.Key))}
	if n, ok := number(w.ID); ok && r.ID == "" {
		r.ID = n
	}
	data := w.Data
	if s := str(data); s != "" { // JSON in a string, as some stores print a JSON column
		data = json.RawMessage(s)
	}
	key := wire.NewSecret(str(w.Key))
	run, err := decodeCompletion(key.Raw(dropCredentials(data)))
	if err != nil {
		// The row stays, its run says nothing: telemetry, or a shape unknown to us.
		run.OK = false
	}
	r.Run = withoutKey(key, run)
	return r
}
