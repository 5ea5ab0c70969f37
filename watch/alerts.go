package watch

import (
	"fmt"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// TotalKey and ForeignKey name the two incidents that a key's spend can be.
func TotalKey(account string) string   { return "usage/" + account + "/total" }
func ForeignKey(account string) string { return "usage/" + account + "/foreign" }

// Alerts are what a watch of a key has to tell, at most one of each incident:
// the loud days that no watch has called so yet, or that a day is usual again.
// A day that was missed is told once; one that was judged before, and is what
// it was, isn't told again. Who tells them knows which incidents are open.
func Alerts(a batch.AccountWatch, m Memory, at time.Time) []batch.Alert {
	out := series(a, m, at, TotalKey(a.Account), func(d batch.WatchedDay) batch.DayState { return d.State }, leap)
	if !a.Logged {
		return out
	}
	foreign := series(a, m, at, ForeignKey(a.Account), func(d batch.WatchedDay) batch.DayState { return d.ForeignState }, elsewhere)
	if a.ForeignSince != "" && m.ForeignSince == "" && (len(foreign) == 0 || foreign[0].Over) {
		foreign = []batch.Alert{first(a, at)}
	}
	return append(out, foreign...)
}

// series goes through one kind of verdict: none of a key without history, else
// one alert where something is new, or where the last day is usual.
func series(a batch.AccountWatch, m Memory, at time.Time, key string, state func(batch.WatchedDay) batch.DayState, alert func(batch.AccountWatch, batch.WatchedDay) batch.Alert) []batch.Alert {
	var fresh []batch.WatchedDay
	again := "" // the first usual day after them
	for _, d := range a.Days {
		if !d.Judged {
			continue
		}
		was, known := m.States[d.Day]
		switch now := state(d); {
		case now.Loud() && (!known || !state(was).Loud()):
			fresh, again = append(fresh, d), ""
		case now.Loud():
			again = ""
		case again == "":
			again = d.Day
		}
	}
	var n batch.Alert
	switch last := len(a.Days) - 1; {
	case len(fresh) > 0:
		n = alert(a, fresh[len(fresh)-1])
		for _, d := range fresh[:len(fresh)-1] {
			n.Lines = append(n.Lines, "and before that "+alert(a, d).Title)
		}
		if again != "" {
			n.Lines = append(n.Lines, "usual again since "+again)
		}
	case last >= 0 && state(a.Days[last]) == batch.DayNormal:
		d := a.Days[last]
		n = batch.Alert{Severity: batch.Info, Over: true, Dollars: d.Total, Title: fmt.Sprintf("Spend with key %s is usual again: %s on %s", a.Account, d.Total.Dollars(), d.Day)}
		if key == ForeignKey(a.Account) {
			n.Dollars = d.Foreign.Dollars
			n.Title = fmt.Sprintf("What others spend with key %s is usual again: %s on %s", a.Account, d.Foreign.Dollars.Dollars(), d.Day)
		}
	default:
		return nil
	}
	n.Key, n.Kind, n.Account, n.At = key, batch.AlertUsage, a.Account, at
	return []batch.Alert{n}
}

// leap is a day of unusual spend.
func leap(a batch.AccountWatch, d batch.WatchedDay) batch.Alert {
	n := batch.Alert{
		Severity: batch.Warning, Dollars: d.Total,
		Title: fmt.Sprintf("%s spent with key %s on %s, %s", d.Total.Dollars(), a.Account, d.Day, d.Why),
		Lines: []string{fmt.Sprintf("%s by these books, %s", d.Ours.Dollars.Dollars(), counted(d.Ours.Runs, "run"))},
	}
	if a.Logged {
		n.Lines = append(n.Lines, fmt.Sprintf("%s by others on the same key, %s", d.Foreign.Dollars.Dollars(), counted(d.Foreign.Runs, "run")))
	} else {
		n.Lines = append(n.Lines, "what others spent with it isn't known: the provider's log of this key wasn't read")
	}
	n.Lines = append(n.Lines, strangers(a, d)...)
	n.Remedy = "starter usage and starter list say which nights it was; starter stop --all holds everything while you look"
	if d.Foreign.Dollars > d.Ours.Dollars {
		n.Remedy = "find out who else has the key; if nobody should, revoke it at the provider and give the worker a new one"
	}
	return n
}

// elsewhere is a day of unusual spend that isn't ours.
func elsewhere(a batch.AccountWatch, d batch.WatchedDay) batch.Alert {
	return batch.Alert{
		Severity: batch.Warning, Dollars: d.Foreign.Dollars,
		Title: fmt.Sprintf("%s spent with key %s on %s by %s that aren't from these books, more than twice what is usual",
			d.Foreign.Dollars.Dollars(), a.Account, d.Day, counted(d.Foreign.Runs, "run")),
		Lines:  strangers(a, d),
		Remedy: notOurs,
	}
}

const notOurs = "if the key is known to nobody else, revoke it at the provider; else give each program a key of its own: caps and rate limits only see what is in the books"

// first is that anything which isn't ours was seen at all.
func first(a batch.AccountWatch, at time.Time) batch.Alert {
	n := batch.Alert{
		Key: ForeignKey(a.Account), Kind: batch.AlertUsage, Severity: batch.Warning, Account: a.Account, At: at, Remedy: notOurs,
		Title: fmt.Sprintf("Key %s is used by others, too: the provider's log has runs since %s that aren't from these books", a.Account, a.ForeignSince),
	}
	for _, d := range a.Days {
		if d.Foreign.Runs > 0 {
			n.Dollars += d.Foreign.Dollars
			n.Lines = append(n.Lines, fmt.Sprintf("%s: %s, %s", d.Day, d.Foreign.Dollars.Dollars(), counted(d.Foreign.Runs, "run")))
		}
	}
	if last := len(a.Days) - 1; last >= 0 {
		n.Lines = append(n.Lines, strangers(a, a.Days[last])...)
	}
	return n
}

// strangers are a line each; they are known of the last day.
func strangers(a batch.AccountWatch, d batch.WatchedDay) []string {
	if len(a.Days) == 0 || a.Days[len(a.Days)-1].Day != d.Day {
		return nil
	}
	var out []string
	for _, s := range a.Foreign {
		name := s.Name
		if name == "" {
			name = "a swarm without a name"
		}
		if s.Model != "" {
			name += " (" + s.Model + ")"
		}
		out = append(out, fmt.Sprintf("%s: %s, %s", name, s.Dollars.Dollars(), counted(s.Runs, "run")))
	}
	if a.Rest.Runs > 0 {
		out = append(out, fmt.Sprintf("others: %s, %s", a.Rest.Dollars.Dollars(), counted(a.Rest.Runs, "run")))
	}
	return out
}
