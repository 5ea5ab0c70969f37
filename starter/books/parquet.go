package books

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/snappy"

	"github.com/offpeak/offpeak/money"
)

// record is a row as Parquet has it: dollars are DECIMAL(18,6) on INT64, which
// is micro-dollars, times are microseconds in UTC, and what isn't there is null.
type record struct {
	RequestID          string     `parquet:"request_id"`
	Batch              string     `parquet:"batch"`
	Night              time.Time  `parquet:"night,date"`
	Job                string     `parquet:"job"`
	State              string     `parquet:"state"`
	Attempt            int64      `parquet:"attempt"`
	ProviderJobID      *string    `parquet:"provider_job_id,optional"`
	Billed             *int64     `parquet:"billed,optional,decimal(6:18)"`
	DayPrice           *int64     `parquet:"day_price,optional,decimal(6:18)"`
	Saved              *int64     `parquet:"saved,optional,decimal(6:18)"`
	InputCost          *int64     `parquet:"input_cost,optional,decimal(6:18)"`
	OutputCost         *int64     `parquet:"output_cost,optional,decimal(6:18)"`
	AgentCost          *int64     `parquet:"agent_cost,optional,decimal(6:18)"`
	InputTokens        *int64     `parquet:"input_tokens,optional"`
	OutputTokens       *int64     `parquet:"output_tokens,optional"`
	Agents             *int64     `parquet:"agents,optional"`
	NightApplied       *string    `parquet:"night_applied,optional"`
	DiscountActive     *string    `parquet:"discount_active,optional"`
	DiscountType       *string    `parquet:"discount_type,optional"`
	DiscountPercentage *string    `parquet:"discount_percentage,optional"`
	Source             *string    `parquet:"source,optional"`
	SentAt             *time.Time `parquet:"sent_at,timestamp(microsecond)"`
	EndedAt            *time.Time `parquet:"ended_at,timestamp(microsecond)"`
	Hash               *string    `parquet:"hash,optional"`
}

// groupRows is how many rows are kept until they are written: a group of rows
// is written at once.
const groupRows = 5000

type sheetParquet struct {
	out  *parquet.GenericWriter[record]
	rows []record // a few, so that not each is written by itself
}

func newParquet(f *os.File) sheet {
	return &sheetParquet{out: parquet.NewGenericWriter[record](f,
		parquet.MaxRowsPerRowGroup(groupRows), parquet.Compression(&snappy.Codec{}),
		parquet.DataPageVersion(1), // what every warehouse reads
	)}
}

func (s *sheetParquet) add(r row) error {
	if s.rows = append(s.rows, toRecord(r)); len(s.rows) < 100 {
		return nil
	}
	return s.flush()
}

func (s *sheetParquet) flush() error {
	_, err := s.out.Write(s.rows)
	s.rows = s.rows[:0]
	return err
}

func (s *sheetParquet) end() error { return errors.Join(s.flush(), s.out.Close()) }

func toRecord(r row) record {
	input, output, agent := r.parts()
	in, out := r.tokens()
	applied, active, kind, percentage := r.discount()
	night, _ := time.Parse(time.DateOnly, string(r.job.Batch.Night())) // a batch id is checked before it enters the books
	return record{
		RequestID: r.job.RequestID, Batch: string(r.job.Batch), Night: night, Job: r.job.Name, State: string(r.job.State), Attempt: int64(r.attempt()),
		ProviderJobID: given(r.charge.JobID),
		Billed:        micros(r.billed()), DayPrice: micros(r.dayPrice()), Saved: micros(r.saved()),
		InputCost: micros(input), OutputCost: micros(output), AgentCost: micros(agent),
		InputTokens: in, OutputTokens: out, Agents: r.agents(),
		NightApplied: applied, DiscountActive: active, DiscountType: kind, DiscountPercentage: percentage,
		Source: given(string(r.charge.Source)), SentAt: r.sentAt(), EndedAt: r.endedAt(), Hash: given(r.charge.Hash),
	}
}

func given(s string) *string { return when(s != "", s) }

func micros(u *money.USD) *int64 { return (*int64)(u) }

// readParquet hands over the prices of each row.
func readParquet(f *os.File, yield func(billed, day *money.USD) error) error {
	in := parquet.NewGenericReader[record](f)
	rows := make([]record, 100)
	for {
		n, err := in.Read(rows)
		for _, r := range rows[:n] {
			if err := yield((*money.USD)(r.Billed), (*money.USD)(r.DayPrice)); err != nil {
				return errors.Join(err, in.Close())
			}
		}
		if errors.Is(err, io.EOF) {
			return in.Close()
		}
		if err != nil {
			return errors.Join(err, in.Close())
		}
	}
}
