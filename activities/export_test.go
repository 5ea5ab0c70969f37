package activities_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/lake"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
)

// exporter is a worker whose provider shows a log that change has been at, and
// whose lake is a folder of its own.
func (w *world) exporter(folder string, change func(string) string) *activities.Hands {
	w.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		own := httptest.NewRecorder()
		r.Header.Set("Accept-Encoding", "identity")
		w.api.ServeHTTP(own, r)
		_, _ = io.WriteString(rw, change(own.Body.String()))
	}))
	w.Cleanup(server.Close)
	api, err := swarms.New(swarms.Options{BaseURL: server.URL, Key: apiKey, Now: w.clock.Now})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(api.CloseIdle)
	deps := w.deps
	deps.Swarms, deps.Lake, deps.Program = api, "file://"+filepath.Join(w.dir, folder), "test"
	return activities.New(deps)
}

func same(log string) string { return log }

// exported runs an export that must work.
func (w *world) exported(hands *activities.Hands) batch.LogExport {
	w.Helper()
	out, err := hands.ExportLog(w.Context(), batch.LogExportInput{Today: true})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// manifests are what the lake in a folder says, proven.
func (w *world) manifests(folder string) []lake.Manifest {
	w.Helper()
	l, err := lake.Reader(w.Context(), "file://"+filepath.Join(w.dir, folder))
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	v, err := l.Verify(w.Context(), "", lake.Days{}, func(lake.Checked) {})
	if err != nil || len(v.Wrong) > 0 {
		w.Errorf("%+v, %v", v, err)
	}
	out, err := l.Manifests(w.Context(), "")
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// TestTheLakeEqualsTheLedger: two nights and a stranger's runs on the same key.
// What the lake says of ours is what the ledger says, to the micro-dollar, and
// what the provider's own books say; what it says of the rest is the rest.
func TestTheLakeEqualsTheLedger(t *testing.T) {
	w := newWorld(t, nil)
	w.faults(lostAnswer("job-1")) // settled from the log
	w.planned(strings.Replace(manifest(2, ""), `"digest"`, `"other"`, 1)).opened()
	ids := []batch.ID{w.plan.Batch}
	for seq := range 2 {
		w.send(seq)
	}
	w.planned(manifest(5, ""))
	ids = append(ids, w.plan.Batch)
	for seq := range 5 {
		w.send(seq)
	}
	w.bought("scraper")
	w.bought("report [00000000-0000-4000-8000-000000000000]") // another ledger's
	out := w.exported(w.exporter("lake", same))

	var ours money.USD
	for _, id := range ids {
		totals, err := w.books.Totals(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		ours += totals.Charged
	}
	if out.Rows != 9 || len(out.Days) != 1 || out.Differences != 0 {
		t.Fatalf("%+v", out)
	}
	d := out.Days[0]
	if *d.Logged != ours || *d.Charged != ours || d.Dollars != ours+d.Foreign || d.Dollars != w.api.Books().Totals().Billed || d.Foreign == 0 || d.Unlogged != 0 {
		t.Errorf("%+v: logged %s, charged %s; the ledger has %s, the provider billed %s", d, d.Logged, d.Charged, ours, w.api.Books().Totals().Billed)
	}
	m := w.manifests("lake")[0]
	if m.Money.Ours != ours || m.SoFar.Money != m.Money || !m.Ledger.Equal || m.Ledger.Runs != 7 || m.Key != swarms.KeyID(apiKey) || m.Program != "test" {
		t.Errorf("%+v", m)
	}
	daily, err := w.books.Dailies(t.Context(), batch.DailyExport, 1)
	var kept batch.LogExport
	if err != nil || len(daily) != 1 || json.Unmarshal(daily[0].Result, &kept) != nil || kept.Rows != 9 || daily[0].Day != "2026-11-22" {
		t.Errorf("%+v, %v", daily, err)
	}
	w.discreet()
}

// TestTheLakeSeesADifference: a row that says a micro-dollar more, one that says
// nothing, one that the provider lost, and one that comes with another amount
// later: each is named.
func TestTheLakeSeesADifference(t *testing.T) {
	w := newWorld(t, nil)
	w.planned(manifest(4, "")).opened()
	var ids []string
	for seq := range 4 {
		w.send(seq)
		ids = append(ids, w.job(seq).RequestID)
	}
	var log struct{ Logs []json.RawMessage }
	own := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, swarms.PathLogs, nil)
	r.Header.Set("X-Api-Key", apiKey)
	w.api.ServeHTTP(own, r)
	if err := json.Unmarshal(own.Body.Bytes(), &log); err != nil || len(log.Logs) != 4 {
		t.Fatalf("%v %s", err, own.Body)
	}
	cost := regexp.MustCompile(`"total_cost":([0-9.]+)`)
	amount, err := money.Parse(cost.FindStringSubmatch(string(log.Logs[0]))[1])
	if err != nil {
		t.Fatal(err)
	}
	// of shows the log with one job's row changed; "" for none of it.
	of := func(seq int, change func(string) string) func(string) string {
		return func(string) string {
			var rows []string
			for _, row := range log.Logs {
				text := string(row)
				if strings.Contains(text, ids[seq]) {
					text = change(text)
				}
				if text != "" {
					rows = append(rows, text)
				}
			}
			return `{"status":"success","logs":[` + strings.Join(rows, ",") + `]}`
		}
	}
	more := func(row string) string {
		return cost.ReplaceAllString(row, fmt.Sprintf(`"total_cost":%s`, amount+1))
	}
	for name, c := range map[string]struct {
		change   func(string) string
		seq      int
		unlogged bool
		logged   *money.USD
	}{
		"more": {of(1, more), 1, false, ptr(amount + 1)},
		"nothing": {of(2, func(row string) string {
			return strings.ReplaceAll(cost.ReplaceAllString(row, `"total_price":1`), "billing_info", "billing")
		}), 2, false, nil},
		"lost": {of(3, func(string) string { return "" }), 3, true, nil},
	} {
		out := w.exported(w.exporter(name, c.change))
		l := w.manifests(name)[0].Ledger
		if c.unlogged {
			if l.Different != 0 || !l.Equal || l.Unlogged.Charges != 1 || l.Unlogged.Dollars != amount || !slices.Equal(l.Unlogged.RequestIDs, ids[c.seq:c.seq+1]) || out.Days[0].Unlogged != 1 {
				t.Errorf("%s: %+v", name, l)
			}
			continue
		}
		if l.Equal || l.Different != 1 || out.Differences != 1 || len(l.Differences) != 1 {
			t.Errorf("%s: %+v", name, l)
			continue
		}
		d := l.Differences[0]
		if d.RequestID != ids[c.seq] || *d.Charged != amount || (d.Logged == nil) != (c.logged == nil) || d.Logged != nil && *d.Logged != *c.logged {
			t.Errorf("%s: %+v", name, d)
		}
	}
	// A row that changes after it was exported: the day counts its newest form.
	w.exported(w.exporter("later", same))
	out := w.exported(w.exporter("later", of(0, more)))
	if out.Rows != 1 || out.Differences != 1 || out.Days[0].Part != 2 || out.Days[0].Revised != 1 || *out.Days[0].Logged != *out.Days[0].Charged+1 {
		t.Errorf("%+v", out)
	}
	if m := w.manifests("later")[1]; m.Ledger.Differences[0].RequestID != ids[0] || !slices.Equal(m.Revisions, []string{m.Last.ID}) || m.SoFar.Money.All != 4*amount+1 {
		t.Errorf("%+v", m)
	}
}

func ptr[T any](v T) *T { return &v }

// TestExportRefuses what can't be meant, and a provider that is down is a fault
// that is tried again.
func TestExportRefuses(t *testing.T) {
	w := newWorld(t, nil)
	hands := w.exporter("lake", same)
	for _, in := range []batch.LogExportInput{{Day: "2026-11-21", From: "2026-11-20"}, {Day: "yesterday"}, {From: "2026-11-21", To: "2026-11-20"}, {Day: "2026-11-24"}} {
		_, err := hands.ExportLog(t.Context(), in)
		if e := applicationError(t, err); e.Type() != string(batch.BadInput) || !e.NonRetryable() {
			t.Errorf("%+v: %v", in, err)
		}
	}
	_, err := w.exporter("lake", func(string) string { return `{"status":"success","logs":[` }).ExportLog(t.Context(), batch.LogExportInput{})
	if e := applicationError(t, err); e.Type() != string(batch.OutOfReach) || e.NonRetryable() {
		t.Errorf("%v", err)
	}
}

// TestThePurgeReachesTheLake: days that are too old go from the lake, too, and
// don't come back.
func TestThePurgeReachesTheLake(t *testing.T) {
	w := newWorld(t, nil)
	w.planned(manifest(2, "")).opened()
	w.send(0)
	w.send(1)
	w.exported(w.exporter("lake", same))
	deps := w.deps
	deps.Lake, deps.Program = "file://"+filepath.Join(w.dir, "lake"), "test"
	deps.Keep = map[batch.Kept]time.Duration{batch.KeptLogs: 48 * time.Hour}
	purge := func(after time.Duration, dry bool) []batch.PurgedSum {
		t.Helper()
		out, err := activities.New(deps).PurgeOld(t.Context(), batch.PurgeRequest{PurgeInput: batch.PurgeInput{DryRun: dry}, Asked: w.clock.Now().Add(after)})
		if err != nil {
			t.Fatal(err)
		}
		return out.Sums
	}
	if sums := purge(40*time.Hour, false); len(sums) > 0 {
		t.Errorf("before its time: %+v", sums)
	}
	for _, dry := range []bool{true, false} {
		if sums := purge(96*time.Hour, dry); len(sums) != 1 || sums[0].What != batch.KeptLogs || sums[0].Items != 1 || sums[0].Bytes == 0 {
			t.Errorf("dry %v: %+v", dry, sums)
		}
	}
	if m := w.manifests("lake"); len(m) != 1 || m[0].Purged == nil || m[0].Purged.Why != "OFFPEAK_KEEP_LOGS=2d" || m[0].Rows != 2 {
		t.Errorf("%+v", m)
	}
	if out := w.exported(w.exporter("lake", same)); out.Rows != 0 {
		t.Errorf("they came back: %+v", out)
	}
}
