package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// MonthSchema names the shape of a Month as JSON.
const MonthSchema = "offpeak/month/v1"

// Month is what the nights of a calendar month came to, and what they come to
// in a year if they go on like that.
type Month struct {
	Schema string       `json:"schema"`
	Month  string       `json:"month"` // "2026-11": of the date on which a night opens
	Nights []MonthNight `json:"nights"`
	Sum    MonthSum     `json:"sum"`

	// A month of 30 nights such as the mean of those that had jobs, and twelve of
	// them, as the night-mode guide reckons it. Zero while there was none.
	In30   MonthSum `json:"in_30_nights"`
	InYear MonthSum `json:"in_12_such_months"`

	// What ran on the same keys and not from these books, as far as the
	// comparisons with the provider's log saw it, and the most that moving it into
	// the night could save: half of it, if all of it were tokens at the day price.
	Elsewhere     money.USD `json:"elsewhere"`
	ElsewhereRuns int       `json:"elsewhere_runs"`
	ByMoving      money.USD `json:"saved_by_moving_at_most"`
	// What of our own paid the day price: what landing it would have saved.
	Missed     int       `json:"missed"`
	MissedLost money.USD `json:"missed_dollars"`
}

// MonthNight is one night of it, over all batches.
type MonthNight struct {
	Night   tariff.Night `json:"night"`
	Batches int          `json:"batches"`
	MonthSum
}

// MonthSum is money, with what it was paid for.
type MonthSum struct {
	Jobs     int       `json:"jobs"` // that succeeded
	DayPrice money.USD `json:"day_price"`
	Billed   money.USD `json:"billed"`
	Saved    money.USD `json:"saved"`
	Percent  string    `json:"saved_percent"` // of the day price, one decimal; "" of nothing
}

// NewMonth adds up nights, which come in any order. off is by how much the
// night's tokens are cheaper, half by Swarms' card.
func NewMonth(month string, nights []MonthNight, elsewhere money.USD, runs, missed int, lost money.USD, off money.Ratio) Month {
	m := Month{
		Schema: MonthSchema, Month: month, Nights: []MonthNight{}, Elsewhere: elsewhere, ElsewhereRuns: runs,
		ByMoving: part(elsewhere, int64(off), int64(money.One)), Missed: missed, MissedLost: lost,
	}
	busy := 0
	for _, n := range nights {
		n.finish()
		m.Nights = append(m.Nights, n)
		m.Sum.Jobs += n.Jobs
		m.Sum.DayPrice += n.DayPrice
		m.Sum.Billed += n.Billed
		if n.Billed > 0 {
			busy++
		}
	}
	m.Sum.finish()
	if busy > 0 {
		m.In30 = m.Sum.scaled(30, busy)
		m.InYear = m.Sum.scaled(360, busy)
	}
	return m
}

func (s *MonthSum) finish() {
	s.Saved = s.DayPrice - s.Billed
	s.Percent = Percent(s.Saved, s.DayPrice)
}

// scaled is n / of of it, to the nearest micro-dollar.
func (s MonthSum) scaled(n, of int) MonthSum {
	out := MonthSum{
		Jobs:     int(int64(s.Jobs) * int64(n) / int64(of)),
		DayPrice: part(s.DayPrice, int64(n), int64(of)), Billed: part(s.Billed, int64(n), int64(of)),
	}
	out.finish()
	return out
}

// MonthText writes it for a terminal of 80 columns.
func MonthText(w io.Writer, m Month) error {
	p := &page{}
	p.line("%s: %s, paid %s, saved %s%s", m.Month, count(len(m.Nights), "night"), m.Sum.Billed.Dollars(), m.Sum.Saved.Dollars(), share(m.Sum))
	if len(m.Nights) > 0 {
		p.line("")
		p.line("  %-10s  %7s  %14s  %14s  %14s  %6s", "night", "jobs", "by day", "paid", "saved", "%")
		for _, n := range m.Nights {
			p.row(string(n.Night), n.MonthSum)
		}
		p.line("  %s", strings.Repeat("-", 74))
		p.row("in all", m.Sum)
	}
	if m.In30.DayPrice > 0 {
		p.head("GOING ON LIKE THIS")
		p.row("30 nights", m.In30)
		p.row("12 months", m.InYear)
		p.wrap("  ", "  ", "A month of 30 nights such as the mean of those that had jobs, and twelve of them.")
	}
	if m.Missed > 0 {
		p.head("MISSED")
		p.wrap("  ", "  ", fmt.Sprintf("%s paid the day price: %s more than by night.", count(m.Missed, "charge"), m.MissedLost.Dollars()))
	}
	if m.ElsewhereRuns > 0 {
		p.head("NOT MOVED YET")
		p.wrap("  ", "  ", fmt.Sprintf("%s on the same keys, %s, didn't come from these books. What of it ran by day would save at most %s by night.",
			count(m.ElsewhereRuns, "run"), m.Elsewhere.Dollars(), m.ByMoving.Dollars()))
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func share(s MonthSum) string {
	if s.Percent == "" {
		return ""
	}
	return " (" + s.Percent + " %)"
}

func (p *page) row(name string, s MonthSum) {
	row := fmt.Sprintf("  %-10s  %7s  %14s  %14s  %14s  %6s", name, grouped(s.Jobs), s.DayPrice.Dollars(), s.Billed.Dollars(), s.Saved.Dollars(), s.Percent)
	p.line("%s", strings.TrimRight(row, " "))
}
