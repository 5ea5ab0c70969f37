package lake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/snappy"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
)

// record is a row as Parquet has it. Dollars are DECIMAL(18,6) on INT64, which
// is micro-dollars, times are microseconds in UTC, and what the row doesn't say
// is null. No column has the name of a folder (key, day): engines that read
// those as columns would refuse it.
type record struct {
	ID                 *string    `parquet:"id,optional"`
	CreatedAt          *time.Time `parquet:"created_at,timestamp(microsecond)"`
	PacificDay         *string    `parquet:"pacific_day,optional"`
	Category           *string    `parquet:"category,optional"`
	KeyID              *string    `parquet:"key_id,optional"`
	JobID              *string    `parquet:"job_id,optional"`
	SwarmName          *string    `parquet:"swarm_name,optional"`
	RequestID          *string    `parquet:"request_id,optional"`
	SwarmType          *string    `parquet:"swarm_type,optional"`
	Status             *string    `parquet:"status,optional"`
	Agents             *int64     `parquet:"agents,optional"`
	ExecutionSeconds   *float64   `parquet:"execution_seconds,optional"`
	InputTokens        *int64     `parquet:"input_tokens,optional"`
	OutputTokens       *int64     `parquet:"output_tokens,optional"`
	TotalCost          *int64     `parquet:"total_cost,optional,decimal(6:18)"`
	InputCost          *int64     `parquet:"input_cost,optional,decimal(6:18)"`
	OutputCost         *int64     `parquet:"output_cost,optional,decimal(6:18)"`
	AgentCost          *int64     `parquet:"agent_cost,optional,decimal(6:18)"`
	TotalCostText      *string    `parquet:"total_cost_text,optional"`
	NightApplied       *bool      `parquet:"night_applied,optional"`
	DiscountActive     *bool      `parquet:"discount_active,optional"`
	DiscountType       *string    `parquet:"discount_type,optional"`
	DiscountPercentage *string    `parquet:"discount_percentage,optional"`
	Data               *string    `parquet:"data,optional"`
}

// groupBytes is how much is kept until it is written as a group of rows: that
// is what a reader has to hold, too.
const groupBytes = 8 << 20

// table writes rows as Parquet. The same rows make the same bytes.
type table struct {
	out  *parquet.GenericWriter[record]
	held int
}

func newTable(w io.Writer) *table {
	return &table{out: parquet.NewGenericWriter[record](w,
		parquet.Compression(&snappy.Codec{}),
		parquet.DataPageVersion(1),                                    // what every warehouse reads
		parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.Plain), // the library's own choice is newer than some of them
		// The least and greatest of what may be a megabyte of JSON helps no reader,
		// and stood in the header of each page.
		parquet.DataPageStatistics(false), parquet.SkipPageBounds("data"),
		parquet.CreatedBy("offpeak", "1", "log lake"),
	)}
}

func (t *table) add(r record, size int) error {
	if _, err := t.out.Write([]record{r}); err != nil {
		return err
	}
	if t.held += size; t.held < groupBytes {
		return nil
	}
	t.held = 0
	return t.out.Flush()
}

func (t *table) end() error { return t.out.Close() }

// recordOf is what a line says, in columns.
func recordOf(row swarms.LogRow, line []byte, day string) (record, error) {
	var whole struct{ Data json.RawMessage }
	if err := json.Unmarshal(line, &whole); err != nil {
		return record{}, err
	}
	run := row.Run
	r := record{
		ID: given(row.ID), Category: given(row.Category), KeyID: given(row.KeyID), PacificDay: given(day),
		JobID: given(run.JobID), SwarmName: given(run.SwarmName), SwarmType: given(run.SwarmType), Status: given(run.Status),
		Data: given(string(whole.Data)),
	}
	if at := Time(row.CreatedAt); !at.IsZero() {
		r.CreatedAt = &at
	}
	if day == Unknown {
		r.PacificDay = nil
	}
	if id, ok := swarms.TagOf(run.SwarmName); ok {
		r.RequestID = &id
	}
	if run.Agents != 0 {
		r.Agents = &run.Agents
	}
	if s, err := strconv.ParseFloat(run.ExecutionTime, 64); err == nil {
		r.ExecutionSeconds = &s
	}
	if u := run.Usage; u != nil {
		if u.HasTokens {
			r.InputTokens, r.OutputTokens = &u.InputTokens, &u.OutputTokens
		}
		r.TotalCost, r.InputCost, r.OutputCost, r.AgentCost = micros(u.TotalCost), micros(u.InputCost), micros(u.OutputCost), micros(u.AgentCost)
		r.TotalCostText = given(u.TotalCost.Text)
		r.NightApplied, r.DiscountActive = u.NightApplied, u.DiscountActive
		r.DiscountType, r.DiscountPercentage = u.DiscountType, u.DiscountPercentage
	}
	return r, nil
}

func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// micros is null for what isn't known, and for what DECIMAL(18,6) can't hold.
func micros(l money.Literal) *int64 {
	const most = 999_999_999_999_999_999
	if v := int64(l.USD); l.Known && v <= most && v >= -most {
		return &v
	}
	return nil
}

// same reads a Parquet file next to the rows that it should have. The library
// panics on some files that aren't Parquet.
func same(f *os.File, next func() (record, error)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it can't be read: %v", p)
		}
	}()
	in := parquet.NewGenericReader[record](f)
	rows := make([]record, 1)
	for i := 1; ; i++ {
		n, err := in.Read(rows)
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(err, in.Close())
		}
		want, wantErr := next()
		switch {
		case n == 0 && errors.Is(wantErr, io.EOF):
			return in.Close()
		case wantErr != nil && !errors.Is(wantErr, io.EOF):
			return errors.Join(wantErr, in.Close())
		case n == 0 || wantErr != nil:
			return errors.Join(fmt.Errorf("row %d: the two don't have the same number of rows", i), in.Close())
		case !reflect.DeepEqual(utc(rows[0]), want):
			return errors.Join(fmt.Errorf("row %d says something else", i), in.Close())
		}
	}
}

func utc(r record) record {
	if r.CreatedAt != nil {
		at := r.CreatedAt.UTC()
		r.CreatedAt = &at
	}
	return r
}
