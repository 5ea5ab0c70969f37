package ledgertest

import (
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

func chain(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 3)
	if v := d.sound(); v.Head != ledger.Genesis || v.Charges != 0 {
		t.Errorf("an empty chain: %+v", v)
	}
	no := false
	sent := d.clock.Now()
	d.send(0)
	d.clock.Add(90 * time.Second)
	full := ledger.Charge{
		JobID: "swarms-abc", Source: ledger.FromAnswer, Total: 97_250, Input: 19_500, Output: 27_750, Agent: 50_000,
		TotalText: "0.09725", HasParts: true, InputTokens: 6000, OutputTokens: 3000, HasTokens: true, Agents: 5,
		DayPrice: 144_500, NightPrice: 97_250, NightApplied: &no, DiscountType: "night_time", DiscountPercentage: "50",
	}
	_, err := d.Settle(d.ctx, d.closing(0, 1), full, "x")
	d.ok(err)
	d.into(1, batch.Succeeded)

	var got []ledger.Charge
	d.ok(d.Charges(d.ctx, d.id, func(c ledger.Charge) error { got = append(got, c); return nil }))
	want := full
	want.N, want.Batch, want.Name, want.RequestID, want.Attempt = 1, d.id, "job 0", d.job(0).RequestID, 1
	want.SentAt, want.EndedAt, want.At = sent, d.clock.Now(), d.clock.Now()
	want.Prev, want.Hash = ledger.Genesis, got[0].Hash
	d.same(got[0], want, "a charge as it is read back")
	if got[0].Hash != want.Digest() || got[1].Prev != got[0].Hash || got[1].N != 2 {
		t.Errorf("the chain: %+v", got)
	}
	if v := d.sound(); v.Head != got[1].Hash || v.Charges != 2 || v.Total != got[0].Total+got[1].Total {
		t.Errorf("verified: %+v", v)
	}

	// Every field is hashed, and no two texts can pass for one.
	yes := true
	for name, change := range map[string]func(*ledger.Charge){
		"n": func(c *ledger.Charge) { c.N++ }, "batch": func(c *ledger.Charge) { c.Batch += "x" },
		"seq": func(c *ledger.Charge) { c.Seq++ }, "name": func(c *ledger.Charge) { c.Name += "x" },
		"request id": func(c *ledger.Charge) { c.RequestID += "x" }, "attempt": func(c *ledger.Charge) { c.Attempt++ },
		"job id": func(c *ledger.Charge) { c.JobID += "x" }, "source": func(c *ledger.Charge) { c.Source = ledger.FromLog },
		"total": func(c *ledger.Charge) { c.Total++ }, "input": func(c *ledger.Charge) { c.Input++ },
		"output": func(c *ledger.Charge) { c.Output++ }, "agent": func(c *ledger.Charge) { c.Agent++ },
		"text": func(c *ledger.Charge) { c.TotalText += "0" }, "parts": func(c *ledger.Charge) { c.HasParts = false },
		"input tokens": func(c *ledger.Charge) { c.InputTokens++ }, "output tokens": func(c *ledger.Charge) { c.OutputTokens++ },
		"tokens": func(c *ledger.Charge) { c.HasTokens = false }, "agents": func(c *ledger.Charge) { c.Agents++ },
		"day": func(c *ledger.Charge) { c.DayPrice++ }, "night": func(c *ledger.Charge) { c.NightPrice++ },
		"applied": func(c *ledger.Charge) { c.NightApplied = &yes }, "not said": func(c *ledger.Charge) { c.NightApplied = nil },
		"active": func(c *ledger.Charge) { c.DiscountActive = &yes }, "type": func(c *ledger.Charge) { c.DiscountType = "" },
		"percentage": func(c *ledger.Charge) { c.DiscountPercentage = "05" },
		"sent":       func(c *ledger.Charge) { c.SentAt = c.SentAt.Add(time.Microsecond) },
		"ended":      func(c *ledger.Charge) { c.EndedAt = c.EndedAt.Add(time.Microsecond) },
		"at":         func(c *ledger.Charge) { c.At = time.Time{} },
		"prev":       func(c *ledger.Charge) { c.Prev = strings.Repeat("1", 64) },
		"borders":    func(c *ledger.Charge) { c.DiscountType, c.DiscountPercentage = "night_tim", "e50" },
	} {
		c := got[0]
		change(&c)
		if c.Digest() == got[0].Hash {
			t.Errorf("a changed %s isn't seen", name)
		}
	}
}

// tampering changes the database behind the ledger's back.
func tampering(t *testing.T, r *room) {
	l := r.open(t)
	d := r.plan(t, l, 12)
	learn(t, d, d.key, window("minute", 60, 100))
	for seq := range 6 {
		d.send(seq)
		_, err := d.Settle(d.ctx, d.closing(seq, 1), chargeOf(money.USD(97_250+seq)), "x")
		d.ok(err)
	}
	d.into(6, batch.Unknown)
	d.send(7)
	d.sound()
	id := "'" + string(d.id) + "'"
	for _, c := range []struct{ what, do, undo, names string }{
		{"a flipped amount", "UPDATE charges SET total = total + 1 WHERE n = 3", "UPDATE charges SET total = total - 1 WHERE n = 3", "charge 3"},
		{"a flipped flag", "UPDATE charges SET night_applied = NULL WHERE n = 2", "UPDATE charges SET night_applied = TRUE WHERE n = 2", "charge 2"},
		{
			"swapped rows", "UPDATE charges SET n = CASE n WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE n IN (2, 3); UPDATE charges SET n = -n WHERE n < 0",
			"UPDATE charges SET n = CASE n WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE n IN (2, 3); UPDATE charges SET n = -n WHERE n < 0", "charge 2",
		},
		{
			"a deleted row", "CREATE TABLE aside AS SELECT * FROM charges WHERE n = 4; DELETE FROM charges WHERE n = 4",
			"INSERT INTO charges SELECT * FROM aside; DROP TABLE aside", "charge 4",
		},
		{
			"a cut-off end", "CREATE TABLE aside AS SELECT * FROM charges WHERE n = 6; DELETE FROM charges WHERE n = 6",
			"INSERT INTO charges SELECT * FROM aside; DROP TABLE aside", "charge 6",
		},
		{"a sum", "UPDATE tallies SET held = held + 1 WHERE batch_id = " + id, "UPDATE tallies SET held = held - 1 WHERE batch_id = " + id, string(d.id)},
		{"a purse", "UPDATE purses SET charged = charged + 1 WHERE key_id <> ''", "UPDATE purses SET charged = charged - 1 WHERE key_id <> ''", "key " + d.key},
		{"a night's purse", "UPDATE purses SET held = held + 1 WHERE key_id = ''", "UPDATE purses SET held = held - 1 WHERE key_id = ''", "all keys"},
		{
			"a missing purse", "CREATE TABLE aside AS SELECT * FROM purses WHERE key_id = ''; DELETE FROM purses WHERE key_id = ''",
			"INSERT INTO purses SELECT * FROM aside; DROP TABLE aside", "all keys",
		},
		{"a state", "UPDATE jobs SET state = 'planned' WHERE seq = 6", "UPDATE jobs SET state = 'unknown' WHERE seq = 6", string(d.id)},
		{"a ceiling", "UPDATE jobs SET ceiling = ceiling + 1 WHERE seq = 7", "UPDATE jobs SET ceiling = ceiling - 1 WHERE seq = 7", string(d.id)},
		{
			"a missing job", "CREATE TABLE aside AS SELECT * FROM jobs WHERE seq = 5; DELETE FROM jobs WHERE seq = 5",
			"INSERT INTO jobs SELECT * FROM aside; DROP TABLE aside", "job 5",
		},
		{
			"a missing batch", "CREATE TABLE aside AS SELECT * FROM batches; DELETE FROM batches",
			"INSERT INTO batches SELECT * FROM aside; DROP TABLE aside", string(d.id),
		},
		{"an attempt in flight", "UPDATE attempts SET ending = 'returned' WHERE seq = 7", "UPDATE attempts SET ending = '' WHERE seq = 7", "key "},
		{"a counted attempt", "UPDATE attempts SET counted_at = 0 WHERE seq = 6", "UPDATE attempts SET counted_at = ended_at WHERE seq = 6", "key "},
	} {
		d.ok(r.place.Exec(c.do))
		_, err := d.Verify(d.ctx)
		if batch.KindOf(err) != batch.BooksDisagree || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: got %v, want a fault that names %s", c.what, err, c.names)
		}
		d.ok(r.place.Exec(c.undo))
		d.sound()
	}
}
