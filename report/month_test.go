package report_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/report"
)

// The night-mode guide's team: 1,000 jobs a night with 5 agents, 6,000 and
// 3,000 tokens, for 30 nights. Its figures are $4,335.00 by day, $2,917.50 by
// night, $1,417.50 saved a month and $17,010 a year.
func TestTheGuidesMonth(t *testing.T) {
	night := report.MonthNight{Night: "2026-11-02", Batches: 1, MonthSum: report.MonthSum{Jobs: 1000, DayPrice: 144_500 * 1000, Billed: 97_250 * 1000}}
	m := report.NewMonth("2026-11", []report.MonthNight{night}, 0, 0, 0, 0, money.One/2)
	if m.In30.DayPrice != 4335*money.Dollar || m.In30.Billed != 2917*money.Dollar+50*money.Cent || m.In30.Saved != 1417*money.Dollar+50*money.Cent || m.In30.Percent != "32.7" {
		t.Errorf("in 30 nights: %+v", m.In30)
	}
	if m.InYear.Saved != 17_010*money.Dollar || m.InYear.Jobs != 360_000 {
		t.Errorf("in a year: %+v", m.InYear)
	}
}

func TestMonthGolden(t *testing.T) {
	nights := []report.MonthNight{
		{Night: "2026-11-01", Batches: 2, MonthSum: report.MonthSum{Jobs: 1800, DayPrice: 260_100_000, Billed: 175_050_000}},
		{Night: "2026-11-02", Batches: 1, MonthSum: report.MonthSum{}},
		{Night: "2026-11-03", Batches: 1, MonthSum: report.MonthSum{Jobs: 999, DayPrice: 144_355_500, Billed: 97_200_001}},
	}
	for name, m := range map[string]report.Month{
		"month":       report.NewMonth("2026-11", nights, 12_340_001, 71, 2, 94_500, money.One/2),
		"month-empty": report.NewMonth("2026-12", nil, 0, 0, 0, 0, money.One/2),
	} {
		var b bytes.Buffer
		if err := report.MonthText(&b, m); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("testdata", name+".txt"), b.Bytes())
	}
}
