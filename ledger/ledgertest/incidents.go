package ledgertest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

const quiet = 24 * time.Hour

func alertOf(key string, s batch.Severity) batch.Alert {
	return batch.Alert{
		Key: key, Kind: batch.AlertAudit, Severity: s, Title: "3 charges missed the discount", Lines: []string{"EU Market Digest: $0.12"},
		Remedy: "lower finish_by", Dollars: 12 * money.Cent, Batch: night,
	}
}

// outlets are a sink for everything and one for what is critical.
func outlets() []ledger.Outlet {
	return []ledger.Outlet{
		{Sink: "all", Place: "mail ops", Takes: func(batch.Alert) bool { return true }},
		{Sink: "pager", Place: "pagerduty", Takes: func(a batch.Alert) bool { return a.Severity == batch.Critical }},
	}
}

// incidents: what is told on which occasion, over the life of an incident.
func incidents(t *testing.T, r *room) {
	l, other := r.open(t), r.open(t)
	d := &desk{tb: t, Ledger: l, clock: r.clock, ctx: t.Context()}
	runs := 0
	raise := func(what string, a batch.Alert, want ...string) []ledger.Delivery {
		t.Helper()
		runs++
		a.At = r.clock.Now()
		told, err := []*ledger.Ledger{l, other}[runs%2].RaiseAlerts(d.ctx, fmt.Sprint("run ", runs), []batch.Alert{a}, outlets(), quiet)
		d.ok(err)
		var got []string
		for _, x := range told {
			got = append(got, string(x.Occasion)+" "+x.Sink)
		}
		d.same(got, want, what)
		return told
	}
	warn, crit := alertOf("audit/x", batch.Warning), alertOf("audit/x", batch.Critical)
	over := batch.Alert{Key: "audit/x", Kind: batch.AlertAudit, Severity: batch.Info, Title: "the audit passes now", Over: true}

	raise("an end of what never was", over)
	if _, _, err := l.Incident(d.ctx, "audit/x"); batch.KindOf(err) != batch.NotFound {
		t.Errorf("an end made an incident: %v", err)
	}
	first := raise("it opens", warn, "opened all")
	r.clock.Add(time.Hour)
	raise("it is seen again", warn)
	raise("it got worse", crit, "worse all", "opened pager")
	raise("it got better", warn)
	r.clock.Add(quiet - time.Microsecond)
	raise("just within the quiet period", crit)
	r.clock.Add(time.Microsecond)
	raise("it lasts", warn, "lasts all")
	r.clock.Add(time.Hour)
	raise("it is over", over, "over all", "over pager") // also where it isn't serious enough any more
	raise("it is over twice", over)
	r.clock.Add(time.Minute)
	raise("it flaps", crit)
	if i, _, err := l.Incident(d.ctx, "audit/x"); err != nil || !i.Open() {
		t.Errorf("what flaps isn't open: %+v, %v", i, err)
	}
	r.clock.Add(time.Minute)
	raise("it flaps back", over)
	r.clock.Add(time.Minute)
	raise("and again", crit)
	r.clock.Add(quiet)
	raise("it stays", crit, "opened all", "opened pager")
	raise("it is over after all", over, "over all", "over pager")
	r.clock.Add(quiet)
	raise("a new incident", warn, "opened all")
	raise("its end isn't told where it wasn't", over, "over all")

	// What is older than what is known changes nothing.
	stale := warn
	stale.At = r.clock.Now().Add(-time.Hour)
	told, err := l.RaiseAlerts(d.ctx, "late", []batch.Alert{stale}, outlets(), quiet)
	d.ok(err)
	d.same(len(told), 0, "tellings of a stale alert")
	if i, _, err := l.Incident(d.ctx, "audit/x"); err != nil || i.Open() {
		t.Errorf("a stale alert reopened it: %+v, %v", i, err)
	}

	// Silenced: told of nothing but its end.
	raise("before the silence", alertOf("s", batch.Warning), "opened all")
	_, err = l.SilenceIncident(d.ctx, "s", ledger.Silence{Until: r.clock.Now().Add(3 * quiet), By: "ada", Why: "known"})
	d.ok(err)
	r.clock.Add(2 * quiet)
	raise("silenced", alertOf("s", batch.Critical))
	r.clock.Add(quiet)
	raise("the silence is over", alertOf("s", batch.Critical), "worse all", "opened pager")
	_, err = l.SilenceIncident(d.ctx, "s", ledger.Silence{Until: r.clock.Now().Add(quiet), By: "ada"})
	d.ok(err)
	raise("its end is told", batch.Alert{Key: "s", Kind: batch.AlertAudit, Severity: batch.Info, Over: true}, "over all", "over pager")
	_, err = l.SilenceIncident(d.ctx, "s", ledger.Silence{Until: r.clock.Now().Add(quiet), By: "ada"})
	d.refused(err, batch.BadInput)
	_, err = l.SilenceIncident(d.ctx, "nobody", ledger.Silence{Until: r.clock.Now().Add(quiet), By: "ada"})
	d.refused(err, batch.NotFound)

	// News are told once, and aren't incidents that stay open.
	news := batch.Alert{Key: "report/x", Kind: batch.AlertReport, Severity: batch.Info, Title: "120 jobs for $3.10"}
	raise("news", news, "once all")
	r.clock.Add(2 * quiet)
	raise("old news", news)

	// Nobody takes it: it is open, and told as soon as somebody does.
	raise("for nobody", alertOf("n", batch.Warning), "opened all")
	_, err = l.RaiseAlerts(d.ctx, "no sinks", []batch.Alert{alertOf("nobody listens", batch.Critical)}, nil, quiet)
	d.ok(err)
	raise("somebody listens", alertOf("nobody listens", batch.Critical), "opened all", "opened pager")

	// Asking twice enters once, and tells the same.
	again := func(by string) []ledger.Delivery {
		t.Helper()
		both := []batch.Alert{alertOf("twice", batch.Warning), {Key: "n", Kind: batch.AlertAudit, Severity: batch.Info, Over: true}}
		told, err := l.RaiseAlerts(d.ctx, by, both, outlets(), quiet)
		d.ok(err)
		return told
	}
	d.same(again("twice"), again("twice"), "an announcement asked for twice")
	if i, _, err := l.Incident(d.ctx, "twice"); err != nil || i.Count != 1 {
		t.Errorf("counted %d times, %v", i.Count, err)
	}

	// What is kept.
	i, all, err := other.Incident(d.ctx, "audit/x")
	d.ok(err)
	if i.Count != 1 || len(all) != 12 || i.Alert.Dollars != 0 || all[0].Alert.Dollars != 12*money.Cent || all[0].Alert.Lines[0] != "EU Market Digest: $0.12" {
		t.Errorf("%+v with %d tellings, the first %+v", i, len(all), all[0])
	}
	open, err := l.Incidents(d.ctx, false, 10)
	d.ok(err)
	every, err := l.Incidents(d.ctx, true, 3)
	d.ok(err)
	if len(open) != 2 || len(every) != 3 {
		t.Errorf("%d open, %d of all; want 2 and the 3 that were asked for", len(open), len(every))
	}
	for _, bad := range []batch.Alert{{}, {Key: "k", Kind: batch.AlertAudit}, {Key: "k", Severity: batch.Info}} {
		_, err := l.RaiseAlerts(d.ctx, "bad", []batch.Alert{bad}, outlets(), quiet)
		d.refused(err, batch.Internal)
	}
	ofDeliveries(d, first[0])
	d.sound()
}

// ofDeliveries: an attempt is counted before it is made, what has ended stays,
// and newer news take the place of older ones.
func ofDeliveries(d *desk, old ledger.Delivery) {
	d.Helper()
	if got, err := d.BeginDelivery(d.ctx, old.ID); err != nil || got.State != batch.DeliveryDropped || got.Attempts != 0 {
		d.Errorf("overtaken: %+v, %v", got, err)
	}
	told, err := d.RaiseAlerts(d.ctx, "deliver", []batch.Alert{alertOf("deliver", batch.Warning)}, outlets(), quiet)
	d.ok(err)
	id := told[0].ID
	for attempt := range 3 {
		got, err := d.BeginDelivery(d.ctx, id)
		if err != nil || got.State != batch.DeliveryDue || got.Attempts != attempt+1 {
			d.Errorf("attempt %d: %+v, %v", attempt, got, err)
		}
		_, err = d.EndDelivery(d.ctx, id, batch.DeliveryDue, "503")
		d.ok(err)
	}
	_, err = d.EndDelivery(d.ctx, id, batch.DeliverySent, "")
	d.ok(err)
	_, err = d.EndDelivery(d.ctx, id, batch.DeliveryFailed, "too late")
	d.ok(err)
	got, err := d.BeginDelivery(d.ctx, id)
	d.ok(err)
	if got.State != batch.DeliverySent || got.Attempts != 3 || got.Error != "" || !got.EndedAt.Equal(d.clock.Now()) {
		d.Errorf("after it was sent: %+v", got)
	}
	_, err = d.BeginDelivery(d.ctx, "nobody's")
	d.refused(err, batch.NotFound)
	_, err = d.EndDelivery(d.ctx, "nobody's", batch.DeliverySent, "")
	d.refused(err, batch.NotFound)
}

// incidentsTogether: workers that see the same thing at once tell it once.
func incidentsTogether(t *testing.T, r *room) {
	l, other := r.open(t), r.open(t)
	d := &desk{tb: t, Ledger: l, clock: r.clock, ctx: t.Context()}
	var (
		crew sync.WaitGroup
		mu   sync.Mutex
		ids  = map[string]int{}
	)
	for i := range 40 {
		crew.Go(func() {
			on := []*ledger.Ledger{l, other}[i%2]
			told, err := on.RaiseAlerts(t.Context(), fmt.Sprint("run ", i), []batch.Alert{alertOf("at once", batch.Critical)}, outlets(), quiet)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			for _, x := range told {
				ids[x.ID]++
			}
		})
	}
	crew.Wait()
	if len(ids) != 2 {
		t.Errorf("40 at once were told as %v, want one telling to each of two sinks", ids)
	}
	i, _, err := l.Incident(t.Context(), "at once")
	d.ok(err)
	if i.Count != 40 {
		t.Errorf("seen %d times, want 40", i.Count)
	}
	d.sound()
}
