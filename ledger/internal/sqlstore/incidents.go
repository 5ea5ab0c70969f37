package sqlstore

import (
	"encoding/json"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// An alert is kept as JSON beside the columns that are searched by: nobody
// computes with the rest of it.
var incidents = &table[ledger.Incident]{
	name: "incidents", key: "name",
	rest: "kind severity title alert opened_at seen_at seen over_at told told_at told_severity tellings first_telling silenced_until silenced_by silenced_why raised_by",
	values: func(_ numbers, i ledger.Incident) []any {
		return []any{
			i.Alert.Key, string(i.Alert.Kind), string(i.Alert.Severity), i.Alert.Title, alertJSON(i.Alert),
			ledger.Micros(i.OpenedAt), ledger.Micros(i.SeenAt), int64(i.Count), ledger.Micros(i.OverAt),
			string(i.Told), ledger.Micros(i.ToldAt), string(i.ToldSeverity), int64(i.Tellings), int64(i.First),
			ledger.Micros(i.Silenced.Until), i.Silenced.By, i.Silenced.Why, i.By,
		}
	},
}

var deliveries = &table[ledger.Delivery]{
	name: "deliveries", key: "id", rest: "incident telling occasion sink place state attempts error at ended_at raised_by alert",
	values: func(_ numbers, d ledger.Delivery) []any {
		return []any{
			d.ID, d.Key, int64(d.N), string(d.Occasion), d.Sink, d.Place, string(d.State), int64(d.Attempts), d.Error,
			ledger.Micros(d.At), ledger.Micros(d.EndedAt), d.By, alertJSON(d.Alert),
		}
	},
}

// alertJSON can't fail: an alert is text, money and a time.
func alertJSON(a batch.Alert) []byte {
	b, err := json.Marshal(a)
	if err != nil {
		return []byte("{}")
	}
	return b
}

const incidentColumns = `alert, opened_at, seen_at, seen, over_at, told, told_at, told_severity, tellings, first_telling,
	silenced_until, silenced_by, silenced_why, raised_by FROM incidents `

// Incident reads one.
func (t *tx) Incident(key string) (ledger.Incident, bool, error) {
	return first(t.incidentsWhere("WHERE name = $1", key))
}

// Incidents reads those that are open, or all, the last seen first.
func (t *tx) Incidents(all bool, limit int) ([]ledger.Incident, error) {
	where := "WHERE over_at = 0 ORDER BY seen_at DESC, name LIMIT $1"
	if all {
		where = "ORDER BY seen_at DESC, name LIMIT $1"
	}
	return t.incidentsWhere(where, int64(limit))
}

func (t *tx) incidentsWhere(where string, args ...any) ([]ledger.Incident, error) {
	const op = "read incidents"
	var out []ledger.Incident
	err := t.query(op, "SELECT "+incidentColumns+where, args, func(s Row) error {
		var (
			i                                  ledger.Incident
			alert                              []byte
			opened, seen, over, told, silenced int64
		)
		if err := s.Scan(&alert, &opened, &seen, &i.Count, &over, &i.Told, &told, &i.ToldSeverity, &i.Tellings, &i.First,
			&silenced, &i.Silenced.By, &i.Silenced.Why, &i.By); err != nil {
			return err
		}
		if err := json.Unmarshal(alert, &i.Alert); err != nil {
			return unreadable(op, "", err)
		}
		i.OpenedAt, i.SeenAt, i.OverAt = ledger.Instant(opened), ledger.Instant(seen), ledger.Instant(over)
		i.ToldAt, i.Silenced.Until = ledger.Instant(told), ledger.Instant(silenced)
		out = append(out, i)
		return nil
	})
	return out, err
}

const deliveryColumns = "id, incident, telling, occasion, sink, place, state, attempts, error, at, ended_at, raised_by, alert FROM deliveries "

// Delivery reads one.
func (t *tx) Delivery(id string) (ledger.Delivery, bool, error) {
	return first(t.deliveriesWhere("WHERE id = $1", id))
}

// DeliveriesOf reads all of an incident, in order.
func (t *tx) DeliveriesOf(key string) ([]ledger.Delivery, error) {
	return t.deliveriesWhere("WHERE incident = $1 ORDER BY telling, place, id", key)
}

func (t *tx) deliveriesWhere(where string, args ...any) ([]ledger.Delivery, error) {
	const op = "read deliveries"
	var out []ledger.Delivery
	err := t.query(op, "SELECT "+deliveryColumns+where, args, func(s Row) error {
		var (
			d         ledger.Delivery
			alert     []byte
			at, ended int64
		)
		if err := s.Scan(&d.ID, &d.Key, &d.N, &d.Occasion, &d.Sink, &d.Place, &d.State, &d.Attempts, &d.Error, &at, &ended, &d.By, &alert); err != nil {
			return err
		}
		if err := json.Unmarshal(alert, &d.Alert); err != nil {
			return unreadable(op, d.ID, err)
		}
		d.At, d.EndedAt = ledger.Instant(at), ledger.Instant(ended)
		out = append(out, d)
		return nil
	})
	return out, err
}
