package ledgertest

import (
	"database/sql"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Ask reads an answer as text: times as RFC 3339 in UTC.
func Ask(db *sql.DB, question string) ([][]string, error) {
	rows, err := db.Query(question)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out [][]string
	for rows.Next() {
		values := make([]any, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		line := make([]string, len(names))
		for i, v := range values {
			switch v := v.(type) {
			case nil:
				line[i] = "NULL"
			case []byte:
				line[i] = string(v)
			case time.Time:
				line[i] = v.UTC().Format(time.RFC3339Nano)
			default:
				line[i] = fmt.Sprint(v)
			}
		}
		out = append(out, line)
	}
	return out, rows.Err()
}

// warehouse: the views say what the ledger says, to the micro-dollar, and days
// are Pacific ones, on both sides of every change of the clocks.
func warehouse(t *testing.T, r *room) {
	l := r.open(t)
	span, err := tariff.SwarmsWindow().Next(r.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	zone := span.Location()
	var ends []time.Time
	for _, day := range []time.Time{ // midnights, and both changes of three years
		time.Date(2026, 1, 1, 0, 0, 0, 0, zone), time.Date(2026, 3, 8, 2, 0, 0, 0, zone), time.Date(2026, 7, 5, 0, 0, 0, 0, zone),
		time.Date(2026, 11, 1, 1, 0, 0, 0, zone), time.Date(2026, 12, 31, 16, 0, 0, 0, zone), time.Date(2027, 3, 14, 0, 0, 0, 0, zone),
		time.Date(2027, 3, 15, 0, 0, 0, 0, zone), time.Date(2027, 11, 7, 0, 0, 0, 0, zone), time.Date(2027, 11, 8, 0, 0, 0, 0, zone),
		time.Date(2032, 3, 14, 0, 0, 0, 0, zone), time.Date(2032, 3, 15, 0, 0, 0, 0, zone), time.Date(2032, 11, 8, 0, 0, 0, 0, zone),
	} {
		ends = append(ends, day.Add(-time.Hour), day.Add(-time.Microsecond), day, day.Add(time.Hour+time.Microsecond))
	}
	d := r.plan(t, l, len(ends)+3)
	type bill struct {
		billed money.USD
		day    string
		ended  time.Time
	}
	want := map[string]bill{}
	days := map[string]money.USD{}
	for seq, ended := range ends {
		charge := chargeOf(money.USD(97_250 + 7*seq))
		charge.EndedAt = ended
		if seq == 1 { // paid more than by day: the saving is negative
			charge.DayPrice = 3
		}
		c := d.closing(seq, d.send(seq))
		_, err := d.Settle(d.ctx, c, charge, "x")
		d.ok(err)
		day := ended.In(zone).Format(time.DateOnly)
		want[d.job(seq).RequestID] = bill{charge.Total, day, ended}
		days[day] += charge.Total
	}
	d.into(len(ends), batch.Rejected)
	d.into(len(ends)+1, batch.Parked)
	d.into(len(ends)+2, batch.Unknown)
	d.ok(l.Judged(d.ctx, d.id, []byte(`{"state":"failed","audit":{"passed":false,"findings":[]},"discount":{"landed":47,"missed":1}}`)))
	totals := d.totals()
	ask := func(question string) [][]string {
		t.Helper()
		rows, err := r.place.Ask(question)
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		return rows
	}
	micros := func(v money.USD) string { return strconv.FormatInt(int64(v), 10) }
	six := money.USD.String

	rows := ask("SELECT request_id, billed, billed_micros, saved, saved_micros, pacific_day, ended_at, models FROM warehouse_charges")
	if len(rows) != len(ends) {
		t.Fatalf("%d charges, want %d", len(rows), len(ends))
	}
	var sum money.USD
	for _, row := range rows {
		w := want[row[0]]
		at, err := time.Parse(time.RFC3339Nano, row[6])
		if err != nil || !at.Equal(w.ended) {
			t.Errorf("ended at %s, want %s: %v", row[6], w.ended, err)
		}
		if row[1] != six(w.billed) || row[2] != micros(w.billed) || row[5][:10] != w.day {
			t.Errorf("%v, want %s on %s", row, six(w.billed), w.day)
		}
		saved, err := strconv.ParseInt(row[4], 10, 64)
		if err != nil || row[3] != six(money.USD(saved)) {
			t.Errorf("saved %s, and %s micro-dollars", row[3], row[4])
		}
		if row[7] != "gpt-4o-mini, gpt-4o" {
			t.Errorf("models %q", row[7])
		}
		v, err := strconv.ParseInt(row[2], 10, 64)
		d.ok(err)
		sum += money.USD(v)
	}
	if sum != totals.Charged {
		t.Errorf("charges add up to %s, the ledger says %s", sum.Dollars(), totals.Charged.Dollars())
	}
	for _, view := range []string{"warehouse_jobs", "warehouse_attempts", "warehouse_nights", "warehouse_keys"} {
		if got := ask("SELECT CAST(SUM(billed_micros) AS BIGINT) FROM " + view)[0][0]; got != micros(totals.Charged) {
			t.Errorf("%s adds up to %s micro-dollars, the ledger says %s", view, got, micros(totals.Charged))
		}
	}
	night := ask("SELECT batch, batch_name, jobs, succeeded, rejected, parked, unknown, billed, saved, state, audit_passed, missed, held FROM warehouse_nights")[0]
	d.same(night[:9], []string{
		string(d.id), string(d.id.Name()), strconv.Itoa(len(ends) + 3), strconv.Itoa(len(ends)), "1", "1", "1",
		six(totals.Charged), six(totals.DayPrice - totals.Charged),
	}, "the night")
	if p := night[10]; night[9] != "failed" || (p != "false" && p != "0") || night[11] != "1" || night[12] != six(totals.Held) {
		t.Errorf("the night's judgement: %v, held %s", night[9:], totals.Held)
	}
	keys := ask("SELECT pacific_day, billed_micros FROM warehouse_keys")
	for _, k := range keys {
		if day := k[0][:10]; k[1] != micros(days[day]) {
			t.Errorf("%s: %s micro-dollars, want %s", day, k[1], micros(days[day]))
		}
	}
	if len(keys) != len(days) {
		t.Errorf("%d days, want %d", len(keys), len(days))
	}
	endings := ask("SELECT ending, COUNT(*) FROM warehouse_attempts GROUP BY ending ORDER BY ending")
	d.same(endings, [][]string{{string(ledger.EndedAnswered), strconv.Itoa(len(ends))}, {"rejected", "1"}, {"unknown", "1"}}, "attempts by ending")
	if states := ask("SELECT state, COUNT(*) FROM warehouse_jobs GROUP BY state ORDER BY state"); len(states) != 4 {
		t.Errorf("jobs by state: %v", states)
	}
	if left := ask("SELECT * FROM warehouse_purges"); len(left) != 0 {
		t.Errorf("deleted: %v", left)
	}
}
