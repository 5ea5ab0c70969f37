package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/offpeak/offpeak/ledger"
)

// JSON writes the report as one indented object. It parses to exactly the
// names that were given; characters that a terminal would act on are written
// as \u escapes, so that showing the file is safe too.
func JSON(w io.Writer, m Morning) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return fmt.Errorf("write report of %s as JSON: %w", m.Batch, err)
	}
	return tame(w, b.Bytes())
}

// tame writes JSON with what a terminal would act on, and what isn't UTF-8, as
// escapes: both stand only inside of strings. The value stays the same.
func tame(w io.Writer, b []byte) error {
	done := 0
	for i := 0; i < len(b); {
		if b[i] < 0x7f { // below a space encoding/json has escaped all but its own line ends
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		var escaped string
		// Above the first plane nothing of these kinds but tags is in use.
		switch {
		case r == utf8.RuneError && size == 1:
			escaped = `\ufffd`
		case r < 0x10000 && unicode.In(r, unicode.Cc, unicode.Cf):
			escaped = fmt.Sprintf(`\u%04x`, r)
		case r >= 0x10000 && unicode.Is(unicode.Cf, r):
			escaped = fmt.Sprintf(`\u%04x\u%04x`, (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00)
		}
		if escaped != "" {
			if _, err := w.Write(b[done:i]); err != nil {
				return err
			}
			if _, err := io.WriteString(w, escaped); err != nil {
				return err
			}
			done = i + size
		}
		i += size
	}
	_, err := w.Write(b[done:])
	return err
}

// Row is one job for a spreadsheet.
type Row struct {
	Job      ledger.Job
	Charge   *ledger.Charge // nil when there is none
	Discount string         // "landed", "missed" or "unproven"; "" without a charge
}

var columnNames = []string{
	"request_id", "name", "state", "billed", "day_price", "saved", "input_tokens", "output_tokens", "agents",
	"discount", "source", "requests", "sent_at", "ended_at", "why",
}

// CSV writes a row for each job as it comes, beneath a row of names. Dollars
// have six decimals and no sign, times are UTC. It stops at the first error of
// rows and returns it.
func CSV(w io.Writer, rows iter.Seq2[Row, error]) error {
	out := csv.NewWriter(w)
	if err := out.Write(columnNames); err != nil {
		return err
	}
	for r, err := range rows {
		if err != nil {
			return err
		}
		if err := out.Write(r.cells()); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func (r Row) cells() []string {
	cells := []string{Cell(r.Job.RequestID), Cell(r.Job.Name), Cell(string(r.Job.State)), "", "", "", "", "", "", Cell(r.Discount), "", strconv.Itoa(r.Job.Attempts), "", "", Cell(r.Job.Why)}
	c := r.Charge
	if c == nil {
		return cells
	}
	cells[3], cells[4], cells[5] = c.Total.String(), c.DayPrice.String(), (c.DayPrice - c.Total).String()
	if c.HasTokens {
		cells[6], cells[7] = strconv.FormatInt(c.InputTokens, 10), strconv.FormatInt(c.OutputTokens, 10)
	}
	cells[8], cells[10] = strconv.FormatInt(c.Agents, 10), Cell(string(c.Source))
	cells[12], cells[13] = stamp(c.SentAt), stamp(c.EndedAt)
	return cells
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// formula are the first characters by which a spreadsheet takes a cell for a
// formula, in their full-width forms too.
const formula = "=+-@\uff1d\uff0b\uff0d\uff20"

// Cell is text for a spreadsheet: on one line, and quoted by an apostrophe
// when it would be run as a formula otherwise.
func Cell(s string) string {
	s = plain(s)
	if t := strings.TrimSpace(s); t != "" && strings.ContainsRune(formula, []rune(t)[0]) {
		return "'" + s
	}
	return s
}
