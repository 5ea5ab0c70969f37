package lake

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider/swarms"
)

// TestExport: days that are over are there, each row once, with sums; a second
// export has nothing to do; no key is anywhere.
func TestExport(t *testing.T) {
	w := newWorld(t, threeDays()...)
	first := w.export()
	if first.Read != 60 || first.Rows != 47 || first.Waiting != 13 || first.Parts != 4 || first.From != "" || first.To != "2026-11-22" || first.Dollars != 47*67_250+46*47/2 {
		t.Errorf("%+v", first)
	}
	ours, other := swarms.KeyID(ourKey), swarms.KeyID(otherKey)
	kept := w.kept()
	for at, want := range map[string]string{
		ours + "/2026-11-21":  "2 3 5 6 8 9 11 12 14 15 17 18 20 21 23",
		other + "/2026-11-21": "1 4 7 10 13 16 19 22",
		ours + "/2026-11-22":  "24 26 27 29 30 32 33 35 36 38 39 41 42 44 45 47",
		other + "/2026-11-22": "25 28 31 34 37 40 43 46",
	} {
		if got := strings.Join(kept[at], " "); got != want {
			t.Errorf("%s has %s, want %s", at, got, want)
		}
	}
	before := files(t, w.dir)
	for name, content := range before {
		if strings.Contains(string(content), "sk-test") {
			t.Errorf("%s has a key in it", name)
		}
	}
	if again := w.export(); again.Rows != 0 || again.Parts != 0 || len(again.Days) != 0 {
		t.Errorf("a second export: %+v", again)
	}
	sameFiles(t, "a second export", files(t, w.dir), before)

	// The provider's order means nothing.
	for seed := range uint64(3) {
		v := newWorld(t, shuffled(threeDays(), seed)...)
		v.export()
		sameFiles(t, "another order", files(t, v.dir), before)
	}
}

// TestLateRows: what comes late, and what the provider changes, is a later
// part; what it loses stays.
func TestLateRows(t *testing.T) {
	all := threeDays()
	w := newWorld(t, all[:10]...)
	w.export()
	late := append(shuffled(all[2:], 7), strings.Replace(all[4], `"status":"success"`, `"status":"completed"`, 1)) // 1 and 2 are lost, 5 changed
	w.log(late...)
	out := w.export()
	ours := swarms.KeyID(ourKey)
	if got := strings.Join(w.kept()[ours+"/2026-11-21"], " "); got != "2 3 5 6 8 9 5 11 12 14 15 17 18 20 21 23" {
		t.Errorf("the day has %s", got)
	}
	var day batch.ExportedDay
	for _, d := range out.Days {
		if d.Key == ours && d.Day == "2026-11-21" {
			day = d
		}
	}
	if day.Part != 2 || day.Rows != 10 || day.Revised != 1 {
		t.Errorf("%+v", day)
	}
	l, err := w.lake().List(t.Context(), ours, Days{To: "2026-11-21"})
	if err != nil || len(l.Days) != 1 || l.Days[0].Parts != 2 || l.Days[0].Rows != 16 || l.Days[0].Revised != 1 || l.Days[0].Money.Priced != 15 {
		t.Errorf("%+v, %v", l, err)
	}
	// The day before yesterday's version, and the newest, take turns: both are kept already.
	w.log(all...)
	if out := w.export(); out.Rows != 0 {
		t.Errorf("%+v", out)
	}
}

// TestDaysThatAreAsked: a stretch of days, today, a day that isn't over, and
// rows without a time.
func TestDaysThatAreAsked(t *testing.T) {
	rows := append(threeDays(), strings.Replace(row(99, ourKey, noon, "x", 5), noon.Format(time.RFC3339Nano), "soon", 1))
	w := newWorld(t, rows...)
	l := w.lake()
	ask := func(change func(*Order)) string {
		t.Helper()
		o := w.order()
		change(&o)
		out, err := l.Export(t.Context(), o)
		if err != nil {
			return err.Error()
		}
		var days []string
		for _, d := range out.Days {
			if d.Key == w.client.KeyID() {
				days = append(days, fmt.Sprintf("%s/%d:%d", d.Day, d.Part, d.Rows))
			}
		}
		return strings.Join(days, " ")
	}
	for _, c := range []struct {
		change func(*Order)
		want   string
	}{
		{func(o *Order) { o.Days = Days{From: "2026-11-22", To: "2026-11-22"} }, "2026-11-22/1:16"},
		{func(o *Order) { o.Days = Days{From: "2026-11-22"} }, ""},
		{func(o *Order) { o.Days = Days{From: "2026-11-24"} }, `export the log 2026-11-24: BadInput: this day isn't over in Los Angeles`},
		{func(o *Order) { o.Days = Days{From: "2026-11-22", To: "2026-11-21"} }, "read days 2026-11-22: BadInput: it comes after 2026-11-21"},
		{func(o *Order) { o.Days = Days{From: "22.11.2026"} }, "read days 22.11.2026: BadInput: it is no day"},
		{func(o *Order) { o.Days = Days{From: "2026-11-23", To: "2026-11-23"} }, "2026-11-23/1:9"},
		{func(*Order) {}, "2026-11-21/1:15 unknown/1:1"},
		{func(o *Order) { o.Today = true }, ""},
	} {
		if got := ask(c.change); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	w.log(append(rows, row(100, ourKey, noon, "later today", 7))...)
	w.now = noon.Add(24 * time.Hour)
	if got := ask(func(*Order) {}); got != "2026-11-23/2:1" {
		t.Errorf("a day that was exported before it was over: %s", got)
	}
	w.verified(l)
}

// TestTimes: a row's day is that of Los Angeles, on both days of a clock change
// too, however its time is printed.
func TestTimes(t *testing.T) {
	cal, err := newCalendar()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"2026-11-22T07:59:59.999999+00:00":  "2026-11-21",
		"2026-11-22T08:00:00+00:00":         "2026-11-22",
		"2026-11-22T08:00:00":               "2026-11-22", // no zone: UTC
		"2026-11-22 07:59:59.123456":        "2026-11-21",
		"2026-11-22 08:00:00+00":            "2026-11-22",
		"2026-11-21T23:59:59.999999-08:00":  "2026-11-21",
		"2026-11-01T06:59:59Z":              "2026-10-31",
		"2026-11-02T07:59:59Z":              "2026-11-01", // 25 hours later
		"2026-03-08T07:59:59Z":              "2026-03-07",
		"2026-03-09T06:59:59Z":              "2026-03-08",
		"2026-03-09T07:00:00Z":              "2026-03-09", // 23 hours later
		"":                                  Unknown,
		"yesterday":                         Unknown,
		"0001-01-01T00:00:00Z":              Unknown,
		"2026-11-22T08:00:00.1234567+00:00": "2026-11-22",
	} {
		if got := cal.day(Time(text)); got != want {
			t.Errorf("%q is of %s, want %s", text, got, want)
		}
	}
	for day, hours := range map[string]int{"2026-03-08": 23, "2026-11-01": 25, "2026-11-22": 24} {
		from, to := cal.bounds(day)
		if to.Sub(from) != time.Duration(hours)*time.Hour || cal.day(from) != day || cal.day(to.Add(-time.Microsecond)) != day {
			t.Errorf("%s is %s to %s", day, from, to)
		}
	}
}

// TestTwoExporters: however many export the same log at once, each row is there
// once, and the chains hold.
func TestTwoExporters(t *testing.T) {
	all := threeDays()
	w := newWorld(t, all...)
	other := newWorld(t, all[5:55]...) // its provider shows less
	other.dir = w.dir
	var wg sync.WaitGroup
	for _, e := range []*world{w, other, w, other} {
		l, o := e.lake(), e.order()
		wg.Go(func() {
			if _, err := l.Export(t.Context(), o); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.verified(w.lake())
	seen := map[string]int{}
	for _, ids := range w.kept() {
		for _, id := range ids {
			seen[id]++
		}
	}
	for i := range 47 {
		if n := seen[fmt.Sprint(i+1)]; n != 1 {
			t.Errorf("row %d is there %d times", i+1, n)
		}
	}
}

// TestRows are found by their request ids, with what keeps them.
func TestRows(t *testing.T) {
	w := newWorld(t, threeDays()...)
	w.export()
	var got []string
	for r, err := range w.lake().Rows(t.Context(), Query{Requests: []string{requestID(7), requestID(40), requestID(59), "no id"}, Days: Days{From: "2026-11-21"}}) {
		if err != nil {
			t.Fatal(err)
		}
		again, err := swarms.ReadLine(r.Line)
		if d := cmp.Diff(r.LogRow, again); d != "" || err != nil {
			t.Errorf("%v %s", err, d)
		}
		got = append(got, fmt.Sprintf("%s %s %s %d %s", r.ID, r.RequestID, r.Day, r.Part, strings.TrimPrefix(r.Manifest, "manifests/key="+r.Key)))
	}
	want := []string{
		"8 " + requestID(7) + " 2026-11-21 1 /00000001.json",
		"41 " + requestID(40) + " 2026-11-22 1 /00000002.json",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for range w.lake().Rows(t.Context(), Query{}) {
		break
	}
	part := filepath.Join(w.dir, filepath.FromSlash(partName(w.client.KeyID(), "2026-11-22", 1))+endJSONL)
	flip(t, part, 40)
	var err error
	for _, e := range w.lake().Rows(t.Context(), Query{Requests: []string{requestID(40)}}) {
		err = e
	}
	if batch.KindOf(err) != batch.BooksDisagree {
		t.Errorf("a part that was changed: %v", err)
	}
}

// flip changes one byte of a file.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at%len(b)] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestEveryFlippedByteIsNamed: wherever a byte of the lake changes, in the
// rows, the columns or a manifest, the proof names that file; a file that is
// gone, and a manifest that is, too.
func TestEveryFlippedByteIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, threeDays()...)
	w.export()
	l := w.lake()
	prove := func() []Wrong {
		t.Helper()
		v, err := l.Verify(t.Context(), "", Days{}, func(Checked) {})
		if err != nil {
			t.Fatal(err)
		}
		return v.Wrong
	}
	for name, content := range files(t, w.dir) {
		path := filepath.Join(w.dir, filepath.FromSlash(name))
		step := max(1, len(content)/10)
		for at := len(content) % step; at < len(content); at += step {
			flip(t, path, at)
			if wrong := prove(); len(wrong) == 0 || wrong[0].Name != name {
				t.Errorf("byte %d of %s: %+v", at, name, wrong)
			}
			flip(t, path, at)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		wrong := prove()
		// Of the last manifest nothing says that it was there, but the head that
		// was noted: its part is then one that doesn't count yet.
		if last := strings.HasSuffix(name, "00000002.json"); !last && (len(wrong) == 0 || wrong[0].Name != name) {
			t.Errorf("%s is gone: %+v", name, wrong)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if wrong := prove(); len(wrong) > 0 {
		t.Errorf("made good again: %+v", wrong)
	}
}
