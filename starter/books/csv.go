package books

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/report"
)

// columns are the table's, in order, in every kind of file.
var columns = []string{
	"request_id", "batch", "night", "job", "state", "attempt", "provider_job_id",
	"billed", "day_price", "saved", "input_cost", "output_cost", "agent_cost",
	"input_tokens", "output_tokens", "agents",
	"night_applied", "discount_active", "discount_type", "discount_percentage",
	"source", "sent_at", "ended_at", "hash",
}

// sheetCSV has a line of names, dollars with six decimals and no sign, times in
// UTC, and an empty cell for what isn't there. What came from elsewhere is on
// one line and can't be run as a formula.
type sheetCSV struct{ out *csv.Writer }

func newCSV(f *os.File) sheet {
	s := sheetCSV{csv.NewWriter(f)}
	_ = s.out.Write(columns) // kept by the writer, and said at the end
	return s
}

func (s sheetCSV) end() error {
	s.out.Flush()
	return s.out.Error()
}

func (s sheetCSV) add(r row) error {
	input, output, agent := r.parts()
	in, out := r.tokens()
	applied, active, kind, percentage := r.discount()
	return s.out.Write([]string{
		report.Cell(r.job.RequestID), report.Cell(string(r.job.Batch)), string(r.job.Batch.Night()), report.Cell(r.job.Name),
		string(r.job.State), strconv.Itoa(r.attempt()), report.Cell(r.charge.JobID),
		dollars(r.billed()), dollars(r.dayPrice()), dollars(r.saved()), dollars(input), dollars(output), dollars(agent),
		number(in), number(out), number(r.agents()),
		text(applied), text(active), text(kind), text(percentage),
		string(r.charge.Source), stamp(r.sentAt()), stamp(r.endedAt()), r.charge.Hash,
	})
}

func dollars(u *money.USD) string {
	if u == nil {
		return ""
	}
	return u.String()
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return report.Cell(*s)
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// readCSV hands over the prices of each row.
func readCSV(f *os.File, yield func(billed, day *money.USD) error) error {
	in := csv.NewReader(f)
	in.ReuseRecord = true
	names, err := in.Read()
	if err != nil {
		return err
	}
	if !slices.Equal(names, columns) {
		return fmt.Errorf("its columns are %q", names)
	}
	billedAt, dayAt := slices.Index(columns, "billed"), slices.Index(columns, "day_price")
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		billed, err := price(cells[billedAt])
		if err != nil {
			return err
		}
		day, err := price(cells[dayAt])
		if err != nil {
			return err
		}
		if err := yield(billed, day); err != nil {
			return err
		}
	}
}

func price(s string) (*money.USD, error) {
	if s == "" {
		return nil, nil // an empty cell
	}
	u, err := money.Parse(s)
	return &u, err
}
