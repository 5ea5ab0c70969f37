package e2e

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	ledgers "github.com/offpeak/offpeak/ledger/open"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/report"
)

// totals are what a night cost by one teller.
type totals struct{ billed, day, saved string }

func exactly(billed, day money.USD) totals {
	return totals{billed.String(), day.String(), (day - billed).String()}
}

// sameEverywhere has every teller say what a night cost, and compares them with
// the provider's own books, to the micro-dollar. at is where the page is.
func (h *house) sameEverywhere(ctx context.Context, at string, id batch.ID) {
	t := h.t
	t.Helper()
	said := map[string]totals{}

	l, err := ledgers.Ledger(t.Context(), h.store, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sums, err := l.Totals(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	want := exactly(sums.Charged, sums.DayPrice)
	var billed money.USD
	if _, err := l.Entries(t.Context(), []batch.ID{id}, func(e ledger.Entry) error {
		billed += h.sim.Books().BilledFor(e.Job.RequestID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if billed != sums.Charged || billed == 0 {
		t.Errorf("the provider billed %s, the ledger says %s", billed, sums.Charged)
	}

	var r batch.Result
	d := h.starter("status", string(id), "--json")
	if err := json.Unmarshal([]byte(d.out), &r); err != nil {
		t.Fatalf("%v: %s", err, d.out)
	}
	said["status --json"] = exactly(r.Money.Billed, r.Money.DayPrice)

	file := func(format string) string {
		t.Helper()
		d := h.starter("report", string(id), "--format", format)
		if d.code != 0 || d.out == "" {
			t.Fatalf("report as %s: %d %s", format, d.code, d.stderr)
		}
		return d.out
	}
	var m report.Morning
	if err := json.Unmarshal([]byte(file("json")), &m); err != nil {
		t.Fatal(err)
	}
	said["report.json"] = totals{m.Money.Billed.String(), m.Money.DayPrice.String(), m.Money.Saved.String()}
	said["report.csv"] = sumOf(t, file("csv"))
	for name, form := range map[string][3]string{
		"txt": {`paid +\$([\d,.]+)`, `by day +\$([\d,.]+)`, `saved +\$([\d,.]+)`}, "md": {`paid \*\*\$([\d,.]+)`, `by day \$([\d,.]+)`, `saved \*\*\$([\d,.]+)`},
		"html": {`<dt>Paid</dt><dd>\$([\d,.]+)`, `<dt>By day</dt><dd>\$([\d,.]+)`, `<dt>Saved</dt><dd>\$([\d,.]+)`},
	} {
		said["report."+name] = found(t, file(name), form)
	}
	said["report on the terminal"] = found(t, h.starter("report", string(id)).out, [3]string{`paid +\$([\d,.]+)`, `by day +\$([\d,.]+)`, `saved +\$([\d,.]+)`})
	out := filepath.Join(h.dir, "charges.csv")
	if d := h.starter("export", "--out", out, "--batch", string(id)); d.code != 0 {
		t.Fatal(d.stderr)
	}
	exported, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	said["export"] = sumOf(t, string(exported))

	if err := chromedp.Do(ctx, chromedp.Navigate(at+"/nights/"+string(id)), chromedp.WaitVisible(chromedp.CSS("[data-money]"))); err != nil {
		t.Fatal(err)
	}
	read := func(what string) string {
		t.Helper()
		s, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector('[data-money="`+what+`"]').dataset.exact + " " + document.querySelector('[data-money="`+what+`"]').textContent`))
		if err != nil {
			t.Fatal(err)
		}
		exact, shown, _ := strings.Cut(s, " ")
		if amount(t, shown) != exact {
			t.Errorf("the page shows %s for %s", shown, exact)
		}
		return exact
	}
	said["the page"] = totals{read("billed"), read("day_price"), read("saved")}
	for _, f := range []string{"json", "html"} {
		res, err := http.Get(at + "/nights/" + string(id) + "/report/report." + f) //nolint:forbidigo // a test's own page
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || string(body) != file(f) {
			t.Errorf("the page's report.%s isn't the archive's: %v", f, err)
		}
	}

	for who, s := range said {
		if s != want {
			t.Errorf("%s says %+v, the ledger %+v", who, s, want)
		}
	}
}

// amount is "$1,234.5" with six decimals.
func amount(t *testing.T, s string) string {
	t.Helper()
	v, err := money.Parse(strings.NewReplacer("$", "", ",", "").Replace(strings.TrimSuffix(strings.TrimSpace(s), ".")))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return v.String()
}

func found(t *testing.T, text string, form [3]string) totals {
	t.Helper()
	var all [3]string
	for i, f := range form {
		m := regexp.MustCompile(f).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no %s in:\n%s", f, text)
		}
		all[i] = amount(t, m[1])
	}
	return totals{all[0], all[1], all[2]}
}

// sumOf adds up the columns of a CSV.
func sumOf(t *testing.T, text string) totals {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	sum := map[string]money.USD{}
	for i, name := range rows[0] {
		for _, row := range rows[1:] {
			if (name == "billed" || name == "day_price" || name == "saved") && row[i] != "" {
				v, err := money.Parse(row[i])
				if err != nil {
					t.Fatal(err)
				}
				sum[name] += v
			}
		}
	}
	return totals{sum["billed"].String(), sum["day_price"].String(), sum["saved"].String()}
}
